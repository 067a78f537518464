"""The probe of gRPC's health service, against gRPC's own server and against peers that are none."""

from pathlib import Path

from tests.support.backends import answering, http_answer, running_backend, silent
from tests.support.probes import probe
from tests.support.scripted import Script, playing
from tests.support.servers import grpc_servers

SETTINGS_FRAME = b"\0\0\0\x04\0\0\0\0\0"


async def test_the_health_service_of_a_grpc_server_decides(tmp_path: Path) -> None:
    async with grpc_servers(tmp_path) as (healthy, bare):
        assert await probe(healthy, "grpc") == "ok"
        assert await probe(healthy, "grpc", service="ready") == "ok"
        assert await probe(healthy, "grpc", headers="Authorization: Bearer s3cret, User-Agent: watcher") == "ok"
        assert (
            await probe(healthy, "grpc", service="drained")
            == "expected the service 'drained' to be SERVING, got NOT_SERVING"
        )
        unknown = "NOT_FOUND: the service 'other' is not known to the health service; see health.service"
        assert await probe(healthy, "grpc", service="other") == unknown
        assert await probe(healthy, "grpc", service="x" * 200) == unknown.replace("other", "x" * 200)
        assert await probe(bare, "grpc") == (
            "UNIMPLEMENTED: the server has no grpc.health.v1.Health; add it there, or check with type tcp"
        )


async def test_what_is_no_grpc_server_is_said_to_be_none() -> None:
    async with (
        running_backend(answering(http_answer("400 Bad Request"))) as web,
        running_backend(playing(Script(SETTINGS_FRAME))) as leaving,
        running_backend(playing(Script(SETTINGS_FRAME + b"\0\0\x08\x07\0\0\0\0\0" + bytes(7) + b"\x0b"))) as refusing,
        running_backend(playing(Script(SETTINGS_FRAME + b"\0\0\x01\x06\0\0\0\0\0x"))) as broken,
        running_backend(playing(Script(SETTINGS_FRAME + b"\0\0\x02\x01\x05\0\0\0\x01\xff\xff"))) as garbled,
        running_backend(silent) as mute,
    ):
        assert await probe(web.port, "grpc") == "expected HTTP/2, got 'HTTP/1.1 '"
        assert await probe(leaving.port, "grpc") == "connection closed without an answer"
        assert (await probe(broken.port, "grpc")).startswith("HTTP/2 failed: ")
        reason = await probe(garbled.port, "grpc")
        assert reason.startswith("HTTP/2 failed: 'Error decoding header block: ")
        assert "0x" not in reason, "an address in memory is another one at each probe"
        assert await probe(refusing.port, "grpc") == "the server ended the request: ENHANCE_YOUR_CALM"
        assert (await probe(mute.port, "grpc", timeout="200ms")).startswith("no answer in 200ms after sending ")
