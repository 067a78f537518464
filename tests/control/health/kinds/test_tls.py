"""Probes over TLS, against nginx and against peers that do not know TLS."""

import asyncio
from pathlib import Path
from typing import Any

import trustme

from tests.support.backends import answering, http_answer, running_backend, silent
from tests.support.probes import probe
from tests.support.servers import nginx_server

LOCATIONS = """
    location / { return 200; }
    location /down { return 503; }
    location /named { if ($ssl_server_name != chat.example) { return 421; } return 204; }
"""


async def test_https_and_tls_ask_nginx_and_believe_only_a_valid_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trust = {"ca_file": str(tmp_path / "ca.pem")}
    certificate = authority.issue_cert("127.0.0.1", "chat.example")
    async with nginx_server(tmp_path, certificate, LOCATIONS) as server:
        before = server.logged
        assert await probe(server.port, "https", **trust) == "ok"
        assert await probe(server.port, "tls", **trust) == "ok"
        assert complaints(server.logged.removeprefix(before)) == []
        assert await probe(server.port, "https", **trust, path="/down") == "expected status 200-399, got 503"
        assert await probe(server.port, "https", **trust, path="/named", expect_status=204) == (
            "expected status 204, got 421"
        ), "an IP address is no server name"
        named: dict[str, Any] = {"path": "/named", "expect_status": 204, "server_name": "chat.example"}
        assert await probe(server.port, "https", **trust, **named) == "ok"
        for kind in ("https", "tls"):
            reason = await probe(server.port, kind)
            assert reason == "certificate not accepted: unable to get local issuer certificate"
            assert await probe(server.port, kind, verify="false") == "ok"
            reason = await probe(server.port, kind, **trust, server_name="other.example")
            assert reason.startswith("certificate not accepted: Hostname mismatch, certificate is not valid for ")
        assert "alert unknown ca" in server.logged, "the server is told what was wrong with its certificate"


def complaints(log: str) -> list[str]:
    return [line for line in log.splitlines() if "SSL" in line or "[error]" in line or "[crit]" in line]


async def test_what_is_wrong_with_a_peer_that_does_not_speak_tls_is_said_exactly() -> None:
    async with (
        running_backend(answering(http_answer("200 OK"))) as plain,
        running_backend(silent) as mute,
        running_backend(gone_at_once) as gone,
        running_backend(plain_banner) as banner,
    ):
        for kind in ("https", "tls"):
            assert await probe(mute.port, kind, timeout="200ms") == "TLS handshake not finished in 200ms"
            assert await probe(gone.port, kind) == "connection closed during the TLS handshake"
            assert (await probe(banner.port, kind)).startswith("TLS handshake failed: ")
            assert await probe(plain.port, kind, timeout="200ms") == "TLS handshake not finished in 200ms"


async def gone_at_once(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1 << 16)


async def plain_banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.read()
