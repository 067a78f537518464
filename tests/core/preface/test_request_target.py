"""The four forms of a request's target. Whole requests are in test_request_head.py."""

import pytest

from tidegate.core.preface.outcome import MalformedError
from tidegate.core.preface.request_target import Target, read_target


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/", Target("/", None)),
        ("GET", "/a?b?c", Target("/a", None)),
        ("GET", "//a/b", Target("//a/b", None)),
        ("GET", "/http://b/c", Target("/http://b/c", None)),
        ("OPTIONS", "*", Target("*", None)),
        ("OPTIONS", "http://a", Target("/", "a")),
        ("GET", "HTTPS+x.1-y://A.b.:1/c//d?e", Target("/c//d", "a.b")),
        ("CONNECT", "[::1]:443", Target("", "::1")),
    ],
)
def test_a_target_has_a_path_and_perhaps_a_host(method: str, target: str, expected: Target) -> None:
    assert read_target(method, target) == expected


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "*"), ("GET", "**"), ("OPTIONS", "*a"), ("GET", "a:80"), ("GET", "http:/a"), ("GET", "http:///a"), ("GET", "http://?a"),
     ("GET", "://a"), ("GET", "/a#"), ("connect", "a:80"), ("CONNECT", "http://a:80"), ("CONNECT", "a:b"), ("CONNECT", "*")],
)  # fmt: skip
def test_a_target_of_another_form_is_malformed(method: str, target: str) -> None:
    with pytest.raises(MalformedError):
        read_target(method, target)
