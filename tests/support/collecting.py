"""A trap collector inside a test: on a free port, with a broker of the test's own and its counters at hand."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from collectors.publish import Message, PublishLimits, Sender, SendError
from collectors.trap.collector import TrapCollector
from collectors.trap.guarding import Known, nothing_known
from pipeline import wire
from pipeline.config.settings import TrapSettings
from pipeline.core.event import Event
from pipeline.core.raw import RawTrap

DEADLINE_S = 20.0


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Raises ``AssertionError`` that says what did not come about."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while not true():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.005)


class FakeBroker:
    """A broker that can be taken down: what it acknowledged, in order, for each partition."""

    def __init__(self) -> None:
        self.up = True
        self.rounds: list[list[Message]] = []
        self.fail_after: int | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Sender]:
        if not self.up:
            raise SendError("no broker in this test")
        yield self

    async def send(self, messages: Sequence[Message]) -> None:
        await asyncio.sleep(0)
        if self.fail_after is not None:
            self.rounds.append(list(messages[: self.fail_after]))
            self.fail_after = None
            raise SendError("the connection broke in the middle of a round")
        if not self.up:
            raise SendError("no broker in this test")
        self.rounds.append(list(messages))

    def values(self) -> list[Any]:
        """Everything acknowledged, in the order of arrival."""
        return [value for messages in self.rounds for message in messages for value in wire.decode(message.value)]

    def traps(self) -> list[RawTrap]:
        return [value for value in self.values() if isinstance(value, RawTrap)]

    def events(self) -> list[Event]:
        """What the collector says of itself."""
        return [value for value in self.values() if isinstance(value, Event)]

    def sequences(self) -> list[int]:
        return sorted({value.sequence for value in self.traps()})


class Collecting:
    """A running collector: ``send`` datagrams to it, ask ``count`` for its counters."""

    def __init__(self, collector: TrapCollector, registry: CollectorRegistry) -> None:
        self.collector = collector
        self._registry = registry

    @property
    def port(self) -> int:
        return self.collector.listeners[0].address[1]

    def count(self, name: str, **labels: str) -> int:
        return int(self._registry.get_sample_value(f"assure_{name}", labels) or 0)

    def send(self, *payloads: bytes, source: str = "127.20.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            for payload in payloads:
                sender.sendto(payload, ("127.0.0.1", self.port))

    def refused(self) -> int:
        return self.count("datagrams_refused_total", reason="not-allowed") + self.count("datagrams_refused_total", reason="journal-full")


@asynccontextmanager
async def collecting(
    folder: Path,
    broker: FakeBroker,
    *,
    limits: PublishLimits | None = None,
    clock: Callable[[], int] = time.time_ns,
    known: Known = nothing_known,
    **settings: Any,
) -> AsyncIterator[Collecting]:
    """Run a collector whose journal lies in ``folder`` until the block is left."""
    registry = CollectorRegistry()
    chosen = TrapSettings(**{"listen": ("127.0.0.1:0",), "segment_bytes": 65_536, **settings})
    limits = limits or PublishLimits(retry_s=0.01, retry_cap_s=0.02)
    stop = asyncio.Event()
    async with TrapCollector(chosen, folder, 4, broker.connect, registry=registry, limits=limits, clock=clock, known=known) as collector:
        running = asyncio.create_task(collector.run(stop))
        try:
            yield Collecting(collector, registry)
        finally:
            stop.set()
            with contextlib.suppress(asyncio.CancelledError):
                await running
