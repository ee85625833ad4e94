"""The sink: every topic into ClickHouse, each message's rows once, however often a topic is replayed, a write torn or a store down.

The rules of cuts are in :mod:`pipeline.store.cut`; this shell reads, converts, writes and, while the store does not answer, waits.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from pipeline import wire
from pipeline.bus import ConsumerRecord, TopicPartition
from pipeline.core.reason import Reason
from pipeline.store.client import StoreError
from pipeline.store.cut import Converted, Cut, Cutter, EmptiedError, Partition, emptied, start_of
from pipeline.store.cut_store import CutStore
from pipeline.store.packed import Packed
from pipeline.store.row import NO_RULES, NOT_KEPT, Columns, Rows, length, quarantine_rows, rows_of, weight

log = logging.getLogger(__name__)
T = TypeVar("T")

STORED = Counter("assure_stored_rows_total", "Rows, or values of indicators, written to ClickHouse, repeats of a cut included", ["table"])
MESSAGES = Counter("assure_sink_messages_total", "Messages read by the sink", ["topic", "outcome"])
NOT_KEPT_ITEMS = Counter("assure_sink_items_not_kept_total", "Values of kinds that have no table (reports, ticks, requests)", ["kind"])
ERRORS = Counter("assure_sink_errors_total", "What went wrong and was tried again or worked around", ["reason"])
LAG = Gauge("assure_sink_lag_messages", "Messages in the broker that the sink has not read", ["topic", "partition"])
BUFFERED = Gauge("assure_sink_buffered_rows", "Rows that wait to be written; 32 values of indicators count as one")
INSERT_SECONDS = Histogram("assure_sink_insert_seconds", "Time of one insert", ["table"])


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """``flush_ms`` is how long a row waits; ``cut_rows`` how many rows one cut has at most; ``fetch_messages`` are read at a time.

    A flush that took ``s`` seconds is followed by ``rest`` times ``s`` without one, though by no more than ``flush_cap_ms``, unless
    ``buffer_rows`` wait: an insert costs 5 to 10 ms of CPU whatever it holds, so in a storm rows come in fewer inserts, a little later.

    A store that does not answer is asked again after ``retry_s``, doubled up to ``retry_cap_s``.
    """

    flush_ms: int = 500
    flush_cap_ms: int = 1_000
    rest: float = 4.0
    cut_rows: int = 20_000
    buffer_rows: int = 60_000
    fetch_messages: int = 100
    retry_s: float = 0.2
    retry_cap_s: float = 5.0

    def pause_s(self, spent_s: float) -> float:
        """How long to collect rows after a flush that took so long; never less than that, so that half of the time is for reading."""
        return max(self.flush_ms / 1000, min(self.rest * spent_s, self.flush_cap_ms / 1000), spent_s)


class Source(Protocol):
    """What the sink asks of a consumer group member; an aiokafka consumer is one."""

    def assignment(self) -> set[TopicPartition]:
        """The partitions that this member has now."""

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The next messages, waiting for the first at most so long."""

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that each partition still has."""

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next message of each partition will have."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from there."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Fetch no more of these."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch these again."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """The next offset as of the last fetch."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the group how far this member is."""


class _StoppingError(Exception):
    """Asked to stop while the store was down: what was not written is read again after the start."""


