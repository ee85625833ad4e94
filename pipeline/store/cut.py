"""A cut: the messages of one partition that are written together, and by whose boundaries a repeat is known as one.

Rules, all pure: a cut is recorded before its rows are written and marked done after. Whoever takes a partition over begins after the last
cut if that is done, and else writes it again with the same boundaries, hence the same rows and tokens, which heals a torn write. The store
is the truth of what it holds: committed offsets of the consumer group only tell others how far it is.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from pipeline.store.row import Rows, append

_EMPTY_MESSAGES = 1_000
"""Messages without rows (ticks) make no cut of their own until there are so many."""


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The messages ``first_offset`` to ``last_offset``, both included.

    ``epoch`` grows when the broker was found emptied, as its offsets then begin again. ``first_timestamp_ms`` is the broker's timestamp
    of the first message; by it an emptied and refilled broker is told from a group that was set back.
    """

    partition: Partition
    epoch: int
    first_offset: int
    last_offset: int
    first_timestamp_ms: int
    is_done: bool = False

    @property
    def version(self) -> int:
        """Order of the cuts of one partition."""
        return ((self.epoch << 47) + self.last_offset) * 2 + self.is_done

    def token(self, table: str) -> str:
        """What ClickHouse knows a repeated insert by."""
        return f"{table}:{self.partition.topic}:{self.partition.partition}:{self.epoch}:{self.first_offset}:{self.last_offset}"

    def done(self) -> "Cut":
        """The same cut, marked done."""
        return replace(self, is_done=True)


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin reading a partition: at ``position``, in ``epoch``, after the store's ``last`` cut.

    ``note`` is for the log, if anything is amiss. ``known`` is the last cut if the broker may still hold it: its messages are read once
    more, to see by the first that the broker still holds the same log, and, if the cut is not done, to write it again.
    """

    position: int
    epoch: int
    last: Cut | None = None
    known: Cut | None = None
    note: str = ""


def start_of(last: Cut | None, begin: int, end: int) -> Start:
    """Where to begin, given the last cut in the store and the broker's first and next offset of the partition."""
    if last is None:
        return Start(begin, 0)
    if end <= last.last_offset:
        return emptied(last, begin)
    if begin <= last.first_offset:
        return Start(last.first_offset, last.epoch, last, known=last)
    return Start(max(begin, last.last_offset + 1), last.epoch, last, note=_lost_by_retention(last, begin))


def _lost_by_retention(last: Cut, begin: int) -> str:
    if begin > last.last_offset + 1:
        return f"the broker dropped {begin - last.last_offset - 1} messages before they were stored: lengthen its retention"
    return (
        "" if last.is_done else "the broker dropped messages of an unfinished cut: some of its rows may be missing; lengthen its retention"
    )


def emptied(last: Cut, begin: int) -> Start:
    """Begin anew after the broker was emptied."""
    note = f"the broker was emptied: it no longer holds what is stored up to offset {last.last_offset}"
    return Start(begin, last.epoch + 1, last, note=note)


@dataclass(frozen=True, slots=True)
class Converted:
    """One message turned into rows; ``count`` is how much they weigh, in rows."""

    offset: int
    timestamp_ms: int
    rows: Rows
    count: int


class EmptiedError(RuntimeError):
    """The first message of the last cut is not the one that was stored."""


class Cutter:
    """One partition's messages on their way into cuts. Mutable, without I/O; offsets must come in order, repeats are ignored."""

    def __init__(self, partition: Partition, start: Start) -> None:
        self.partition = partition
        self.start = start
        self.last = start.last
        self.rows = 0
        self._next = start.position
        self._waiting: list[Converted] = []
        self._redo = start.known if start.known and not start.known.is_done else None

    def wants(self, offset: int, timestamp_ms: int) -> bool:
        """Whether a message is to be converted and added. Raises ``EmptiedError`` when it shows that the broker's log is another."""
        known = self.start.known
        if known and offset == known.first_offset and timestamp_ms != known.first_timestamp_ms:
            raise EmptiedError
        if offset < self._next:
            return False
        self._next = offset + 1
        return not (known and known.is_done and offset <= known.last_offset)

    def add(self, message: Converted) -> None:
        """Put a message that was wanted at the end of the queue."""
        self._waiting.append(message)
        self.rows += message.count

    def take(self, limit: int) -> tuple[Cut, Rows] | None:
        """The next cut and its rows, if there is one: at most ``limit`` rows but at least a message, or exactly the one to write again."""
        redo = self._redo
        size = self._redo_size(redo) if redo else self._size(limit) if self.rows or len(self._waiting) >= _EMPTY_MESSAGES else 0
        if not size:
            return None
        messages, self._waiting = self._waiting[:size], self._waiting[size:]
        self._redo = None
        rows: Rows = {}
        for message in messages:
            append(rows, message.rows)
        self.rows -= sum(message.count for message in messages)
        fresh = Cut(self.partition, self.start.epoch, messages[0].offset, messages[-1].offset, messages[0].timestamp_ms)
        return redo or fresh, rows

    def _redo_size(self, redo: Cut) -> int:
        if self._next <= redo.last_offset:
            return 0
        return sum(message.offset <= redo.last_offset for message in self._waiting)

    def _size(self, limit: int) -> int:
        rows = 0
        for place, message in enumerate(self._waiting):
            rows += message.count
            if rows > limit and place:
                return place
        return len(self._waiting)
