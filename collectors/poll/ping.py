"""Pings without privilege: ICMP echoes by a datagram socket of the kernel's own (Linux, macOS), their time and loss."""

import asyncio
import logging
import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from pipeline.core.column import Column
from pipeline.core.raw import RawTable

log = logging.getLogger(__name__)

ECHO, ECHO_6 = 8, 128
REPLIES = (0, 129)
"""Types of an echo reply (RFC 792, RFC 4443 section 4.2); of an echo request above."""

_HEAD = struct.Struct("!BBHHH")
_PAUSE_S = 0.1
_LARGEST = 2048
_COOKIE = 8
_REMEDY = 'let the kernel grant it to our group: sysctl -w net.ipv4.ping_group_range="0 2147483647"; until then no device is pinged'


@dataclass(frozen=True, slots=True)
class Pinged:
    """How many echoes went out, and the times of those that came back, in milliseconds."""

    sent: int
    times_ms: tuple[float, ...]

    @property
    def table(self) -> RawTable:
        """One row: the median time, and the share that was lost."""
        times = sorted(self.times_ms)
        middle = times[len(times) // 2] if times else None
        return RawTable(("0",), {"rtt": Column.of([middle]), "loss": Column.of([1.0 - len(times) / self.sent])})


class Pinger:
    """Pings addresses. ``now`` gives monotonic seconds; ``make`` makes the socket (another one in tests)."""

    def __init__(
        self,
        count: int,
        timeout_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
        make: Callable[[int, int], socket.socket] | None = None,
    ) -> None:
        self._count = count
        self._timeout_s = timeout_s
        self._now = now
        self._make = make or (lambda family, protocol: socket.socket(family, socket.SOCK_DGRAM, protocol))
        self.trouble = ""

    async def ping(self, address: str) -> Pinged | None:
        """Several echoes, one after the other; ``None`` when the host lets us send none. Never raises for what a network does."""
        try:
            is_old = isinstance(ip_address(address), IPv4Address)
            link = self._make(*((socket.AF_INET, socket.IPPROTO_ICMP) if is_old else (socket.AF_INET6, socket.IPPROTO_ICMPV6)))
        except ValueError:  # no address
            return None
        except OSError as error:
            self._complain(error)
            return None
        with closing(link):
            link.setblocking(False)
            return await self._echo(link, address, ECHO if is_old else ECHO_6)

    def _complain(self, error: OSError) -> None:
        if not self.trouble:
            self.trouble = f"no ping can be sent ({error}): {_REMEDY}"
            log.warning(self.trouble)

    async def _echo(self, link: socket.socket, address: str, kind: int) -> Pinged:
        """The kernel puts the identifier in, and gives us only what answers it (ping(7) does the same)."""
        cookie = os.urandom(_COOKIE)
        sent_at: dict[int, float] = {}
        times: list[float] = []
        all_heard = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hear() -> None:
            try:
                data = link.recv(_LARGEST)
            except OSError:  # unreachable is a loss
                return
            number = _answered(data, cookie)
            if number in sent_at:
                times.append(1000 * (self._now() - sent_at.pop(number)))
                if len(times) == self._count:
                    all_heard.set()

        loop.add_reader(link, hear)
        try:
            for number in range(self._count):
                sent_at[number] = self._now()
                try:
                    link.sendto(_HEAD.pack(kind, 0, 0, 0, number) + cookie, (address, 0))
                except OSError:  # no route is a loss
                    log.debug("no echo to %s", address, exc_info=True)
                await asyncio.sleep(_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._timeout_s - _PAUSE_S) if sent_at else 0.0):
                    await all_heard.wait()
        finally:
            loop.remove_reader(link)
        return Pinged(self._count, tuple(times))


def _answered(data: bytes, cookie: bytes) -> int:
    """Which echo is answered; -1 for anything else."""
    if len(data) < _HEAD.size + _COOKIE or data[0] not in REPLIES or data[_HEAD.size : _HEAD.size + _COOKIE] != cookie:
        return -1
    number: int = _HEAD.unpack_from(data)[4]
    return number
