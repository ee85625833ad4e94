"""The poll collector: schedule -> poller -> journal -> topic ``raw.polls``. What a device said is durable before it is used.

What a trap claims is asked back out of turn: topic ``questions`` -> the same poller. Collectors share the devices by the partitions of that
topic. Without the broker nobody asks, and the schedule goes on as it was.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from prometheus_client import REGISTRY, CollectorRegistry

from collectors.journal import Journal, JournalRecord
from collectors.keeping import Keeper, cancel, raise_first
from collectors.poll.lane import Lanes
from collectors.poll.listener import Hear, kafka_questions
from collectors.poll.metric import PollMetrics
from collectors.poll.ownership import Ownership
from collectors.poll.poller import Choose, Polled, Poller
from collectors.poll.question import Questions
from collectors.poll.schedule import NANOSECONDS, Schedule
from collectors.publish import Connect, Message, Outgoing, Publisher, PublishLimits, PublishMetrics, kafka_sender, pack
from pipeline import wire
from pipeline.bus import partition_of
from pipeline.config.settings import COMPONENTS, PollSettings, Settings
from pipeline.core.inventory import Device, Inventory
from pipeline.core.profile import GENERIC
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.reason import Reason
from pipeline.core.suspicion import Question
from pipeline.telemetry import serve_health
from pipeline.wire import Topic

log = logging.getLogger(__name__)

BATCH_S = 0.005
RELOAD_S = 1.0
LAST_POLLS_S = 0.5
HEAR_AGAIN_S = 1.0
HEAR_AGAIN_CAP_S = 10.0
SLOW_S = 2.0
SLOW_SHARE = 0.1
"""A device is slow whose poll takes two seconds, or a tenth of the interval if that is less."""

InventorySource = Callable[[], Inventory]
"""Gives the inventory that is in force; it is asked about once a second and should be quick."""


class AsksDevices(Protocol):
    """What the collector needs of a poller."""

    async def poll(self, device: Device, *, on_suspicion: bool = False) -> Polled:
        """Ask one device, on suspicion for its states alone; never raises for what a device does."""
        ...

    def forget_all_but(self, devices: Collection[str]) -> None:
        """Drop what is known of devices that are not polled here any more."""
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
    connection to the broker, ``hear`` the questions asked there and which devices are ours (none: all are, and only the schedule polls),
    ``clock`` UTC nanoseconds, ``now`` monotonic seconds.
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
        hear: Hear | None = None,
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
        self._questions = Questions(settings.question_pause_s, settings.questions_per_s)
        self._hear = hear
        self._news = asyncio.Event()
        self._lanes = Lanes(settings.in_flight, min(SLOW_S, SLOW_SHARE * settings.interval_s))
        self._ownership = Ownership(journal_dir, partitions)
        self._inventory: Inventory | None = None
        self._reload_at = 0.0
        self._polling: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Queue[Polled] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the journal. Raises ``JournalError`` with the remedy."""
        async with AsyncExitStack() as stack:
            stack.enter_context(self._keeper)
            self._ownership.recall()
            self.metrics.watch(self.journal)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the journal."""
        await self._stack.aclose()

    def trouble(self) -> str:
        """Why the collector is degraded; empty when it is not."""
        if self._inventory is None or not self._inventory.devices:
            return "no device in the inventory"
        return self._keeper.trouble or self.publisher.trouble

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; polls that ended by then are journaled still. Raises ``JournalError`` when the disk fails."""
        works = [asyncio.create_task(work) for work in (self._poll_all(), self._keep_all(), self.publisher.run(), self._hear_all())]
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
        """Start polls as their slots come and as questions fall due, and follow the inventory."""
        while True:
            self._news.clear()
            self._follow_inventory()
            now = self._mono_ns()
            due = self._schedule.due(now)
            self.metrics.skipped.inc(len(due.skipped))
            for name in due.ready:
                if self._questions.begun(name, now):
                    self.metrics.questions.labels(Reason.ASKED_BY_SCHEDULE.value).inc()
                self._begin(self._poll_one(name))
            self._ask_back(now)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._news.wait()

    def _ask_back(self, now: int) -> None:
        """Ask the devices whose questions are due, and count those that are not asked any more."""
        ready = self._questions.ready(now, self._schedule.busy)
        for _, reason in ready.dropped:
            self.metrics.questions.labels(reason.value).inc()
        for name in ready.devices:
            self._schedule.claim(name)
            self.metrics.on_suspicion.inc()
            self.metrics.questions.labels(Reason.ASKED.value).inc()
            self._begin(self._poll_one(name, on_suspicion=True))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._polling.add(task)
        task.add_done_callback(self._polling.discard)

    def _pause_s(self) -> float:
        """Until the next slot, question or look at the inventory; 0 when one is due."""
        times = (self._schedule.next_at(), self._questions.next_at(self._schedule.busy))
        until_next = min(((at - self._mono_ns()) / NANOSECONDS for at in times if at is not None), default=RELOAD_S)
        return min(max(until_next, 0.0), max(self._reload_at - self._now(), 0.0))

    async def _hear_all(self) -> None:
        """Listen for questions as long as the collector works. A broker that is away, or not ready, is tried again: it is no trouble."""
        pause_s = HEAR_AGAIN_S
        while self._hear is not None:
            try:
                async for heard in self._hear():
                    self.metrics.hearing.set(1)
                    pause_s = HEAR_AGAIN_S
                    if heard.partitions is not None and self._ownership.take(heard.partitions):
                        self._share()
                    self._take(heard.questions)
            except Exception as error:  # noqa: BLE001  # whatever a broker's library raises, the schedule must go on
                log.info("no questions are heard (%s); devices are polled by schedule alone; trying again in %.0f s", error, pause_s)
            self.metrics.hearing.set(0)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, HEAR_AGAIN_CAP_S)
        await asyncio.Event().wait()

    def _take(self, questions: Sequence[Question]) -> None:
        """Let questions wait for their turn. One about a device that is not polled here is another collector's, or nobody's.

        The topic's partitions are those of the devices, so that only questions about devices of ours, or of nobody, are heard.
        """
        for question in questions:
            if question.device in self._schedule.devices:
                reason = self._questions.take(question.device, self._clock() - question.asked_at, self._mono_ns())
            else:
                reason = Reason.UNKNOWN_DEVICE
            if reason is not Reason.ASKED:  # counted when it is
                self.metrics.questions.labels(reason.value).inc()
        self._news.set()

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
        self._share()

    def _share(self) -> None:
        """Poll from now on the devices that are ours of those in the inventory."""
        if self._inventory is None:
            return
        declared = self._inventory.devices
        self._schedule.set_devices(self._ownership.owned(declared), self._mono_ns())
        devices = self._schedule.devices
        self._lanes.forget_all_but(devices)
        self._poller.forget_all_but(devices)
        self.metrics.share(devices, len(self._ownership.partitions))
        self._news.set()
        ours = "" if len(devices) == len(declared) else f" of {len(declared)}"
        log.info("polling %d%s devices of inventory %s", len(devices), ours, self._inventory.version)

    async def _poll_one(self, name: str, *, on_suspicion: bool = False) -> None:
        """One device's turn; it is over for the schedule when its poll is on its way to the journal.

        Silence in answer to a question counts when it is heard twice: the device may be starting just then.
        """
        try:
            async with self._lanes.place(name):
                device = self._inventory.devices.get(name) if self._inventory else None
                if device is None:
                    return  # it left the inventory while it waited for its turn
                polled = await self._poller.poll(device, on_suspicion=on_suspicion)
                if on_suspicion and polled.poll.outcome is PollOutcome.TIMEOUT:
                    polled = await self._poller.poll(device, on_suspicion=True)
                polled = replace(polled, poll=replace(polled.poll, on_suspicion=on_suspicion))
            self._lanes.learn(name, answered=polled.poll.outcome is PollOutcome.ANSWERED, seconds=polled.seconds)
            self.metrics.count(polled)
            self._ended.put_nowait(polled)
        finally:
            self._schedule.done(name)
            if len(self._questions):
                self._news.set()

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


async def run(
    settings: Settings, inventory_source: InventorySource, stop: asyncio.Event, choose: Choose = lambda _object_id, _descr: GENERIC
) -> None:
    """The component ``polls``: ask every device by the profile that is chosen for it until ``stop``, serving metrics and health.

    Raises as :class:`PollCollector`.
    """
    polls = settings.polls
    collector = PollCollector(
        polls,
        settings.journal_dir(polls.collector),
        settings.broker.partitions,
        lambda: kafka_sender(settings.broker.bootstrap, Topic.RAW_POLLS),
        inventory_source,
        poller=Poller(polls, choose, settings.traps.users, secrets=settings.inventory_dir),
        registry=REGISTRY,
        hear=lambda: kafka_questions(settings.broker.bootstrap),
    )
    port = settings.metrics_port + COMPONENTS.index("polls")
    async with collector, serve_health(settings.metrics_host, port, collector.trouble):
        await collector.run(stop)
