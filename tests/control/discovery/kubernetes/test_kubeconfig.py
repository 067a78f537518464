"""A kubeconfig is taken as client-go takes it: what it says about trust and rights is done, or refused with a reason."""

import base64
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.support.api_server import ApiServer, running_api_server
from tests.support.following import ONE, following, settled
from tests.support.waiting import until
from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.credentials import load
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError

ACTING_AS = {
    "as": "system:serviceaccount:chat:reader",
    "as-uid": "1f0b",
    "as-groups": ["readers", "system:authenticated"],
    "as-user-extra": {"Scopes": ["view", "list"], "acme.example/Where und Wann": ["Zürich"]},
}
IMPERSONATE = {
    ("Impersonate-User", "system:serviceaccount:chat:reader"),
    ("Impersonate-Uid", "1f0b"),
    ("Impersonate-Group", "readers"),
    ("Impersonate-Group", "system:authenticated"),
    ("Impersonate-Extra-scopes", "view"),
    ("Impersonate-Extra-scopes", "list"),
    ("Impersonate-Extra-acme.example%2Fwhere%20und%20wann", "Zürich"),
}


def config_with(server: ApiServer, folder: Path, user: dict[str, Any], **cluster: Any) -> str:
    """A kubeconfig with this user, and these entries of its cluster."""
    path = Path(server.kubeconfig(folder / "config", user=user))
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"] |= cluster
    path.write_text(yaml.safe_dump(config))
    return str(path)


