"""The detectors process: topic ``kpis`` -> vectors -> events; and, by schedule, training and the capacity forecast."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client import Counter

from pipeline import bus, telemetry, wire
from pipeline.bus import ConsumerRecord, TopicPartition, partition_of
from pipeline.config.settings import DetectorSettings, Settings
from pipeline.core.event import Event
from pipeline.core.inventory import Inventory
from pipeline.core.kpi import KpiBatch
from pipeline.core.oddness import OddRule
from pipeline.core.vector import Vector, vectors
from pipeline.detectors.history import HistoryPort
from pipeline.detectors.shelf import Shelf
from pipeline.detectors.standings import StandingFiles, Standings
from pipeline.detectors.watch import Models, Watch, standing_of
from pipeline.wire import Topic

log = logging.getLogger(__name__)

GROUP = "assure-detectors"
FETCH_BYTES = 1_048_576
BROKER_PATIENCE_S = 60.0
MESSAGES = Counter("assure_detector_messages_total", "Messages of topic kpis that the detectors read", ["outcome"])
WORK = Counter("assure_detector_work_total", "Scheduled work of the detectors: training and forecasts", ["work", "outcome"])
_BATCH = 50
_PAUSE_S = 1.0


class Consumer(Protocol):
    """What is asked of a consumer group member; an aiokafka consumer is one."""

    def assignment(self) -> set[TopicPartition]:
        """The partitions that this member has now."""

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """The next messages by partition; empty when none came in time."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Remember what is done with."""


class Producer(Protocol):
    """What is asked of a producer; an aiokafka producer is one."""

    async def send_and_wait(self, topic: str, value: bytes, *, partition: int) -> object:
        """Send one message and wait until the broker has it."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Work done every ``every_hours``, in a thread; ``due_in_s`` tells when it is first due, ``work`` gives a line for the log."""

    name: str
    every_hours: float
    due_in_s: Callable[[], float]
    work: Callable[[], str]