class Sink:
    """One member of the sink's group. ``run`` works until ``stop``; ``not_ready`` says why it cannot, for the readiness probe.

    ``precision`` is asked for the significant binary digits to keep of indicators that have a rule for it.
    """

    def __init__(
        self,
        config: SinkConfig,
        source: Source,
        store: CutStore,
        stop: asyncio.Event,
        precision: Callable[[], Mapping[str, int]] = lambda: NO_RULES,
    ) -> None:
        self._config = config
        self._precision = precision
        self._source = source
        self._store = store
        self._stop = stop
        self._cutters: dict[Partition, Cutter] = {}
        self._due_at = 0.0
        self._trouble = ""

    def not_ready(self) -> str:
        """Why the sink does not write at present; empty when it does."""
        return self._trouble

    async def run(self) -> None:
        """Read and write until stopped; what is buffered then is written, unless the store is down."""
        try:
            while not self._stop.is_set():
                await self._round()
            await self._flush()
        except _StoppingError:
            log.warning("stopped while the store was down; what was read and not written will be read again")

    async def _round(self) -> None:
        await self._follow_assignment()
        wait_s = max(0.0, self._due_at - time.monotonic()) if self._buffered else self._config.flush_ms / 1000
        batches = await self._source.getmany(timeout_ms=int(wait_s * 1000) + 1, max_records=self._config.fetch_messages)
        await self._accept(batches)
        if self._buffered >= self._config.buffer_rows or (self._cutters and time.monotonic() >= self._due_at):
            await self._flush()

    @property
    def _buffered(self) -> int:
        return sum(cutter.rows for cutter in self._cutters.values())

    # partitions

    async def _follow_assignment(self) -> None:
        held = {Partition(each.topic, each.partition) for each in self._source.assignment()}
        for lost in self._cutters.keys() - held:
            del self._cutters[lost]
        await self._adopt(held - self._cutters.keys())

    async def _adopt(self, partitions: set[Partition]) -> None:
        if not partitions:
            return
        cuts = await self._retried(lambda: self._store.last_cuts(sorted(partitions)))
        keys = [TopicPartition(*partition) for partition in partitions]
        begins, ends = await self._source.beginning_offsets(keys), await self._source.end_offsets(keys)
        for key in keys:
            partition = Partition(key.topic, key.partition)
            self._begin(Cutter(partition, start_of(cuts.get(partition), begins[key], ends[key])))

    def _begin(self, cutter: Cutter) -> None:
        if cutter.start.note:
            ERRORS.labels("broker-log-changed").inc()
            log.error("%s partition %d: %s", *cutter.partition, cutter.start.note)
        try:
            self._source.seek(TopicPartition(*cutter.partition), cutter.start.position)
        except RuntimeError:  # aiokafka's IllegalStateError is one: the partition went away meanwhile
            log.info("%s partition %d went to another member", *cutter.partition)
            return
        self._cutters[cutter.partition] = cutter

    # messages

    async def _accept(self, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        precision = self._precision()
        for key, records in batches.items():
            cutter = self._cutters.get(Partition(key.topic, key.partition))
            if cutter is None:
                continue
            try:
                for record in records:
                    if cutter.wants(record.offset, record.timestamp):
                        cutter.add(convert(record, precision))
            except EmptiedError:
                await self._start_over(cutter)
            LAG.labels(key.topic, str(key.partition)).set(max(0, (self._source.highwater(key) or 0) - records[-1].offset - 1))
        BUFFERED.set(self._buffered)

    async def _start_over(self, cutter: Cutter) -> None:
        key = TopicPartition(*cutter.partition)
        known = cutter.start.known
        assert known is not None, "only a known cut can show that the broker was emptied"
        begins = await self._source.beginning_offsets([key])
        self._begin(Cutter(cutter.partition, emptied(known, begins[key])))

    # writing

    async def _flush(self) -> None:
        began = time.monotonic()
        while taken := self._take():
            await self._write(taken)
        self._due_at = time.monotonic() + self._config.pause_s(time.monotonic() - began)
        BUFFERED.set(self._buffered)

    def _take(self) -> list[tuple[Cut, Rows]]:
        cuts = (cutter.take(self._config.cut_rows) for cutter in self._cutters.values())
        return [cut for cut in cuts if cut]

    async def _write(self, taken: list[tuple[Cut, Rows]]) -> None:
        taken = await self._still_ours(taken)
        cuts = [cut for cut, _ in taken]
        if not cuts:
            return
        await self._retried(lambda: self._store.record(cuts))
        for cut, rows in taken:
            for table, columns in rows.items():
                await self._insert(cut, table, columns)
        done = [cut.done() for cut in cuts]
        await self._retried(lambda: self._store.record(done))
        for cut in done:
            if cut.partition in self._cutters:
                self._cutters[cut.partition].last = cut
        await self._commit(done)

    async def _still_ours(self, taken: list[tuple[Cut, Rows]]) -> list[tuple[Cut, Rows]]:
        """Drop partitions that another member wrote meanwhile; they are taken up again from the store's last cut if they are ours."""
        cuts = await self._retried(lambda: self._store.last_cuts([cut.partition for cut, _ in taken]))
        ours = []
        for cut, rows in taken:
            cutter = self._cutters.get(cut.partition)
            if cutter and cuts.get(cut.partition) == cutter.last:
                ours.append((cut, rows))
                cutter.last = cut
            else:
                self._cutters.pop(cut.partition, None)
                ERRORS.labels("partition-written-by-another").inc()
                log.warning("%s partition %d was written by another member: reading it again from there", *cut.partition)
        return ours

    async def _insert(self, cut: Cut, table: str, block: Columns | Packed) -> None:
        with INSERT_SECONDS.labels(table).time():
            await self._retried(lambda: self._store.insert(table, block, cut.token(table)))
        STORED.labels(table).inc(length(block))

    async def _commit(self, cuts: Sequence[Cut]) -> None:
        held = self._source.assignment()
        offsets = {TopicPartition(*cut.partition): cut.last_offset + 1 for cut in cuts}
        mine = {key: offset for key, offset in offsets.items() if key in held}
        try:
            if mine:
                await self._source.commit(mine)
        except Exception as error:  # noqa: BLE001  # the store is the truth; the group's offsets only inform
            ERRORS.labels("commit").inc()
            log.warning("offsets were not committed (the next commit will): %s", error)

    async def _retried(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it until it works. Meanwhile nothing is fetched, so memory stays as it is, and the group still sees this member."""
        delay_s = self._config.retry_s
        while True:
            try:
                result = await work()
            except StoreError as error:
                self._degrade(error)
                await self._wait_paused(delay_s)
                delay_s = min(delay_s * 2, self._config.retry_cap_s)
            else:
                self._recover()
                return result

    def _degrade(self, error: StoreError) -> None:
        ERRORS.labels("store").inc()
        if not self._trouble:
            log.error("%s; nothing is lost, it is tried again until it answers", error)
        self._trouble = f"the store does not take rows: {error}"

    def _recover(self) -> None:
        if self._trouble:
            log.info("the store takes rows again")
            self._trouble = ""
            self._source.resume(*self._source.assignment())

    async def _wait_paused(self, delay_s: float) -> None:
        deadline = time.monotonic() + delay_s
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                raise _StoppingError
            self._source.pause(*self._source.assignment())
            await self._accept(await self._source.getmany(timeout_ms=int(min(left, 0.5) * 1000) + 1, max_records=1))


def convert(record: ConsumerRecord, precision: Mapping[str, int] = NO_RULES) -> Converted:
    """One message to rows, ``precision`` being that of indicators.

    What cannot be read becomes a row of ``quarantine_message``, counted, and the partition goes on.
    """
    try:
        items = wire.decode(record.value or b"")
        if type(items[0]) in NOT_KEPT:
            NOT_KEPT_ITEMS.labels(type(items[0]).__name__).inc(len(items))
        rows = rows_of(items, record.timestamp, precision)
        outcome = "stored"
    except Exception as error:  # noqa: BLE001  # any failure of one message is that message's: it is kept with its bytes and its reason
        outcome = Reason.UNDECODABLE if isinstance(error, wire.WireError) else Reason.HANDLER_FAILED
        detail = f"{type(error).__name__}: {error}"
        log.warning("%s partition %d offset %d is quarantined: %s", record.topic, record.partition, record.offset, detail)
        rows = quarantine_rows(record.topic, record.partition, record.offset, record.timestamp, outcome, detail, record.value or b"")
    MESSAGES.labels(record.topic, outcome).inc()
    return Converted(record.offset, record.timestamp, rows, weight(rows))