async def test_the_identity_to_act_as_goes_with_every_request(server: ApiServer, tmp_path: Path) -> None:
    config = config_with(server, tmp_path, {"token": "mine", **ACTING_AS})
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
        await settled(pool, 1)
        await until(lambda: server.watchers == 1)
    assert [(asked.verb, asked.token, set(asked.impersonate)) for asked in server.asked] == [
        ("list", "mine", IMPERSONATE),
        ("watch", "mine", IMPERSONATE),
    ]


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "groups without a user": (
        {"as-groups": ["admins"]},
        {},
        "its user has as-uid, as-groups or as-user-extra, and no user to act as: expected as",
    ),
    "a uid without a user": ({"as-uid": "1"}, {}, "its user has as-uid, as-groups or as-user-extra, and no user to act as"),
    "an identity that is no text": ({"as": 7}, {}, "its user's as: expected text on one line"),
    "an identity of two lines": ({"as": "a\nb"}, {}, "its user's as: expected text on one line"),
    "groups that are no list": ({"as": "a", "as-groups": "admins"}, {}, "its user's as-groups: expected a list of texts"),
    "an extra that is no list": (
        {"as": "a", "as-user-extra": {"scopes": "view"}},
        {},
        "its user's as-user-extra: expected a list of texts for each key",
    ),
    "a provider that there is no more": (
        {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/false", "cmd-args": ""}}},
        {},
        "its user's auth-provider 'gcp' is not supported: use a program (exec), as kubectl does",
    ),
    "a provider without a token": (
        {"auth-provider": {"name": "oidc", "config": {"refresh-token": "hidden"}}},
        {},
        "its user's auth-provider has no id-token, and Tidegate asks for none: use a program (exec)",
    ),
    "two ways to get a token": (
        {"auth-provider": {"name": "oidc", "config": {"id-token": "hidden"}}, "exec": {"command": "true"}},
        {},
        "its user has both an auth-provider and exec: expected one of them",
    ),
    "a program that asks people": (
        {"exec": {"command": "true", "interactiveMode": "Always"}},
        {},
        "its program asks people (interactiveMode: Always), and there are none here",
    ),
    "a wish that is a text": (
        {"exec": {"command": "true", "provideClusterInfo": "false"}},
        {},
        "its exec's provideClusterInfo: expected true or false",
    ),
    "a flag that is a text": (
        {},
        {"insecure-skip-tls-verify": "false"},
        "its cluster's insecure-skip-tls-verify: expected true or false",
    ),
    "a CA that nothing is checked against": (
        {},
        {"insecure-skip-tls-verify": True, "certificate-authority": "/ca.crt"},
        "its cluster has a certificate authority and insecure-skip-tls-verify: expected one of them",
    ),
    "a proxy of another kind": (
        {},
        {"proxy-url": "socks5://user:hidden@127.0.0.1:1080"},
        "its cluster's proxy-url: expected an http or https URL",
    ),
    "a server name that is no text": (
        {},
        {"tls-server-name": 7},
        "its cluster's tls-server-name: expected text on one line",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_would_widen_rights_or_break_trust_is_refused_with_a_reason(tmp_path: Path, name: str) -> None:
    user, cluster, reason = REFUSED[name]
    config = config_with(ApiServer(), tmp_path, user, **cluster)
    with pytest.raises(UnusableCredentialsError) as refusal:
        await load(Kubeconfig(config, environ={"PATH": os.environ["PATH"]}))
    assert str(refusal.value).startswith(f"the kubeconfig {config} cannot be used: {reason}")
    assert "hidden" not in str(refusal.value)


async def test_an_entry_without_a_value_is_as_if_it_were_not_there(server: ApiServer, tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"as": "", "as-groups": None, "as-user-extra": {}, "token": ""}
    (tmp_path / "token").write_text("of-the-file")
    config = config_with(
        server, tmp_path, {**nothing, "tokenFile": str(tmp_path / "token")}, **{"proxy-url": "", "tls-server-name": None}
    )
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
        await settled(pool, 1)
    assert (server.asked[0].token, server.asked[0].impersonate) == ("of-the-file", ())


async def test_a_token_file_counts_more_than_a_token(server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("new")
    config = config_with(server, tmp_path, {"token": "old", "tokenFile": str(tmp_path / "token")})
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
        await settled(pool, 1)
    assert server.asked[0].token == "new"


async def test_the_id_token_of_oidc_is_sent_as_it_is(server: ApiServer, tmp_path: Path) -> None:
    provider = {"name": "oidc", "config": {"id-token": "eyJ.e30.sig", "idp-issuer-url": "http://127.0.0.1:1"}}
    config = config_with(server, tmp_path, {"auth-provider": provider})
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
        await settled(pool, 1)
    assert server.asked[0].token == "eyJ.e30.sig"


async def test_a_certificate_is_checked_against_the_server_name_of_the_cluster(tmp_path: Path) -> None:
    authority, certificate = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(certificate)
    trust = {"certificate-authority-data": base64.b64encode(authority.cert_pem.bytes()).decode()}
    async with running_api_server(certificate) as server:
        await server.put(ONE)
        config = config_with(server, tmp_path, {}, **trust)
        async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
            await until(lambda: (pool.discovery.reason or "").startswith("the certificate of the API server is not valid"))
        config = config_with(server, tmp_path, {}, **trust, **{"tls-server-name": "api.example.com"})
        async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
            await settled(pool, 1)


PRINT_QUESTION = """
import os, pathlib
pathlib.Path(os.environ["ANSWER"]).write_text(os.environ["KUBERNETES_EXEC_INFO"])
print('{"kind": "ExecCredential", "status": {"token": "given"}}')
"""


@pytest.mark.parametrize("provide", [{"provideClusterInfo": True}, {"provideClusterInfo": False}, {}])
async def test_a_program_that_asks_for_it_learns_which_cluster_it_is(
    server: ApiServer, tmp_path: Path, provide: dict[str, bool]
) -> None:
    (tmp_path / "program").write_text(f"#!{sys.executable}\n{PRINT_QUESTION}")
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "ca.crt").write_bytes(b"any bytes")
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./program",
        "env": [{"name": "ANSWER", "value": str(tmp_path / "question")}],
        **provide,
    }
    cluster = {
        "certificate-authority": "ca.crt",
        "tls-server-name": "api.example.com",
        "disable-compression": True,
        "extensions": [
            {"name": "other", "extension": {"secret": "not for it"}},
            {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "06e3fbd1", "n": 3}},
        ],
    }
    config = config_with(server, tmp_path, {"exec": entry}, **cluster)
    async with following(
        server, tmp_path, cluster=Cluster(Kubeconfig(config, environ={"PATH": os.environ["PATH"]}))
    ) as pool:
        await settled(pool, 1)
    spec = json.loads((tmp_path / "question").read_text())["spec"]
    assert spec.pop("interactive") is False
    expected = {
        "server": server.url,
        "tls-server-name": "api.example.com",
        "certificate-authority-data": base64.b64encode(b"any bytes").decode(),
        "disable-compression": True,
        "config": {"audience": "06e3fbd1", "n": 3},
    }
    assert spec == ({"cluster": expected} if provide.get("provideClusterInfo") else {})
