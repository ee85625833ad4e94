"""The changes that one SQLite transaction makes to the log, and to its state in memory once committed."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.embedded.broker import idempotence
from pipeline.embedded.broker.batch import NO_PRODUCER, Batch, place
from pipeline.embedded.broker.errors import Error, RefusedError
from pipeline.embedded.broker.storage import Bounds, Place, State, Topic


@dataclass(frozen=True)
class Row:
    """A stored batch: the offsets of its first and last record, its newest time in ms, and its bytes."""

    base: int
    last: int
    timestamp_ms: int
    data: bytes


class Transaction:
    """Writes to the open SQLite transaction at once, and to a draft of the state that `publish` makes current."""

    def __init__(self, db: sqlite3.Connection, state: State, now_ms: int) -> None:
        self._db = db
        self._state = state
        self._now_ms = now_ms
        self._topics: dict[str, Topic | None] = {}
        self._bounds: dict[Place, Bounds] = {}
        self._appended: dict[Place, int] = {}
        self._histories: dict[tuple[int, int, int], idempotence.History] = {}

    def topic(self, name: str) -> Topic | None:
        """Return the topic as this transaction sees it."""
        return self._topics[name] if name in self._topics else self._state.topics.get(name)

    def bounds(self, at: Place) -> Bounds:
        """Return the partition's bounds as this transaction sees them."""
        return self._bounds.get(at) or self._state.bounds[at]

    def create(self, name: str, partitions: int, config: dict[str, str]) -> Topic:
        """Add a topic.

        Raises:
            RefusedError: TOPIC_ALREADY_EXISTS.
        """
        if self.topic(name) is not None:
            raise RefusedError(Error.TOPIC_ALREADY_EXISTS, f"topic {name!r} exists already")
        added = self._db.execute("insert into topics(name, partitions, config) values(?, ?, ?)", (name, partitions, json.dumps(config)))
        topic = Topic(added.lastrowid or 0, name, partitions, config)
        rows = [(topic.id, part, 0) for part in range(partitions)]
        self._db.executemany("insert into partitions values(?, ?, ?)", rows)
        self._topics[name] = topic
        self._bounds.update({(topic.id, part): Bounds() for part in range(partitions)})
        return topic

    def delete(self, name: str) -> None:
        """Remove a topic and its committed offsets; its batches go later, in small steps.

        Raises:
            RefusedError: UNKNOWN_TOPIC_OR_PARTITION.
        """
        topic = self.topic(name)
        if topic is None:
            raise RefusedError(Error.UNKNOWN_TOPIC_OR_PARTITION)
        self._db.execute("delete from topics where id = ?", (topic.id,))
        self._db.execute("delete from partitions where tid = ?", (topic.id,))
        self._db.execute("delete from producers where tid = ?", (topic.id,))
        self._db.execute("delete from offsets where topic = ?", (name,))
        self._db.execute("insert into graves values(?)", (topic.id,))
        self._topics[name] = None

    def append(self, at: Place, batch: Batch) -> int:
        """Store a batch at the partition's end and return its base offset; a repeated batch is stored once.

        Raises:
            RefusedError: The producer's sequence does not fit (see `idempotence.find_repeat`).
        """
        if batch.producer_id == NO_PRODUCER:
            return self._store(at, batch)
        history = self._history(at, batch.producer_id)
        known = idempotence.find_repeat(history, batch)
        if known is not None:
            return known
        base = self._store(at, batch)
        self._remember(at, batch.producer_id, idempotence.remember(history, batch, base))
        return base

    def new_producer_id(self) -> int:
        """Return a producer id never given before."""
        query = "insert into meta values('pid', 1) on conflict(name) do update set value = value + 1 returning value"
        return int(self._db.execute(query).fetchone()[0])

    def commit_offset(self, group: str, topic: str, part: int, position: int, metadata: str | None) -> None:
        """Record where a group goes on reading."""
        self._db.execute("insert or replace into offsets values(?, ?, ?, ?, ?)", (group, topic, part, position, metadata))

    def trim(self, at: Place, start: int) -> None:
        """Drop the batches wholly before `start`, which becomes the oldest offset."""
        self._db.execute("delete from batches where tid = ? and part = ? and last < ?", (*at, start))
        self._db.execute("update partitions set start = ? where tid = ? and part = ?", (start, *at))
        self._bounds[at] = Bounds(start, self.bounds(at).end)

    def replace(self, at: Place, old: Iterable[int], new: Iterable[Row]) -> None:
        """Swap batches, named by their last offsets, for their compacted form; the bounds stay."""
        self._db.executemany("delete from batches where tid = ? and part = ? and last = ?", [(*at, o) for o in old])
        self._db.executemany("insert into batches values(?, ?, ?, ?, ?, ?, ?)", [_values(at, row) for row in new])

    def sweep(self, tid: int, limit: int) -> bool:
        """Drop up to `limit` batches of a deleted topic and tell whether that was the last of it."""
        query = "delete from batches where rowid in (select rowid from batches where tid = ? limit ?)"
        swept = self._db.execute(query, (tid, limit)).rowcount
        if swept < limit:
            self._db.execute("delete from graves where tid = ?", (tid,))
        return swept < limit

    def forget_producers(self, before_ms: int) -> None:
        """Drop what is remembered of producers silent since `before_ms`."""
        self._db.execute("delete from producers where at < ?", (before_ms,))

    def vacuum(self, pages: int) -> None:
        """Give up to that many free pages back to the file system: one by one, since one call frees but one here."""
        for _ in range(pages):
            self._db.execute("pragma incremental_vacuum(1)")

    def publish(self) -> set[Place]:
        """Make the draft current, after the commit; return the partitions that gained records."""
        for name, topic in self._topics.items():
            if topic is None:
                self._bury(self._state.topics.pop(name, None))
            else:
                self._state.topics[name] = topic
        grown = {at for at, b in self._bounds.items() if b.end > self._state.bounds.get(at, b).end}
        self._state.bounds.update(self._bounds)
        self._state.histories.update(self._histories)
        for at, size in self._appended.items():
            self._state.appended[at] = self._state.appended.get(at, 0) + size
        return grown

    def _bury(self, topic: Topic | None) -> None:
        if topic is None:
            return
        for key in [k for k in self._state.bounds if k[0] == topic.id]:
            del self._state.bounds[key]
            self._state.appended.pop(key, None)
        for key3 in [k for k in self._state.histories if k[0] == topic.id]:
            del self._state.histories[key3]

    def _store(self, at: Place, batch: Batch) -> int:
        bounds = self.bounds(at)
        base, end = bounds.end, bounds.end + batch.count
        row = Row(base, end - 1, batch.max_timestamp_ms, place(batch.data, base))
        self._db.execute("insert into batches values(?, ?, ?, ?, ?, ?, ?)", _values(at, row))
        self._bounds[at] = Bounds(bounds.start, end)
        self._appended[at] = self._appended.get(at, 0) + len(row.data)
        return base

    def _history(self, at: Place, pid: int) -> idempotence.History:
        key = (*at, pid)
        known = self._histories.get(key) or self._state.histories.get(key)
        if known is not None:
            return known
        query = "select history from producers where tid = ? and part = ? and pid = ?"
        row = self._db.execute(query, key).fetchone()
        return idempotence.unpack(row[0]) if row else ()

    def _remember(self, at: Place, pid: int, history: idempotence.History) -> None:
        values = (*at, pid, idempotence.pack(history), self._now_ms)
        self._db.execute("insert or replace into producers values(?, ?, ?, ?, ?)", values)
        self._histories[*at, pid] = history


def _values(at: Place, row: Row) -> tuple[int, int, int, int, int, int, bytes]:
    return (*at, row.last, row.base, row.timestamp_ms, len(row.data), row.data)
