"""Net-snmp's `snmptrap -Ci` asks again while no answer comes: one INFORM, however often it is sent and answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collectors.trap.conservation import conservation
from collectors.trap.usm import message
from pipeline.core.raw import SecurityLevel
from tests.collectors.trap.usm.test_net_snmp import TRAP, name, security, snmptrap
from tests.support.collecting import FakeBroker, collecting, until
from tests.support.usm import user

pytestmark = pytest.mark.needs_netsnmp

WITHHELD = 2
ASK = ("-Ci", "-r", "5", "-t", "1")
PUBLIC = ("-v2c", "-c", "public")
PRIVATE = tuple(security("SHA-256", "AES"))


class Relay(asyncio.DatagramProtocol):
    """The way between a sender and the collector, on which the first ``WITHHELD`` answers to INFORMs are lost."""

    def __init__(self, collector: tuple[str, int]) -> None:
        self._collector = collector
        self._sender: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self.asked: list[bytes] = []
        self.lost = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        if addr != self._collector:
            self._sender = addr
            if is_about_an_inform(data):
                self.asked.append(data)
            self._transport.sendto(data, self._collector)
        elif is_about_an_inform(data) and self.lost < WITHHELD:
            self.lost += 1
        else:
            self._transport.sendto(data, self._sender)


def is_about_an_inform(data: bytes) -> bool:
    """An INFORM or its answer; with v3 discovery goes before, which is not encrypted."""
    return not message.is_v3(data) or message.read(data).level is SecurityLevel.AUTH_PRIV


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to the collector's ``port`` and where ``snmptrap`` reaches it."""
    loop = asyncio.get_running_loop()
    transport, between = await loop.create_datagram_endpoint(lambda: Relay(("127.0.0.1", port)), local_addr=("127.0.0.1", 0))
    try:
        yield between, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@pytest.mark.parametrize(("options", "alike"), [(PUBLIC, True), (PRIVATE, False)], ids=["v2c", "v3"])
async def test_an_inform_whose_answers_are_lost_counts_once(tmp_path: Path, options: tuple[str, ...], *, alike: bool) -> None:
    """With v2c the very bytes come again, with v3 other bytes of the same request. The sender is content in the end."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(user(name("SHA-256", "AES")),)) as running, relay(running.port) as (between, where):
        assert await snmptrap(tmp_path, *options, *ASK, where, *TRAP) == 0
        times = len(between.asked)
        assert times > WITHHELD == between.lost
        await until(lambda: running.count("traps_absorbed_total", reason="repeated-inform") == times - 1, "repeats are absorbed")
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "all decided")
        assert running.count("informs_answered_total") == times
        told = conservation(tmp_path)
    assert len(set(between.asked)) == (1 if alike else times)
    assert told["journaled"] == told["published"] + told["absorbed"] + told["quarantined"]
    assert (told["published"], told["absorbed"]) == (1, times - 1)
    [trap] = broker.traps()
    assert trap.inform


async def test_the_same_said_anew_is_another_inform(tmp_path: Path) -> None:
    """A second run of the sender has a request-id of its own, though it tells the same."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        for _ in range(2):
            assert await snmptrap(tmp_path, *PUBLIC, *ASK, f"127.0.0.1:{running.port}", *TRAP) == 0
        await until(lambda: len(broker.traps()) == 2, "both are published")
    first, second = broker.traps()
    assert first.request_id != second.request_id
    assert (first.trap_oid, first.varbinds, first.uptime_ticks) == (second.trap_oid, second.varbinds, second.uptime_ticks)
