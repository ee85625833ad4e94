"""A simulated network polled for some cycles by the whole poll collector, and who kept the cycle."""

import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from collectors.poll.collector import PollCollector
from collectors.poll.poller import Polled, Poller
from collectors.poll.schedule import NANOSECONDS, offset_of
from collectors.publish import Message, Sender
from pipeline.config.settings import PollSettings
from pipeline.core.inventory import Device, Inventory
from pipeline.core.raw import PollOutcome
from tests.support.fleet import Fleet
from tests.support.polls import device_of, inventory_of

PARTITIONS = 4


class Nobody:
    """A broker that takes everything and keeps nothing."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Forget them."""


@asynccontextmanager
async def nobody() -> AsyncIterator[Sender]:
    """A connection to it."""
    yield Nobody()


class TimedPoller(Poller):
    """A poller that notes how long after its slot each poll began, and how it ended."""

    def __init__(self, settings: PollSettings) -> None:
        super().__init__(settings)
        self._interval_ns = int(settings.interval_s * NANOSECONDS)
        self.late_s: defaultdict[str, list[float]] = defaultdict(list)
        self.outcomes: Counter[tuple[str, PollOutcome]] = Counter()
        self.values = 0

    async def poll(self, device: Device, *, on_suspicion: bool = False) -> Polled:
        now = int(time.monotonic() * NANOSECONDS)
        self.late_s[device.name].append((now - offset_of(device.name, self._interval_ns)) % self._interval_ns / NANOSECONDS)
        polled = await super().poll(device, on_suspicion=on_suspicion)
        self.outcomes[device.name, polled.poll.outcome] += 1
        self.values += polled.values
        return polled


@dataclass(frozen=True, slots=True)
class Cycles:
    """What came of it. A device kept its cycle that was asked once in each, the last one aside, in which it may be under way still.

    ``late_s`` is the worst of how long after its slot a healthy device was asked; ``cpu_s`` is the poller process's.
    """

    devices: int
    kept: int
    answered: int
    late_s: float
    skipped: int
    values: int
    cpu_s: float
    seconds: float
    silent_told: bool = field(default=True)


async def run_cycles(folder: Path, fleet: Fleet, ports: Sequence[int], settings: PollSettings, cycles: int) -> Cycles:
    """Poll the fleet for so many intervals, from an empty journal."""
    names = [f"d{place}" for place in range(len(ports))]
    inventory: Inventory = inventory_of(*(device_of(name=name, port=port, speeds=()) for name, port in zip(names, ports, strict=True)))
    poller, registry, stop = TimedPoller(settings), CollectorRegistry(), asyncio.Event()
    async with PollCollector(settings, folder, PARTITIONS, nobody, lambda: inventory, poller=poller, registry=registry) as collector:
        begun, cpu = time.monotonic(), _cpu_s()
        task = asyncio.create_task(collector.run(stop))
        await asyncio.sleep(cycles * settings.interval_s)
        seconds, used = time.monotonic() - begun, _cpu_s() - cpu
        stop.set()
        await task
    dead, healthy = names[: fleet.dead], names[fleet.dead + fleet.slow :]
    whole = cycles - 1
    return Cycles(
        devices=len(names),
        kept=sum(len(poller.late_s[name]) >= whole for name in names),
        answered=sum(poller.outcomes[name, PollOutcome.ANSWERED] >= whole for name in names[fleet.dead :]),
        late_s=max(max(poller.late_s[name], default=0.0) for name in healthy),
        skipped=round(registry.get_sample_value("assure_polls_skipped_total") or 0),
        values=poller.values,
        cpu_s=used,
        seconds=seconds,
        silent_told=all(poller.outcomes[name, PollOutcome.TIMEOUT] >= whole for name in dead),
    )


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system
