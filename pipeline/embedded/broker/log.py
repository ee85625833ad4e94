"""The durable log: partitions of record batches, committed offsets, and the group commit that writes them."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from pipeline.embedded.broker import storage
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.errors import RefusedError
from pipeline.embedded.broker.lock import DataLock
from pipeline.embedded.broker.storage import Bounds, Place, Topic
from pipeline.embedded.broker.transaction import Row, Transaction

Job = Callable[[Transaction], Any]
_ROWS_AT_ONCE = 64


class StorageError(Exception):
    """The file could not be written (disk full, I/O error); nothing of the transaction was kept."""


class Log:
    """A context manager over the log's folder; one process at a time may hold it.

    Reading and `publish` belong to one thread; `commit` may run in another, one call at a time.
    """

    def __init__(self, config: BrokerConfig) -> None:
        self._config = config
        self._lock = DataLock(config.data)
        self._state = storage.State()
        self._db: sqlite3.Connection
        self._reader: sqlite3.Connection

    def __enter__(self) -> Self:
        self._config.data.mkdir(parents=True, exist_ok=True)
        self._lock.__enter__()
        try:
            self._db = storage.connect(self._config)
            self._reader = storage.connect_reader(self._config)
            self._state = storage.load(self._db)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reader.close()
        self._db.close()
        self._lock.__exit__(kind, error, trace)

    @property
    def boots(self) -> int:
        """How many times this log has been opened, this time included."""
        return self._state.boots

    @property
    def topics(self) -> dict[str, Topic]:
        """Topics by name."""
        return self._state.topics

    def bounds(self, at: Place) -> Bounds:
        """Return the first and the next offset of a partition."""
        return self._state.bounds[at]

    def appended(self, places: Iterable[Place]) -> int:
        """Return how many bytes these partitions have gained since the log was opened."""
        return sum(self._state.appended.get(at, 0) for at in places)

    def commit(self, jobs: Sequence[Job], now_ms: int) -> tuple[Transaction, list[Any]]:
        """Run the jobs in one transaction; return it, still to be published, and what each job returned.

        A job that refuses (`RefusedError`) has that error as its result, and must not have written before.

        Raises:
            StorageError: SQLite could not write; the file is as before.
        """
        transaction = Transaction(self._db, self._state, now_ms)
        try:
            self._db.execute("begin immediate")
            results = [_attempt(job, transaction) for job in jobs]
            self._db.execute("commit")
        except sqlite3.Error as error:
            self._rollback()
            raise StorageError(str(error)) from error
        except BaseException:
            self._rollback()
            raise
        return transaction, results

    def read(self, at: Place, offset: int, max_bytes: int) -> list[bytes]:
        """Return the batches from the one holding `offset` on; at least one when there is one, then up to `max_bytes`."""
        found: list[bytes] = []
        size, end = 0, self.bounds(at).end
        for row in scan(self._reader, at, offset, end):
            if found and size + len(row.data) > max_bytes:
                break
            found.append(row.data)
            size += len(row.data)
            if size >= max_bytes:
                break
        return found

    def first_since(self, at: Place, timestamp_ms: int) -> Row | None:
        """Return the first batch that holds a record of that time or later."""
        query = "select base, last, ts, data from batches where tid = ? and part = ? and ts >= ? order by last limit 1"
        row = self._reader.execute(query, (*at, timestamp_ms)).fetchone()
        return Row(*row) if row else None

    def sizes(self, at: Place, limit: int) -> list[tuple[int, int, int]]:
        """Return (last offset, newest time in ms, bytes) of the oldest `limit` batches."""
        query = "select last, ts, size from batches where tid = ? and part = ? order by last limit ?"
        return self._reader.execute(query, (*at, limit)).fetchall()

    def total_bytes(self, at: Place) -> int:
        """Return the bytes held by a partition."""
        query = "select coalesce(sum(size), 0) from batches where tid = ? and part = ?"
        return int(self._reader.execute(query, at).fetchone()[0])

    def graves(self) -> list[int]:
        """Return ids of deleted topics whose batches are still there."""
        return [tid for (tid,) in self._reader.execute("select tid from graves")]

    def offsets(self, group: str) -> dict[tuple[str, int], tuple[int, str]]:
        """Return a group's committed positions and their metadata by (topic, partition)."""
        rows = self._reader.execute("select topic, part, position, metadata from offsets where name = ?", (group,))
        return {(topic, part): (position, metadata or "") for topic, part, position, metadata in rows}

    def groups(self) -> list[str]:
        """Return the groups that have committed an offset."""
        return [name for (name,) in self._reader.execute("select distinct name from offsets order by name")]

    def forget_histories(self) -> None:
        """Drop the cache of producers; what is still wanted is read from the file again."""
        self._state.histories.clear()

    def free_pages(self) -> int:
        """Return how many pages of the file hold nothing."""
        return int(self._reader.execute("pragma freelist_count").fetchone()[0])

    def _rollback(self) -> None:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself, as it does on a full disk
            self._db.execute("rollback")


def _attempt(job: Job, transaction: Transaction) -> Any:
    try:
        return job(transaction)
    except RefusedError as error:
        return error


def scan(db: sqlite3.Connection, at: Place, offset: int, end: int) -> Iterator[Row]:
    """Yield the stored batches that hold offsets in `offset..end-1`, oldest first."""
    query = "select base, last, ts, data from batches where tid = ? and part = ? and last >= ? and last < ? order by last limit ?"
    while True:
        rows = db.execute(query, (*at, offset, end, _ROWS_AT_ONCE)).fetchall()
        yield from (Row(*values) for values in rows)
        if len(rows) < _ROWS_AT_ONCE:
            return
        offset = rows[-1][1] + 1
