"""The poll collector: schedule -> poller -> journal -> topic ``raw.polls``. What a device said is durable before it is used."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from prometheus_client import REGISTRY, CollectorRegistry

from collectors.journal import Journal, JournalRecord
from collectors.keeping import Keeper, cancel, raise_first
from collectors.poll.lane import Lanes
from collectors.poll.metric import PollMetrics
from collectors.poll.poller import Polled, Poller
from collectors.poll.schedule import NANOSECONDS, Schedule
from collectors.publish import Connect, Message, Outgoing, Publisher, PublishLimits, PublishMetrics, kafka_sender, pack
from pipeline import wire
from pipeline.bus import partition_of
from pipeline.config.settings import COMPONENTS, PollSettings, Settings
from pipeline.core.inventory import Device, Inventory
from pipeline.core.profile import GENERIC, Profile
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.telemetry import serve_health
from pipeline.wire import Topic

log = logging.getLogger(__name__)

BATCH_S = 0.005
RELOAD_S = 1.0
LAST_POLLS_S = 0.5

InventorySource = Callable[[], Inventory]
"""Gives the inventory that is in force; it is asked about once a second and should be quick."""


class AsksDevices(Protocol):
    """What the collector needs of a poller."""

    async def poll(self, device: Device) -> Polled:
        """Ask one device; never raises for what a device does."""
        ...


class PollTransform:
    """Journal records -> messages for ``raw.polls``, each for the partition of its device. A record's sequence is its poll's."""

    def __init__(self, metrics: PollMetrics, partitions: int) -> None:
        self._metrics = metrics
        self._partitions = partitions

    def __call__(self, records: Sequence[JournalRecord]) -> Outgoing:
        """Pack the polls among the records by partition, in order. It fails on none."""
        batches: dict[int, list[RawPoll]] = {}
        for record in records:
            for poll in self._read(record):
                batches.setdefault(partition_of(poll.device, self._partitions), []).append(poll)
        messages: list[Message] = []
        for partition, batch in batches.items():
            messages.extend(pack(partition, batch))
        return Outgoing(tuple(messages), sum(map(len, batches.values())))

    def _read(self, record: JournalRecord) -> list[RawPoll]:
        """The poll of a record; nothing when another version wrote it, or something else is in it."""
        try:
            found = wire.decode(record.payload)
        except wire.WireError as error:
            self._metrics.undecodable.inc()
            remedy = "let the version that wrote it publish it"
            log.warning("journal record %d is no poll that this version reads: %s; %s", record.sequence, error, remedy)
            return []
        return [replace(poll, sequence=record.sequence) for poll in found]


class PollCollector:
    """One poll collector; an async context manager that opens the journal, and :meth:`run` that works.

    ``inventory_source`` is asked about once a second: a new version changes the schedule without a restart. ``connect`` gives a
    connection to the broker, ``clock`` UTC nanoseconds, ``now`` monotonic seconds.
    """

    def __init__(
        self,
        settings: PollSettings,
        journal_dir: Path,
        partitions: int,
        connect: Connect,
        inventory_source: InventorySource,
        *,
        poller: AsksDevices | None = None,
        registry: CollectorRegistry = REGISTRY,
        limits: PublishLimits | None = None,
        clock: Callable[[], int] = time.time_ns,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = PollMetrics(registry)
        bounds = {"segment_bytes": settings.segment_bytes, "journal_bytes": settings.journal_bytes}
        self.journal = Journal(journal_dir, **bounds, keep_days=settings.journal_days)
        self._keeper = Keeper(self.journal, journaled=self.metrics.journaled, refused=self.metrics.refused, what="polls")
        self.publisher = Publisher(
            self.journal, PollTransform(self.metrics, partitions), connect, PublishMetrics("polls", registry), limits
        )
        self._poller = poller or Poller(settings, clock=clock, now=now)
        self._source = inventory_source
        self._clock = clock
        self._now = now
        self._schedule = Schedule(settings.interval_s)
        self._lanes = Lanes(settings.in_flight)
        self._inventory: Inventory | None = None
        self._reload_at = 0.0
        self._polling: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Queue[Polled] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the journal. Raises ``JournalError`` with the remedy."""
        async with AsyncExitStack() as stack:
            stack.enter_context(self._keeper)
            self.metrics.watch(self.journal)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the journal."""
        await self._stack.aclose()

    def trouble(self) -> str:
        """Why the collector is degraded; empty when it is not."""
        if not self._schedule.devices:
            return "no device in the inventory"
        return self._keeper.trouble or self.publisher.trouble

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; polls that ended by then are journaled still. Raises ``JournalError`` when the disk fails."""
        works = [asyncio.create_task(work) for work in (self._poll_all(), self._keep_all(), self.publisher.run())]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *works], return_when=asyncio.FIRST_COMPLETED)
            works[0].cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_POLLS_S):
                    await asyncio.gather(*self._polling)
                    await self._ended.join()
        finally:
            await cancel(stopping, *works, *self._polling)
        raise_first(works)

    async def _poll_all(self) -> None:
        """Start polls as their slots come, and follow the inventory."""
        while True:
            self._follow_inventory()
            due = self._schedule.due(self._mono_ns())
            self.metrics.skipped.inc(len(due.skipped))
            for name in due.ready:
                task = asyncio.create_task(self._poll_one(name))
                self._polling.add(task)
                task.add_done_callback(self._polling.discard)
            await asyncio.sleep(self._pause_s())

    def _pause_s(self) -> float:
        slot = self._schedule.next_at()
        until_slot = RELOAD_S if slot is None else (slot - self._mono_ns()) / NANOSECONDS
        return min(max(until_slot, 0.0), max(self._reload_at - self._now(), 0.0))

    def _mono_ns(self) -> int:
        return int(self._now() * NANOSECONDS)

    def _follow_inventory(self) -> None:
        if self._now() < self._reload_at:
            return
        self._reload_at = self._now() + RELOAD_S
        inventory = self._source()
        if self._inventory is not None and inventory.version == self._inventory.version:
            return
        self._inventory = inventory
        self._schedule.set_devices(inventory.devices, self._mono_ns())
        self._lanes.forget_all_but(self._schedule.devices)
        self.metrics.devices.set(len(inventory.devices))
        log.info("polling %d devices of inventory %s", len(inventory.devices), inventory.version)

    async def _poll_one(self, name: str) -> None:
        """One device's turn; it is over for the schedule when its poll is on its way to the journal."""
        try:
            async with self._lanes.place(name):
                device = self._inventory.devices.get(name) if self._inventory else None
                if device is None:
                    return  # it left the inventory while it waited for its turn
                polled = await self._poller.poll(device)
            self._lanes.learn(name, answered=polled.poll.outcome is PollOutcome.ANSWERED)
            self.metrics.count(polled)
            self._ended.put_nowait(polled)
        finally:
            self._schedule.done(name)

    async def _keep_all(self) -> None:
        """Journal what ended within a few milliseconds as one batch."""
        while True:
            batch = [await self._ended.get()]
            await asyncio.sleep(BATCH_S)
            while not self._ended.empty():
                batch.append(self._ended.get_nowait())
            records = await self._keeper.keep([(self._clock(), polled.poll.device, wire.encode([polled.poll])) for polled in batch])
            self.publisher.offer(records)
            for _ in batch:
                self._ended.task_done()


async def run(settings: Settings, inventory_source: InventorySource, stop: asyncio.Event, profile: Profile = GENERIC) -> None:
    """The component ``polls``: ask every device for the columns of ``profile`` until ``stop``, serving metrics and health.

    Raises as :class:`PollCollector`.
    """
    polls = settings.polls
    collector = PollCollector(
        polls,
        settings.journal_dir(polls.collector),
        settings.broker.partitions,
        lambda: kafka_sender(settings.broker.bootstrap, Topic.RAW_POLLS),
        inventory_source,
        poller=Poller(polls, profile),
        registry=REGISTRY,
    )
    port = settings.metrics_port + COMPONENTS.index("polls")
    async with collector, serve_health(settings.metrics_host, port, collector.trouble):
        await collector.run(stop)
