"""Journal -> topic: in order, at least once, with bounded memory; what cannot wait in memory waits in the journal."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter

from collectors.journal import Journal, JournalCorruptError, JournalFullError, JournalRecord
from pipeline import bus, wire

log = logging.getLogger(__name__)

RECORD_OVERHEAD = 300
"""Bytes that a record takes in memory beside its payload."""
MAX_MESSAGE = 900_000
"""Bytes. Kafka's brokers take messages up to 1,048,588 bytes unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one partition of the publisher's topic, or of ``topic`` when that is another one."""

    partition: int
    value: bytes
    topic: wire.Topic | None = None


def _nothing() -> None:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a run of records became: messages to send, and how many values are in them.

    A transform may hold records back: ``floor`` is then the sequence up to which nothing is held (``None``: nothing is at all), and
    ``again_s`` after how many seconds it wants to be called again, though no record comes. ``settled`` is called when the broker has
    acknowledged the messages, before the watermark moves.
    """

    messages: tuple[Message, ...]
    values: int
    floor: int | None = None
    again_s: float | None = None
    settled: Callable[[], None] = _nothing


class SendError(Exception):
    """The broker did not take a message or cannot be reached. The round that was under way is sent again, as it was."""


class Sender(Protocol):
    """A connection to the broker."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when every message is acknowledged. Raises ``SendError``."""


Connect = Callable[[], AbstractAsyncContextManager[Sender]]
Transform = Callable[[Sequence[JournalRecord]], Outgoing]


@dataclass(frozen=True, slots=True)
class PublishLimits:
    """Bounds: one round to the broker takes ``batch_records`` and ``batch_bytes`` at most; ``memory_bytes`` wait in memory.

    A round begins ``pace_s`` after the one before, unless a whole batch waits by then: the first record after a silence leaves at once, and
    a storm comes in messages of many values, whose cost for the broker and all behind it is the cost of one.
    """

    batch_records: int = 1_024
    batch_bytes: int = 1_048_576
    memory_bytes: int = 33_554_432
    pace_s: float = 0.05
    retry_s: float = 0.2
    retry_cap_s: float = 5.0
    late_s: float = 5.0


class PublishMetrics:
    """The publisher's counters; ``noun`` is what is published (``traps``, ``polls``)."""

    def __init__(self, noun: str, registry: CollectorRegistry) -> None:
        self.published = Counter(f"assure_{noun}_published_total", f"{noun} acknowledged by the broker", registry=registry)
        self.held_back = Counter(
            f"assure_{noun}_held_back_total", f"{noun} that found no room in memory and waited in the journal alone", registry=registry
        )
        self.failures = Counter(f"assure_{noun}_publish_failures_total", "connections to the broker that failed", registry=registry)
        self.lost = Counter(f"assure_{noun}_unreadable_total", "journal records that can no longer be read", registry=registry)


