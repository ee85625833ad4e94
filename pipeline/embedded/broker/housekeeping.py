"""What is done now and then, in small steps beside the traffic: compaction, retention, deleted topics, checkpoint."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from pipeline.embedded.broker import compaction, storage, topics
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.log import Log, StorageError, scan
from pipeline.embedded.broker.storage import Place, Topic
from pipeline.embedded.broker.topics import Settings
from pipeline.embedded.broker.transaction import Row
from pipeline.embedded.broker.writer import Writer

logger = logging.getLogger(__name__)
_ROWS_PER_STEP = 50
_PAGES_PER_ROUND = 500
_FORGET_PRODUCERS_MS = 24 * 3600 * 1000
_FORGET_EVERY_MS = 600 * 1000


class Housekeeper:
    """Runs rounds of upkeep; every write is a small transaction of its own, so that traffic passes between them."""

    def __init__(self, config: BrokerConfig, log: Log, writer: Writer) -> None:
        self._config = config
        self._log = log
        self._writer = writer
        self._compacted_to: dict[Place, int] = {}
        self._keys: dict[Place, int] = {}
        self._forget_at_ms = 0

    async def run(self) -> None:
        """Keep house for ever."""
        while True:
            await asyncio.sleep(self._config.housekeeping_ms / 1000)
            try:
                await self.round(int(time.time() * 1000))
            except StorageError:
                logger.warning("housekeeping could not write, and will try again in the next round")
            except Exception:
                logger.exception("housekeeping failed, and will try again in the next round")

    async def round(self, now_ms: int) -> None:
        """Do once whatever is due."""
        for topic in list(self._log.topics.values()):
            settings = topics.settings_of(topic, self._config)
            for part in range(topic.partitions):
                if topic.name in self._log.topics:
                    await self._keep(topic, (topic.id, part), settings, now_ms)
        for tid in self._log.graves():
            await self._writer.write(lambda t, tid=tid: t.sweep(tid, _ROWS_PER_STEP * 10))  # type: ignore[misc] # bound now
        if now_ms >= self._forget_at_ms:
            self._forget_at_ms = now_ms + _FORGET_EVERY_MS
            await self._writer.write(lambda t: t.forget_producers(now_ms - _FORGET_PRODUCERS_MS))
            self._log.forget_histories()
        if self._log.free_pages() > _PAGES_PER_ROUND:
            await self._writer.write(lambda t: t.vacuum(_PAGES_PER_ROUND))
        if storage.wants_checkpoint(self._config):
            await asyncio.to_thread(storage.checkpoint, self._config)

    async def compact(self, topic: Topic, at: Place, now_ms: int) -> int:
        """Compact a partition and return how many records went."""
        start, end = self._log.bounds(at).start, self._log.bounds(at).end
        before_ms = now_ms - topics.settings_of(topic, self._config).delete_retention_ms
        dropped = 0
        with closing(storage.connect_reader(self._config)) as db:
            plan = await asyncio.to_thread(compaction.plan, scan(db, at, start, end), end, before_ms)
            rows = scan(db, at, start, end)
            while group := await asyncio.to_thread(_take, rows):
                dropped += await self._rewrite(at, group, plan)
        self._compacted_to[at], self._keys[at] = end, len(plan.newest)
        if plan.unreadable:
            logger.warning(
                "%s-%d: %d batches stay uncompacted, since no library here reads their compression; "
                "produce to compacted topics without compression or with gzip", topic.name, at[1], plan.unreadable,
            )  # fmt: skip
        return dropped

    async def _keep(self, topic: Topic, at: Place, settings: Settings, now_ms: int) -> None:
        if settings.delete:
            await self._expire(at, settings, now_ms)
        new = self._log.bounds(at).end - self._compacted_to.get(at, 0)
        if settings.compact and new >= max(self._config.compact_after_records, self._keys.get(at, 0)):
            dropped = await self.compact(topic, at, now_ms)
            logger.info("compacted %s-%d: %d records went", topic.name, at[1], dropped)

    async def _rewrite(self, at: Place, rows: list[Row], plan: compaction.Plan) -> int:
        shrunk = await asyncio.to_thread(lambda: [compaction.shrink(row, plan) for row in rows])
        changed = [(old, new) for old, (new, dropped) in zip(rows, shrunk, strict=True) if dropped]
        if changed:
            old = [row.last for row, _ in changed]
            new = [row for _, row in changed if row is not None]
            await self._writer.write(lambda t: t.replace(at, old, new))
        return sum(dropped for _, dropped in shrunk)

    async def _expire(self, at: Place, settings: Settings, now_ms: int) -> None:
        oldest = self._log.sizes(at, 1)
        if not oldest:
            return
        over = self._log.total_bytes(at) - settings.retention_bytes if settings.retention_bytes >= 0 else 0
        cutoff_ms = now_ms - settings.retention_ms if settings.retention_ms >= 0 else -1
        if oldest[0][1] >= cutoff_ms and oldest[0][2] > over:
            return
        start = _expired_to(self._log.sizes(at, _ROWS_PER_STEP * 10), self._log.bounds(at).end, cutoff_ms, over)
        if start > self._log.bounds(at).start:
            await self._writer.write(lambda t: t.trim(at, start))


def _expired_to(batches: list[tuple[int, int, int]], end: int, cutoff_ms: int, over: int) -> int:
    """Return the offset up to which batches (last offset, newest ms, bytes) go; the partition's newest never does."""
    start = -1
    for last, newest_ms, size in batches:
        if last >= end - 1 or (newest_ms >= cutoff_ms and over < size):
            break
        start, over = last + 1, over - size
    return start


def _take(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, _ROWS_PER_STEP))
