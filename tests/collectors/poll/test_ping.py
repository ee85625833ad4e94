"""Pings tell time and loss; a host that lets nobody ping is told how to."""

import asyncio
import errno
import logging
import socket
import struct
from dataclasses import replace

import pytest

from collectors.poll.ping import Pinged, Pinger
from collectors.poll.poller import Poller
from pipeline.config.settings import PollSettings
from pipeline.core.column import Column
from pipeline.core.profile import PING
from pipeline.core.raw import PollOutcome, RawTable
from tests.support.agents import scripted, serving
from tests.support.datagrams import TICKS
from tests.support.polls import device_of

UPTIME = {"1.3.6.1.2.1.1.3.0": (TICKS, 7)}


class Responder(asyncio.DatagramProtocol):
    """Answers echoes on a UDP port as a host would by ICMP, all but those whose number is in ``lost``."""

    def __init__(self, *lost: int) -> None:
        self.lost = lost
        self.numbers: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        kind, code, _, _, number = struct.unpack_from("!BBHHH", data)
        assert (kind, code) == (8, 0)
        self.numbers.append(number)
        self._transport.sendto(b"\x03\x01noise", addr)  # type: ignore[attr-defined]  # CPython 3.11 does not type it so
        if number not in self.lost:
            self._transport.sendto(b"\0" + data[1:], addr)  # type: ignore[attr-defined]
            self._transport.sendto(b"\0" + data[1:], addr)  # type: ignore[attr-defined]


class ToResponder:
    """A datagram socket whose every datagram goes to one UDP port, whatever the address."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._port = port
        self.setblocking, self.recv, self.fileno, self.close = (
            self._socket.setblocking,
            self._socket.recv,
            self._socket.fileno,
            self._socket.close,
        )

    def sendto(self, data: bytes, _: tuple[str, int]) -> None:
        self._socket.sendto(data, ("127.0.0.1", self._port))


async def pinged(responder: Responder, count: int = 4) -> Pinged | None:
    """What a pinger finds of it."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: responder, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        return await Pinger(count, 0.3, make=lambda _family, _protocol: ToResponder(port)).ping("127.0.0.1")  # type: ignore[return-value, arg-type]
    finally:
        transport.close()


async def test_every_echo_that_comes_back_has_a_time() -> None:
    """An answer that comes twice counts once, and what is no answer not at all."""
    found = await pinged(responder := Responder())
    assert found is not None
    assert responder.numbers == [0, 1, 2, 3]
    assert len(found.times_ms) == 4
    assert all(0 < time_ms < 300 for time_ms in found.times_ms)
    assert found.table.columns["loss"].values() == (0.0,)


async def test_loss_is_the_share_that_does_not_come_back() -> None:
    """All of it when nobody answers, with no time then."""
    found = await pinged(Responder(1))
    assert found is not None
    assert found.table.columns["loss"].values() == (0.25,)
    nobody = await pinged(Responder(0, 1, 2, 3))
    assert nobody is not None
    assert nobody.table == RawTable(("0",), {"rtt": Column.of([None]), "loss": Column.of([1.0])})


def test_the_time_is_the_middle_one() -> None:
    """One slow echo says little."""
    assert Pinged(3, (1.0, 250.0, 2.0)).table.columns["rtt"].values() == (2.0,)


async def test_a_host_that_grants_none_is_told_the_remedy_once(caplog: pytest.LogCaptureFixture) -> None:
    """The polls go on without."""

    def refuse(_family: int, _protocol: int) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    pinger = Pinger(3, 0.3, make=refuse)
    with caplog.at_level(logging.WARNING):
        async with scripted(serving(UPTIME)) as (port, _):
            poller = Poller(PollSettings(timeout_s=0.3), pinger=pinger)
            polls = [await poller.poll(device_of(port=port)) for _ in range(2)]
    assert [polled.poll.outcome for polled in polls] == [PollOutcome.ANSWERED] * 2
    assert all(PING not in polled.poll.tables for polled in polls)
    (record,) = caplog.records
    assert "net.ipv4.ping_group_range" in record.message


async def test_what_is_no_address_is_not_pinged() -> None:
    """The poll tells of it."""
    assert await Pinger(3, 0.3).ping("not-an-address") is None


async def test_loopback_is_pinged_or_it_is_told_what_is_in_the_way() -> None:
    """The kernel's own socket: where this group may have one it answers, and where not the remedy is at hand."""
    pinger = Pinger(3, 1.0)
    found = await pinger.ping("127.0.0.1")
    if found is None:
        assert "net.ipv4.ping_group_range" in pinger.trouble
    else:
        assert len(found.times_ms) == 3


async def test_a_silent_device_that_answers_pings_says_so_in_its_poll() -> None:
    """Silent is silent; the ping stands beside it."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Responder, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    pinger = Pinger(2, 0.3, make=lambda _family, _protocol: ToResponder(port))  # type: ignore[return-value, arg-type]
    settings = replace(PollSettings(), timeout_s=0.1, retries=0)
    async with scripted(lambda _: []) as (agent, _):
        polled = await Poller(settings, pinger=pinger).poll(device_of(port=agent))
        asked_back = await Poller(settings, pinger=pinger).poll(device_of(port=agent), on_suspicion=True)
    transport.close()
    assert polled.poll.outcome is PollOutcome.TIMEOUT
    assert polled.poll.tables[PING].columns["loss"].values() == (0.0,)
    assert asked_back.poll.tables == {}
