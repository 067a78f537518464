"""Routes as they are written."""

import re

import pytest
from pydantic import ValidationError

from tidegate.core.preface.routes import Route
from tidegate.settings.parts.listener import ListenerSettings

CHAT = Route("chat", sni=("chat.example.com", "*.chat.example.com"))
API = Route("api", hosts=("api.example.com",), path_prefix="/v1/")


def routes_of(written: object) -> list[Route]:
    listener = ListenerSettings.model_validate({"bind": "0.0.0.0:80", "pool": "default", "routes": written})
    return listener.options.routes


@pytest.mark.parametrize(
    "written",
    [
        "sni=Chat.example.com,*.chat.example.com. pool=chat; host=api.example.com path=/v1/ pool=api;",
        ["sni=chat.example.com,*.chat.example.com pool=chat", "host=api.example.com path=/v1/ pool=api"],
        [
            {"sni": ["chat.example.com", "*.chat.example.com"], "pool": "chat"},
            {"host": "api.example.com", "path": "/v1/", "pool": " api "},
        ],
    ],
    ids=["text", "texts", "mappings"],
)
def test_routes_are_text_or_a_list_of_texts_and_mappings(written: object) -> None:
    assert routes_of(written) == [CHAT, API]


def test_a_route_to_no_pool_refuses_and_one_by_protocols_keeps_their_case() -> None:
    assert routes_of("alpn=mqtt,X-1 pool=mqtt; host=old.example.com pool=") == [
        Route("mqtt", alpn=("mqtt", "X-1")),
        Route("", hosts=("old.example.com",)),
    ]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("pool=chat", "expected sni=NAMES, alpn=PROTOCOLS, host=NAMES or path=/PREFIX, and pool=NAME"),
        ("sni=a.example.com", "and pool=NAME"),
        ("sni=a pool=x colour=red", "unknown 'colour=red'"),
        ("sni=a pool=x pool=y", "pool is given twice"),
        ("sni=a host=b pool=x", "no connection has both a ClientHello and a request in clear"),
        ("alpn=h2 path=/ pool=x", "no connection has both a ClientHello and a request in clear"),
        ("sni=*.*.a pool=x", "an asterisk stands for one whole label on the left"),
        ("sni=10.0.0.5 pool=x", "TLS clients ask for names only, not for IP addresses"),
        ("host=a..b pool=x", "'a..b' is neither an IP address nor a host name"),
        ("path=v1 pool=x", "expected the beginning of a path, like /socket.io/"),
        ([{"alpn": ["\u00e9"], "pool": "x"}], "expected the name of a protocol"),
        ([{"sni": [7], "pool": "x"}], "expected a comma list of names, or a list"),
        ([7], "expected sni=NAMES"),
        (7, "expected a comma list or a list"),
        ("host=a pool=x;" * 1001, "expected at most 1000 routes, not 1001"),
    ],
)
def test_what_is_wrong_with_a_route_is_said(written: object, reason: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)):
        routes_of(written)
