"""Who we are for the API server: tokens, certificates and programs, and what is said of those that do not do."""

import base64
import os
import shlex
import ssl
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.support.api_server import ApiServer, Fault, line, running_api_server, sending, status
from tests.support.following import ONE, TWO, following, hosts, settled
from tests.support.logs import captured_events
from tests.support.waiting import until
from tidegate.control.discovery.kubernetes.cluster import Cluster
from tidegate.control.discovery.kubernetes.credentials import ServiceAccount, load
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError


async def test_a_token_that_was_rotated_is_read_again(server: ApiServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    server.tokens = {"old"}
    cluster = Cluster(Kubeconfig(server.kubeconfig(tmp_path / "config", token_file=token)))
    async with following(server, tmp_path, cluster=cluster) as pool:
        await settled(pool, 1)
        await until(lambda: server.watchers == 1)
        server.tokens = {"new"}
        token.write_text("new\n")
        await server.cut_watches()
        await server.put(TWO)
        await settled(pool, 1, 2)
        assert [asked.token for asked in server.asked] == ["old", "old", "old", "new"], "401 is tried again once, at once"
        server.tokens = {"newer"}
        await server.cut_watches()
        await until(lambda: pool.discovery.reason == "401: the API server does not know our token or certificate")
        assert hosts(pool) == ["10.0.0.1", "10.0.0.2"]
        token.write_text("newer")
        await until(lambda: pool.discovery.synced)


async def test_credentials_are_read_again_when_they_are_old(server: ApiServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    source = Kubeconfig(server.kubeconfig(tmp_path / "config", token_file=token))
    async with following(server, tmp_path, cluster=Cluster(source, credentials_age=0.0)) as pool:
        await until(lambda: server.watchers == 1)
        token.write_text("two")
        await server.cut_watches()
        await until(lambda: server.asked[-1].token == "two")
        await until(lambda: pool.discovery.synced)


async def test_a_pod_uses_its_service_account_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    token, trusted = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("of-the-pod\n")
    authority.cert_pem.write_to_path(str(trusted))
    async with running_api_server(certificate) as server:
        server.tokens = {"of-the-pod"}
        await server.put(ONE)
        environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
        account = ServiceAccount(environ, str(token), str(trusted))
        async with following(server, tmp_path, cluster=Cluster(account)) as pool:
            await settled(pool, 1)
            await until(lambda: pool.discovery.synced)
        trustme.CA().cert_pem.write_to_path(str(trusted))
        async with following(server, tmp_path, cluster=Cluster(account)) as pool:
            await until(lambda: (pool.discovery.reason or "").startswith("the certificate of the API server is not valid"))


@pytest.mark.parametrize(
    ("token", "environ", "reason"),
    [
        (" \n", {}, "token is empty"),
        (None, {}, "token: no such file or directory"),
        ("sécret", {}, "the token has characters that no token has"),
        ("fine", {}, "the CA certificate of the API server cannot be used: no such file or directory"),
        ("fine", {"KUBERNETES_SERVICE_PORT": ""}, "this is no pod of a cluster: KUBERNETES_SERVICE_PORT is not set"),
    ],
)
async def test_what_is_wrong_with_a_service_account_is_named(
    tmp_path: Path, token: str | None, environ: dict[str, str], reason: str
) -> None:
    if token is not None:
        (tmp_path / "token").write_text(token)
    environ = {"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "443"} | environ
    account = ServiceAccount(environ, "token", "ca.crt")  # short names: of a long message the middle is left out
    with chdir(tmp_path), pytest.raises(UnusableCredentialsError, match=reason) as refusal:
        await load(account)
    assert "sécret" not in str(refusal.value)


ENTRIES = "current-context: here\ncontexts: [{name: here, context: {user: me, cluster: c}}]\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "line 1 is not YAML"),
        ("{}", "Invalid kube-config file. Expected key current-context in"),
        ("3", "it does not have the right shape"),
        (ENTRIES + "clusters: []\nusers: [{name: me, token: hidden}]\n", "Invalid kube-config file. Expected key user in"),
        ("current-context: gone\ncontexts: []\nclusters: []\n", "Invalid kube-config file."),
        (
            ENTRIES + "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: []\n",
            "its context names the user 'me', which is not there",
        ),
        (
            ENTRIES + "clusters: [{name: c, cluster: {server: nonsense}}]\nusers: [{name: me, user: {}}]\n",
            "the server of its cluster is no http or https URL",
        ),
        (
            ENTRIES + "clusters: [{name: c, cluster: {}}]\nusers: [{name: me, user: {}}]\n",
            "Invalid kube-config file. Expected key server in",
        ),
        (
            ENTRIES + "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
            'users: [{name: me, user: {token: "hidden\\nhidden"}}]\n',
            "the token has characters that no token has",
        ),
        (None, ""),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_said_and_tried_again(
    server: ApiServer, tmp_path: Path, text: str | None, reason: str
) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(str(path)))) as pool:
        await until(lambda: (pool.discovery.reason or "").startswith(f"the kubeconfig {path} cannot be used: {reason}"))
        assert "hidden" not in (pool.discovery.reason or "")
        server.kubeconfig(path)
        await settled(pool, 1)


async def test_key_files_that_were_deleted_are_written_again(tmp_path: Path) -> None:
    authority, certificate = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    async with running_api_server(certificate) as server:
        await server.put(ONE)
        config = config_with(server, tmp_path)
        trust_in(config, authority.cert_pem.bytes())
        async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
            await until(lambda: server.watchers == 1)
            sweep((await load(Kubeconfig(config))).ca_file)
            await server.cut_watches()
            await server.put(TWO)
            await settled(pool, 1, 2)


def sweep(file: object) -> None:
    """Remove a file, as those do who tidy temporary folders."""
    Path(str(file)).unlink()


async def test_pools_of_one_cluster_ask_its_program_once(server: ApiServer, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    text = f"open({str(runs)!r}, 'a').write('x')\n{PRINT_CREDENTIAL}"
    config = config_with(server, tmp_path, exec=exec_of(program(tmp_path, text), "program", T="the-"))
    cluster = Cluster(Kubeconfig(config, environ={"PATH": os.environ["PATH"]}))
    async with (
        following(server, tmp_path, cluster=cluster) as one,
        following(server, tmp_path, cluster=cluster) as two,
    ):
        await settled(one, 1)
        await settled(two, 1)
        await until(lambda: server.watchers == 2)
        assert runs.read_text() == "x"


async def test_outside_a_cluster_without_a_kubeconfig_the_reason_names_the_variable(
    server: ApiServer, tmp_path: Path
) -> None:
    async with following(server, tmp_path, cluster=Cluster(ServiceAccount({}))) as pool:
        await until(lambda: "TIDEGATE_KUBERNETES__KUBECONFIG" in (pool.discovery.reason or ""))


ECHO = "x" * 280 + " your header was: Bearer s3cret-of-the-pod"


@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        ("list", status(500, ECHO[200:])),
        ("list", status(500, ECHO)),
        ("watch", sending(line("ERROR", {"code": 500, "message": ECHO[200:]}))),
        ("watch", sending(line("ERROR", {"code": 500, "message": ECHO}))),
    ],
)
async def test_a_server_that_tells_us_our_token_does_not_put_it_into_the_log_or_the_status(
    server: ApiServer, tmp_path: Path, verb: str, fault: Fault
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-of-the-pod")
    server.standing[verb] = fault
    cluster = Cluster(Kubeconfig(server.kubeconfig(tmp_path / "config", token_file=token)))
    with captured_events() as log:
        async with following(server, tmp_path, cluster=cluster) as pool:
            await until(lambda: "xxxx" in (pool.discovery.reason or ""))
            assert "s3c" not in (pool.discovery.reason or "")
    assert "xxxx" in repr(log)
    assert "s3c" not in repr(log)


def program(folder: Path, text: str) -> str:
    """A program of Python for a kubeconfig to name."""
    path = folder / "credentials"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def config_with(server: ApiServer, folder: Path, **user: Any) -> str:
    """A kubeconfig with this user."""
    path = Path(server.kubeconfig(folder / "config"))
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = user
    path.write_text(yaml.safe_dump(config))
    return str(path)


def exec_of(command: str, *arguments: str, **environment: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in environment.items()]
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": [*arguments], "env": variables}


PRINT_CREDENTIAL = """
import json, os, sys
version = json.loads(os.environ["KUBERNETES_EXEC_INFO"])["apiVersion"]
assert not any(name.startswith("TIDEGATE_") for name in os.environ)
print("noise", file=sys.stderr)
status = {"token": os.environ["T"] + sys.argv[1]}
print(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))
"""


async def test_a_program_of_the_kubeconfig_gives_the_token(server: ApiServer, tmp_path: Path) -> None:
    program(tmp_path, PRINT_CREDENTIAL)
    server.tokens = {"from-the-program"}
    config = config_with(server, tmp_path, exec=exec_of("./credentials", "-program", T="from-the"))
    cluster = Cluster(Kubeconfig(config, environ={"TIDEGATE_ADMIN_TOKEN": "hidden", "PATH": os.environ["PATH"]}))
    async with following(server, tmp_path, cluster=cluster) as pool:
        await settled(pool, 1)
        await until(lambda: pool.discovery.synced)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; print('hidden', file=sys.stderr); sys.exit(3)", "failed with exit code 3"),
        ("print('hidden')", "prints no ExecCredential with a status"),
        ("print('[]')", "prints no ExecCredential with a status"),
        ("print('x' * 2_000_000)", "prints more than 1 MiB"),
        ('print(\'{"kind": "ExecCredential", "status": {}}\')', "gives no token, and no certificate with its key"),
    ],
)
async def test_a_program_that_fails_is_said_without_what_it_has_printed(
    server: ApiServer, tmp_path: Path, text: str, reason: str
) -> None:
    config = config_with(server, tmp_path, exec=exec_of(program(tmp_path, text)))
    with captured_events() as log:
        async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
            await until(lambda: (pool.discovery.reason or "").endswith(reason))
    assert "hidden" not in repr(log)