class Detectors:
    """Reads, judges and tells. What changed is sent, then kept, then committed: a crash repeats, and loses nothing."""

    def __init__(
        self,
        consumer: Consumer,
        producer: Producer,
        watch: Watch,
        models: Models,
        files: StandingFiles,
        history: HistoryPort,
        partitions: int,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._watch = watch
        self._models = models
        self._files = files
        self._history = history
        self._partitions = partitions
        self._standings: dict[int, Standings] = {}

    async def run(self, settings: DetectorSettings, stop: asyncio.Event) -> None:
        """Work until ``stop``: collect for ``score_every_s``, then judge everything that came at once."""
        while not stop.is_set():
            came = await self._collect(settings.score_every_s, stop)
            if came:
                await self._retried(came, stop)

    async def _collect(self, seconds: float, stop: asyncio.Event) -> dict[TopicPartition, list[ConsumerRecord]]:
        came: dict[TopicPartition, list[ConsumerRecord]] = defaultdict(list)
        until = time.monotonic() + seconds
        while not stop.is_set() and (left := until - time.monotonic()) > 0 and sum(map(len, came.values())) < _BATCH:
            found = await self._consumer.getmany(timeout_ms=int(min(left, 0.2) * 1000) + 1, max_records=_BATCH)
            for partition, records in found.items():
                came[partition] += records
        return came

    async def _retried(self, came: Mapping[TopicPartition, Sequence[ConsumerRecord]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.handle(came)
            except Exception:
                # Standings in memory may be ahead of what was told: read them again.
                self._standings.clear()
                log.exception("vectors could not be judged; trying again in %.0f s (remedy: look at the broker and the disk)", _PAUSE_S)
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    async def handle(self, came: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Judge the messages of each partition, tell what changed, keep where elements stand, and commit."""
        self._models.look()
        held = {each.partition for each in self._consumer.assignment()}
        for lost in self._standings.keys() - held:
            del self._standings[lost]
        for key, records in came.items():
            if key.partition not in held:
                continue
            standings = await self._standings_of(key.partition)
            events, odd = await asyncio.to_thread(self._watch.advance, standings, _vectors(records))
            if odd:
                await self._producer.send_and_wait(Topic.KPIS.value, wire.encode(odd), partition=key.partition)
            await self._send(events)
            await asyncio.to_thread(self._files.write, key.partition, standings)
            await self._consumer.commit({key: records[-1].offset + 1})

    async def _standings_of(self, partition: int) -> Standings:
        if partition not in self._standings:
            known = await asyncio.to_thread(self._files.read, partition)
            self._standings[partition] = standing_of(await self._standing(partition)) if known is None else known
        return self._standings[partition]

    async def _standing(self, partition: int) -> Iterable[str]:
        """Elements of the partition whose alarm stands, by the history; none while it does not answer."""
        try:
            found = await asyncio.to_thread(self._history.standing)
        except OSError as error:
            log.warning("the history does not tell which alarms stand (%s): those will not be cleared by themselves", error)
            return ()
        return [device for device in found if partition_of(device, self._partitions) == partition]

    async def _send(self, events: Sequence[Event]) -> None:
        by_partition: dict[int, list[Event]] = defaultdict(list)
        for event in events:
            by_partition[partition_of(event.domain, self._partitions)].append(event)
        for partition, batch in by_partition.items():
            await self._producer.send_and_wait(Topic.EVENTS.value, wire.encode(batch), partition=partition)


def _vectors(records: Sequence[ConsumerRecord]) -> list[Vector]:
    """The vectors of messages; what is no indicator is passed over, and what cannot be read is the sink's to keep."""
    batches: list[KpiBatch] = []
    for record in records:
        try:
            values: list[Any] = wire.decode(record.value or b"")
        except wire.WireError as error:
            MESSAGES.labels("unreadable").inc()
            log.warning("%s/%d/%d cannot be read: %s", record.topic, record.partition, record.offset, error)
            continue
        MESSAGES.labels("read").inc()
        batches += [value for value in values if isinstance(value, KpiBatch)]
    return vectors(batches)


async def run_detectors(
    settings: Settings, inventory: Callable[[], Inventory], history: HistoryPort, schedule: Sequence[Scheduled], stop: asyncio.Event
) -> None:
    """Run until ``stop`` is set; topics exist.

    Raises ``TimeoutError`` without a broker, ``OSError`` for a port that is taken.
    """
    own = settings.detectors
    waiting = "waiting for the broker"
    async with AsyncExitStack() as stack:
        port = settings.metrics_port_of("detectors")
        await stack.enter_async_context(telemetry.serve_health(settings.metrics_host, port, lambda: waiting))
        await bus.wait_until_up(settings.broker.bootstrap, within_s=BROKER_PATIENCE_S)
        producer = await stack.enter_async_context(bus.producer(settings.broker.bootstrap))
        consumer = await stack.enter_async_context(bus.consumer(settings.broker.bootstrap, GROUP, [Topic.KPIS], min_bytes=FETCH_BYTES))
        models = Models(Shelf(settings.data_dir / "models"))
        watch = Watch(models, inventory, OddRule(own.rare, own.odd_samples, own.normal_samples))
        files = StandingFiles(settings.data_dir / "detectors")
        detectors = Detectors(consumer, producer, watch, models, files, history, settings.broker.partitions)
        waiting = ""
        async with asyncio.TaskGroup() as working:
            for each in schedule:
                working.create_task(_follow(each, stop))
            working.create_task(detectors.run(own, stop))


async def _follow(scheduled: Scheduled, stop: asyncio.Event) -> None:
    """Do scheduled work whenever it is due, until ``stop``; what fails is logged and done again when it is due next."""
    if scheduled.every_hours <= 0:
        return
    wait_s = await asyncio.to_thread(scheduled.due_in_s)
    while not await _stopped(stop, wait_s):
        try:
            log.info("%s: %s", scheduled.name, await asyncio.to_thread(scheduled.work))
            WORK.labels(scheduled.name, "done").inc()
        except Exception as error:  # noqa: BLE001  # whatever it is, judging goes on, and the next time may do
            WORK.labels(scheduled.name, "failed").inc()
            log.warning("%s failed and is done again in %g h: %s: %s", scheduled.name, scheduled.every_hours, type(error).__name__, error)
        wait_s = scheduled.every_hours * 3_600


async def _stopped(stop: asyncio.Event, within_s: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), within_s)
    except TimeoutError:
        return False
    return True