class Publisher:
    """Publishes a journal from its acknowledged watermark on, one round at a time, so that order survives every failure.

    ``offer`` hands over records that are durable already, which saves reading them back; with no room in memory they are
    counted and read back later. ``transform`` makes messages of them and must not fail on any record; it is called once for each, and
    with none when it asked to be called again. ``now`` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        journal: Journal,
        transform: Transform,
        connect: Connect,
        metrics: PublishMetrics,
        limits: PublishLimits | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._transform = transform
        self._connect = connect
        self._metrics = metrics
        self._limits = limits or PublishLimits()
        self._now = now
        self._memory: deque[JournalRecord] = deque()
        self._memory_bytes = 0
        self._next = 1
        self._replay: tuple[int, Iterator[JournalRecord]] | None = None
        self._offered = asyncio.Event()
        self._under_way: Outgoing | None = None
        self._floor: int | None = None
        self._again_at: float | None = None
        self._sending_since: float | None = None
        self._trouble = "not connected to the broker yet"

    def offer(self, records: Sequence[JournalRecord]) -> None:
        """Hand over durable records, in order."""
        cost = sum(len(record.payload) for record in records) + RECORD_OVERHEAD * len(records)
        if self._memory_bytes + cost > self._limits.memory_bytes:
            self._metrics.held_back.inc(len(records))
        else:
            self._memory.extend(records)
            self._memory_bytes += cost
        self._offered.set()

    @property
    def waiting(self) -> int:
        """Durable records that are not acknowledged yet."""
        return self._journal.synced_sequence - self._journal.acknowledged

    @property
    def trouble(self) -> str:
        """Why records wait longer than they should; empty when they do not."""
        late = self._sending_since is not None and self._now() - self._sending_since > self._limits.late_s
        trouble = "the broker does not answer" if late else self._trouble
        return f"degraded: {trouble}; {self.waiting} records wait in the journal" if trouble else ""

    async def run(self) -> None:
        """Publish until cancelled. Raises ``JournalError`` when the journal cannot go on."""
        delay = self._limits.retry_s
        self._next = self._journal.acknowledged + 1
        while True:
            try:
                async with self._connect() as sender:
                    self._trouble = ""
                    while True:
                        await self._round(sender)
                        delay = self._limits.retry_s
            except (SendError, JournalFullError) as error:
                self._trouble = str(error)
                self._metrics.failures.inc()
                log.warning("%s; %d records wait in the journal; trying again in %.1f s", error, self.waiting, delay)
            finally:
                self._sending_since = None
            await asyncio.sleep(delay)
            delay = min(2 * delay, self._limits.retry_cap_s)

    def call_again(self) -> None:
        """Have the transform called now, though no record comes and without waiting for the time that it asked for."""
        self._again_at = self._now()
        self._offered.set()

    async def flush(self) -> None:
        """Have the transform called until it holds nothing back any more."""
        while self._floor is not None:
            self.call_again()
            await asyncio.sleep(self._limits.pace_s / 10)

    async def _round(self, sender: Sender) -> None:
        """Take what is next, send it, acknowledge it; wait when there is nothing."""
        self._offered.clear()
        began = self._now()
        outgoing = self._under_way or self._gather()
        if outgoing is None:
            await self._wait()
            return
        self._under_way = outgoing
        if outgoing.messages:
            self._sending_since = self._now()
            await sender.send(outgoing.messages)
            self._sending_since = None
        self._under_way = None
        self._settle(outgoing)
        if self._journal.synced_sequence - self._next + 1 < self._limits.batch_records:
            await asyncio.sleep(max(0.0, began + self._limits.pace_s - self._now()))

    def _gather(self) -> Outgoing | None:
        """The next round; ``None`` when there is nothing to do yet."""
        records = self._take()
        if not records and (self._again_at is None or self._now() < self._again_at):
            return None
        outgoing = self._transform(records)
        if records:
            self._next = records[-1].sequence + 1
        self._again_at = None if outgoing.again_s is None else self._now() + outgoing.again_s
        return outgoing

    def _settle(self, outgoing: Outgoing) -> None:
        """The broker has it."""
        outgoing.settled()
        self._floor = outgoing.floor
        self._journal.acknowledge(self._next - 1 if outgoing.floor is None else outgoing.floor)
        self._metrics.published.inc(outgoing.values)

    async def _wait(self) -> None:
        """Until something is offered, or the transform wants to be called again."""
        patience = None if self._again_at is None else max(self._again_at - self._now(), 0.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._offered.wait()

    def _take(self) -> list[JournalRecord]:
        """The next records in sequence, from memory when they are there and from the journal otherwise."""
        while self._memory and self._memory[0].sequence < self._next:
            self._forget()
        if self._memory and self._memory[0].sequence == self._next:
            self._replay = None
            return self._bounded(self._from_memory())
        return self._from_journal()

    def _forget(self) -> JournalRecord:
        record = self._memory.popleft()
        self._memory_bytes -= len(record.payload) + RECORD_OVERHEAD
        return record

    def _from_memory(self) -> Iterator[JournalRecord]:
        """Records as long as they follow each other; one is taken out when it is asked for."""
        expected = self._next
        while self._memory and self._memory[0].sequence == expected:
            yield self._forget()
            expected += 1

    def _bounded(self, records: Iterator[JournalRecord]) -> list[JournalRecord]:
        """As many as one round takes. Damage behind good records is left for the next call, which meets it first."""
        taken: list[JournalRecord] = []
        size = 0
        try:
            for record in records:
                taken.append(record)
                size += len(record.payload)
                if len(taken) >= self._limits.batch_records or size >= self._limits.batch_bytes:
                    break
        except JournalCorruptError:
            if not taken:
                raise
        return taken

    def _from_journal(self) -> list[JournalRecord]:
        """Read back, going on where the last reading stopped. Damage is counted, named and left behind."""
        if self._next > self._journal.synced_sequence:
            return []
        try:
            records = self._resumed() or self._bounded(self._begin_replay())
        except JournalCorruptError as error:
            self._leave_behind(error)
            return []
        if self._replay is not None and records:
            self._replay = (records[-1].sequence + 1, self._replay[1])
        return records

    def _resumed(self) -> list[JournalRecord]:
        return self._bounded(self._replay[1]) if self._replay is not None and self._replay[0] == self._next else []

    def _begin_replay(self) -> Iterator[JournalRecord]:
        records = self._journal.read_from(self._next)
        self._replay = (self._next, records)
        return records

    def _leave_behind(self, error: JournalCorruptError) -> None:
        log.error("%s", error)
        self._metrics.lost.inc(error.next_sequence - error.lost_from)
        if self._floor is None:
            self._journal.acknowledge(error.next_sequence - 1)
        self._next = error.next_sequence
        self._replay = None
        self._offered.set()


def pack(partition: int, values: Sequence[Any]) -> Iterator[Message]:
    """Messages for one partition, in order, each under ``MAX_MESSAGE`` bytes unless one value alone is above it."""
    data = wire.encode(values)
    if len(data) <= MAX_MESSAGE or len(values) == 1:
        yield Message(partition, data)
        return
    half = len(values) // 2
    yield from pack(partition, values[:half])
    yield from pack(partition, values[half:])


class _KafkaSender:
    """A Kafka producer behind :class:`Sender`. It retries by itself, in order, as long as the broker is away."""

    def __init__(self, client: Any, topic: wire.Topic) -> None:
        self._client = client
        self._topic = topic.value

    async def send(self, messages: Sequence[Message]) -> None:
        try:
            sent = [
                await self._client.send(message.topic.value if message.topic else self._topic, message.value, partition=message.partition)
                for message in messages
            ]
            await asyncio.gather(*sent)
        except Exception as error:
            raise SendError(f"the broker did not take a batch for {self._topic}: {error!r}") from error


@asynccontextmanager
async def kafka_sender(bootstrap: str, topic: wire.Topic, *, stop_s: float = 3.0) -> AsyncIterator[Sender]:
    """A :class:`Sender` to a Kafka broker. Raises ``SendError`` when it cannot be reached; leaving takes ``stop_s`` at most."""
    stack = AsyncExitStack()
    try:
        client = await stack.enter_async_context(bus.producer(bootstrap))
    except Exception as error:
        raise SendError(f"no broker at {bootstrap}: {error!r}") from error
    try:
        yield _KafkaSender(client, topic)
    finally:
        try:
            await asyncio.wait_for(stack.aclose(), stop_s)
        except TimeoutError:
            log.warning("the broker at %s did not answer while the connection was closed; what it has not taken is sent again", bootstrap)