async def test_a_program_that_is_not_there_is_said(server: ApiServer, tmp_path: Path) -> None:
    config = config_with(server, tmp_path, exec=exec_of("/nowhere/at-all"))
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
        reason = f"the kubeconfig {config} cannot be used: its program '/nowhere/at-all': no such file or directory"
        await until(lambda: pool.discovery.reason == reason)


async def test_a_program_that_hangs_ends_with_the_discovery_and_so_does_what_it_has_started(
    server: ApiServer, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    script = f"echo $$ >> {shlex.quote(str(started))}; sleep 600 & echo $! >> {shlex.quote(str(started))}; wait"
    config = config_with(server, tmp_path, exec=exec_of("/bin/sh", "-c", script))
    async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))):
        await until(lambda: started.exists() and len(started.read_text().split()) == 2)
    await until(lambda: not any(is_running(int(number)) for number in started.read_text().split()))


def is_running(number: int) -> bool:
    """Whether there is a process of this number that has not ended."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("ca.crt", "cannot be used: the CA certificate of the API server cannot be used: "),
        ("key.pem", "cannot be used: our certificate and key cannot be used: "),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_told_from_a_key_that_cannot(
    tmp_path: Path, bad: str, reason: str
) -> None:
    authority = trustme.CA()
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    mine = authority.issue_cert("me")
    good = {"ca.crt": authority.cert_pem, "mine.crt": mine.cert_chain_pems[0], "key.pem": mine.private_key_pem}
    for name, pem in good.items():
        pem.write_to_path(str(tmp_path / name))
    (tmp_path / bad).write_text("-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n")
    async with running_api_server(certificate) as server:
        await server.put(ONE)
        config = config_with(server, tmp_path, **{"client-certificate": "mine.crt", "client-key": "key.pem"})
        trust_in(config, "ca.crt")
        async with following(server, tmp_path, cluster=Cluster(Kubeconfig(config))) as pool:
            await until(lambda: reason in (pool.discovery.reason or ""))
            good[bad].write_to_path(str(tmp_path / bad))
            await settled(pool, 1)


def trust_in(path: str, certificate: str | bytes) -> None:
    """Put the CA certificate of the API server into a kubeconfig, or the name of its file."""
    config = yaml.safe_load(Path(path).read_text())
    if isinstance(certificate, bytes):
        given = {"certificate-authority-data": base64.b64encode(certificate).decode()}
    else:
        given = {"certificate-authority": certificate}
    config["clusters"][0]["cluster"] |= given
    Path(path).write_text(yaml.safe_dump(config))
