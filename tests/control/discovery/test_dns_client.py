"""Questions to a real DNS server on loopback."""

import asyncio
from pathlib import Path

import pytest

from tests.support.dns_server import DnsServer, Fault, Question, running_dns_server
from tests.support.ports import free_port
from tidegate.control.discovery.dns_client import DnsClient, LookUpError
from tidegate.core.address import parse_host_and_port
from tidegate.core.discovery.dns_records import Target

NAME = "chat.test."


def client_of(server: DnsServer, *, resolv_conf: Path | None = None, timeout: float = 5.0) -> DnsClient:
    return DnsClient(parse_host_and_port(server.resolver), resolv_conf=str(resolv_conf or "/nowhere"), timeout=timeout)


async def test_addresses_come_with_their_time_to_live() -> None:
    async with running_dns_server() as server:
        server.ttl = 7
        server.set(NAME, "A", "10.0.0.1", "10.0.0.2")
        answer = await client_of(server).addresses(NAME)
        assert sorted(answer.addresses) == ["10.0.0.1", "10.0.0.2"]
        assert answer.ttl == 7
        assert server.questions == [Question(NAME, "A", "udp")]


async def test_ipv6_is_asked_for_only_where_there_is_no_ipv4() -> None:
    async with running_dns_server() as server:
        server.set(NAME, "AAAA", "fd00::1")
        client = client_of(server)
        assert (await client.addresses(NAME)).addresses == ["fd00::1"]
        assert [question.type for question in server.questions] == ["A", "AAAA"]
        assert (await client.addresses(NAME, "a")).absence == "the name has no A records"
        server.set(NAME, "A", "10.0.0.1")
        assert (await client.addresses(NAME)).addresses == ["10.0.0.1"]
        assert (await client.addresses(NAME, "aaaa")).addresses == ["fd00::1"]


async def test_an_alias_is_followed() -> None:
    async with running_dns_server() as server:
        server.set("alias.test.", "CNAME", NAME)
        server.set(NAME, "A", "10.0.0.1")
        assert (await client_of(server).addresses("alias.test.")).addresses == ["10.0.0.1"]


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    async with running_dns_server() as server:
        addresses = [f"10.0.{number // 250}.{number % 250}" for number in range(2000)]
        server.set(NAME, "A", *addresses)
        server.truncates = True
        assert set((await client_of(server).addresses(NAME)).addresses) == set(addresses)
        assert (server.asked("A", "udp"), server.asked("A", "tcp")) == (1, 1)


async def test_no_records_and_no_name_are_answers() -> None:
    async with running_dns_server() as server:
        server.set("empty.test.", "TXT", "nothing")
        client = client_of(server)
        assert (await client.addresses("empty.test.")).absence == "the name has no A or AAAA records"
        assert (await client.targets("empty.test.")).absence == "the name has no SRV records"
        assert (await client.addresses("nobody.test.")).absence == "the name does not exist"
        assert (await client.targets("nobody.test.")).absence == "the name does not exist"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.SERVFAIL, "says SERVFAIL"),
        (Fault.REFUSED, "says REFUSED"),
        (Fault.SILENCE, "no answer in 0.3s"),
        (Fault.GARBAGE, "no answer in 0.3s"),
        (Fault.FOREIGN_QUESTION, "no answer in 0.3s"),
    ],
)
async def test_trouble_is_no_answer(fault: Fault, reason: str) -> None:
    async with running_dns_server() as server:
        server.set(NAME, "A", "10.0.0.1")
        server.fault = fault
        client = client_of(server, timeout=0.3)
        with pytest.raises(LookUpError, match=reason):
            await client.addresses(NAME)
        with pytest.raises(LookUpError, match=reason):
            await client.targets(NAME)


async def test_no_server_is_trouble_that_names_no_library() -> None:
    client = DnsClient(parse_host_and_port(f"127.0.0.1:{free_port()}"), resolv_conf="/nowhere", timeout=0.3)
    with pytest.raises(LookUpError, match=r"^no answer in 0\.3s$"):
        await client.addresses(NAME)


async def test_no_resolv_conf_is_trouble() -> None:
    with pytest.raises(LookUpError, match="/nowhere"):
        await DnsClient(resolv_conf="/nowhere").addresses(NAME)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("chat", ["chat.default.svc.test.", "chat.svc.test."]),
        ("chat.svc", ["chat.svc.default.svc.test.", "chat.svc.svc.test.", "chat.svc.test."]),
        ("chat.svc.test", ["chat.svc.test."]),
        ("chat.svc.test.", ["chat.svc.test."]),
    ],
)
async def test_a_name_is_searched_as_resolv_conf_says(tmp_path: Path, name: str, asked: list[str]) -> None:
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("nameserver 192.0.2.1\nsearch default.svc.test svc.test test\noptions ndots:2\n")
    async with running_dns_server() as server:
        server.set("chat.svc.test.", "A", "10.0.0.1")
        assert (await client_of(server, resolv_conf=resolv_conf).addresses(name)).addresses == ["10.0.0.1"]
        assert [question.name for question in server.questions] == asked


async def test_srv_records_come_with_the_addresses_that_the_server_has_added() -> None:
    async with running_dns_server() as server:
        server.set(
            NAME, "SRV", "10 5 8001 Pod-1.chat.test.", "20 0 8002 pod-2.chat.test.", "0 0 1 .", "0 0 0 pod-3.chat.test."
        )
        server.add_to_answers("Pod-1.Chat.test.", "A", "10.0.0.1")
        server.add_to_answers("pod-1.chat.test.", "AAAA", "fd00::1")
        answer = await client_of(server).targets(NAME)
        assert set(answer.targets) == {Target("pod-1.chat.test", 8001, 10, 5), Target("pod-2.chat.test", 8002, 20, 0)}
        assert answer.addresses == {"pod-1.chat.test": ["10.0.0.1", "fd00::1"]}


async def test_a_service_that_is_not_there_has_no_targets() -> None:
    async with running_dns_server() as server:
        server.set(NAME, "SRV", "0 0 0 .")
        answer = await client_of(server).targets(NAME)
        assert (answer.targets, answer.absence) == ([], "no SRV record of the name has a usable target")


async def test_a_question_can_be_cancelled_at_any_moment() -> None:
    async with running_dns_server() as server:
        server.set(NAME, "A", "10.0.0.1")
        for turns in range(30):
            asked = len(server.questions)
            task = asyncio.ensure_future(client_of(server).addresses(NAME))
            while len(server.questions) == asked:  # noqa: ASYNC110  (the test counts turns of the loop)
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.done():
                break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await task).addresses == ["10.0.0.1"]
