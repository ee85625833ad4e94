"""A walk of one table: GETBULK after GETBULK, in blocks of rows, so that what there is when time is over are whole rows.

A question that is not answered is put again from where it stopped, for fewer rows. An agent that goes round in circles, or never comes to
an end, is left.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from collectors.poll.session import DeadlineError, GarbageError, Pairs, RefusedError, Rows, SilentError

MOST_ROWS = 32_768
"""A table with more rows is not read: either the agent goes round in circles, or it is asked for what it should not be."""

MOST_INDEX = 400
"""Characters of an index; 128 numbers are the most that a whole name has (RFC 2578 section 3.5)."""


class WalkEnd(StrEnum):
    """How a walk ended; all but the first leave rows unread."""

    COMPLETE = "complete"
    DEADLINE = "deadline"
    SILENT = "silent"
    REFUSED = "refused"
    MALFORMED = "malformed"
    NOT_INCREASING = "not-increasing"
    TOO_MANY_ROWS = "too-many-rows"


class AsksTables(Protocol):
    """What a walk needs of a session."""

    @property
    def has_bulk(self) -> bool:
        """Whether one question gets many rows."""
        ...

    async def get(self, oids: Sequence[str], wait_s: float) -> dict[str, object]:
        """The instances that there are."""
        ...

    async def column(self, oid: str, after: str, repetitions: int, wait_s: float) -> Rows:
        """The next instances of a column."""
        ...


@dataclass(slots=True)
class Stride:
    """How many rows one question asks a device for: half at once when that was too much, a quarter more after a while when it was not.

    ``most`` rows of a counter just fit an unfragmented answer; an agent that fits fewer gives fewer.
    """

    rows: int = 40
    most: int = 60
    patience: int = 8
    _well: int = 0

    def answered(self) -> None:
        """A question was answered."""
        self._well += 1
        if self._well >= self.patience and self.rows < self.most:
            self.rows = min(self.rows + max(1, self.rows // 4), self.most)
            self._well = 0

    def failed(self, rows: int) -> None:
        """A question for so many rows was not answered, or refused."""
        self.rows = min(self.rows, max(1, rows // 2))
        self._well = 0


@dataclass(slots=True)
class Walked:
    """What a walk found: whole rows, ``cells[column][row]``, ``None`` where a row has no such instance; ``strays`` belong to no row."""

    indexes: list[str]
    cells: list[list[object]]
    end: WalkEnd = WalkEnd.COMPLETE
    strays: int = 0


class _WrongOrderError(Exception):
    """A name that does not come behind the one before it (RFC 3416 section 4.2.2)."""


@dataclass(slots=True)
class _Cursor:
    """How far a column was read; ``ahead`` holds what was read beyond the rows so far."""

    oid: str
    index: str = ""
    ended: bool = False
    ahead: dict[str, object] = field(default_factory=dict)

    @property
    def after(self) -> str:
        return f"{self.oid}.{self.index}" if self.index else self.oid

    def split(self, pairs: Pairs) -> tuple[list[str], list[object]]:
        """Indexes and values. Raises :class:`GarbageError` for an index that can be none."""
        start = len(self.oid) + 1
        indexes = [name[start:] for name, _ in pairs]
        if not all(indexes) or max(map(len, indexes), default=0) > MOST_INDEX:
            raise GarbageError("a name without an index, or an index without end")
        return indexes, [value for _, value in pairs]


class Walk:
    """One table's walk. :meth:`run` never raises for what the agent does; what it found by then is in ``found``."""

    def __init__(self, session: AsksTables, oids: Sequence[str], stride: Stride, waits_s: Sequence[float]) -> None:
        self._session = session
        self._stride = stride
        self._waits = waits_s
        self._cursors = [_Cursor(oid) for oid in oids]
        self.found = Walked([], [[] for _ in oids])

    async def run(self) -> Walked:
        """Walk to the end of the first column, which says what rows there are."""
        try:
            while self.found.end is WalkEnd.COMPLETE and await self._block():
                if len(self.found.indexes) > MOST_ROWS:
                    self.found.end = WalkEnd.TOO_MANY_ROWS
        except DeadlineError:
            self.found.end = WalkEnd.DEADLINE
        except SilentError:
            self.found.end = WalkEnd.SILENT
        except RefusedError:
            self.found.end = WalkEnd.REFUSED
        except GarbageError:
            self.found.end = WalkEnd.MALFORMED
        except _WrongOrderError:
            self.found.end = WalkEnd.NOT_INCREASING
        return self.found

    async def _block(self) -> bool:
        """Some rows more: of the first column as many as an answer has, of the others the same. False behind the last row."""
        first, *others = self._cursors
        if first.ended:
            return False
        indexes, values = await self._step(first, self._stride.rows)
        if not indexes:
            return False
        rows = [values]
        if others and not self._session.has_bulk:
            rows += await self._row(indexes[0])
        else:
            rows += [await self._alongside(cursor, indexes) for cursor in others]
        self.found.indexes += indexes
        for cells, more in zip(self.found.cells, rows, strict=True):
            cells.extend(more)
        return True

    async def _alongside(self, cursor: _Cursor, indexes: list[str]) -> list[object]:
        """A further column's cells of these rows."""
        last = key_of(indexes[-1])
        while not cursor.ended and (not cursor.index or key_of(cursor.index) < last):
            try:
                found, values = await self._step(cursor, len(indexes), indexes)
            except RefusedError:  # even for a single instance: that one is passed over
                cursor.index = next(index for index in indexes if not cursor.index or key_of(index) > key_of(cursor.index))
                continue
            if found == indexes and not cursor.ahead:
                return values
            cursor.ahead |= zip(found, values, strict=True)
        cells = [cursor.ahead.pop(index, None) for index in indexes]
        passed = [index for index in cursor.ahead if key_of(index) <= last]
        for index in passed:
            del cursor.ahead[index]
        self.found.strays += len(passed)
        return cells

    async def _step(self, cursor: _Cursor, rows: int, expected: list[str] | None = None) -> tuple[list[str], list[object]]:
        """One answer's part of a column, the cursor moved behind it."""
        answer = await self._ask(cursor, rows)
        indexes, values = cursor.split(answer.pairs)
        if indexes != expected and not increases(cursor.index, indexes):  # the first column's are in order already
            raise _WrongOrderError
        cursor.ended = answer.ended
        if indexes:
            cursor.index = indexes[-1]
        elif not answer.ended:
            raise GarbageError("an answer without rows")
        return indexes, values

    async def _row(self, index: str) -> list[list[object]]:
        """The other columns of one row, for an agent without GETBULK. v1 answers for all instances or for none (RFC 1157 section 4.1.2)."""
        names = [f"{cursor.oid}.{index}" for cursor in self._cursors[1:]]
        found = await self._get(names)
        for name in names if not found else ():
            found |= await self._get([name])
        return [[found.get(name)] for name in names]

    async def _get(self, names: list[str]) -> dict[str, object]:
        for wait_s in self._waits[:-1]:
            with suppress(SilentError, GarbageError):
                return await self._session.get(names, wait_s)
        return await self._session.get(names, self._waits[-1])

    async def _ask(self, cursor: _Cursor, rows: int) -> Rows:
        """Ask, and again for half the rows each time it fails; a refusal is final for a single row, a silence when the tries are over."""
        tries = iter(self._waits[1:])
        wait_s = self._waits[0]
        size = min(rows, self._stride.rows)
        while True:
            try:
                answer = await self._session.column(cursor.oid, cursor.after, size, wait_s)
            except RefusedError:
                if size == 1:
                    raise
            except (SilentError, GarbageError):
                longer = next(tries, None)
                if longer is None:
                    raise
                wait_s = longer
            else:
                self._stride.answered()
                return answer
            self._stride.failed(size)
            size = max(1, size // 2)


def key_of(index: str) -> tuple[int, ...]:
    """An index as names are ordered: number by number (RFC 2578 section 3.5)."""
    return tuple(map(int, index.split(".")))


def increases(after: str, indexes: Sequence[str]) -> bool:
    """Whether each index comes behind the one before it, the first behind ``after``."""
    told = [after, *indexes] if after else indexes
    if "." in "".join(told):
        return all(one < other for one, other in pairwise(map(key_of, told)))
    return all(one < other for one, other in pairwise(map(int, told)))
