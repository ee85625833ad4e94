"""Answers by OID -> columns. Nothing an agent says can fail here: what does not fit its column is refused and counted."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.profile import SYS_UPTIME, PollColumn, Profile, ProfileTable
from pipeline.core.raw import RawTable

_UPTIME = PollColumn("uptime_ticks", SYS_UPTIME)
_INDEX = re.compile(r"\d{1,10}(\.\d{1,10}){0,31}")
"""At most 32 numbers of 32 bits: an index that is longer is none of a table that is asked for."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an agent said: rows that it showed, ``values`` of them in all, and how many values were ``refused``."""

    uptime_ticks: int | None
    indexes: tuple[int, ...]
    columns: dict[str, tuple[int | None, ...]]
    values: int
    refused: int

    @property
    def is_empty(self) -> bool:
        """Whether not one value could be used."""
        return self.uptime_ticks is None and self.values == 0


def oids_of(profile: Profile, indexes: Sequence[int]) -> tuple[str, ...]:
    """The instances to ask for, row by row, so that one answer holds whole rows where it can."""
    return tuple(f"{column.oid}.{index}" for index in indexes for column in profile.columns)


def decode(profile: Profile, indexes: Sequence[int], answers: Mapping[str, object]) -> Decoded:
    """Sort answers into columns; a row without any value is left out.

    Refused are values of another type or size than their column's (RFC 2578 section 7.1), and instances that nobody asked for.
    """
    cells = {(column.name, index): _fit(column, answers.get(f"{column.oid}.{index}")) for column in profile.columns for index in indexes}
    shown = tuple(index for index in indexes if any(cells[column.name, index] is not None for column in profile.columns))
    uptime = _fit(_UPTIME, answers.get(SYS_UPTIME))
    values = sum(cell is not None for cell in cells.values())
    return Decoded(
        uptime_ticks=uptime,
        indexes=shown,
        columns={column.name: tuple(cells[column.name, index] for index in shown) for column in profile.columns} if shown else {},
        values=values,
        refused=len(answers) - values - (uptime is not None),
    )


@dataclass(frozen=True, slots=True)
class DecodedTable:
    """A walked table, with how many of its values were kept and refused."""

    table: RawTable
    values: int
    refused: int


def decode_table(table: ProfileTable, answers: Mapping[str, object]) -> DecodedTable:
    """Sort what a walk found into columns; the rows are those of the first column, in the order in which the agent gave them.

    Refused are values that do not fit, as in :func:`decode`, and indexes that are none.
    """
    first = f"{table.columns[0].oid}."
    indexes = tuple(oid.removeprefix(first) for oid in answers if oid.startswith(first) and _INDEX.fullmatch(oid.removeprefix(first)))
    columns = {column.name: tuple(_fit(column, answers.get(f"{column.oid}.{index}")) for index in indexes) for column in table.columns}
    values = sum(cell is not None for cells in columns.values() for cell in cells)
    return DecodedTable(RawTable(indexes, columns if indexes else {}), values, len(answers) - values)


def chunks(oids: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """Questions of at most ``size`` instances; a device without interfaces is still asked for its uptime."""
    for start in range(0, max(len(oids), 1), size):
        yield tuple(oids[start : start + size])


def _fit(column: PollColumn, value: object) -> int | None:
    """The value when it is one of the column's type (true and false are none, though Python counts them as ints)."""
    return value if type(value) is int and 0 <= value < 1 << column.bits else None
