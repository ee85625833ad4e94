"""Answers -> packed columns. Nothing an agent says can fail here: what does not fit its column is refused and counted."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np

from pipeline.core.column import FLOAT, UNSIGNED, Cell, Column
from pipeline.core.profile import ColumnType, PollColumn
from pipeline.core.raw import RawTable

Cells = Sequence[object]

MOST_TEXT = 255
"""Characters of a text that are kept, as many as a DisplayString has (RFC 2579)."""

_UNSIGNED_32 = (0, (1 << 32) - 1)
_RANGES = {
    ColumnType.COUNTER32: _UNSIGNED_32,
    ColumnType.COUNTER64: (0, (1 << 64) - 1),
    ColumnType.GAUGE: _UNSIGNED_32,
    ColumnType.GAUGE64: (0, (1 << 64) - 1),
    ColumnType.INTEGER: (-(1 << 31), (1 << 31) - 1),
}
_MAC_OCTETS = 6
_ADDRESS_OCTETS = (4, 16)
_DOTTED = re.compile(r"\d{1,10}(\.\d{1,10}){1,127}")
_SPELLED = re.compile(rb"\s*[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,3})?\s*")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A table, with how many of its values were kept and how many refused."""

    table: RawTable
    values: int
    refused: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A column, and the same of it."""

    column: Column
    values: int
    refused: int


def decode(columns: Sequence[PollColumn], indexes: Sequence[str], cells: Sequence[Cells]) -> Decoded:
    """Pack ``cells[column][row]``; ``None`` is a value that the agent did not give.

    Refused are values of another type or size than their column's (RFC 2578 section 7.1).
    """
    packed = [pack(column.type, each) for column, each in zip(columns, cells, strict=True)]
    named = {column.name: each.column for column, each in zip(columns, packed, strict=True)} if indexes else {}
    return Decoded(RawTable(tuple(indexes), named), sum(each.values for each in packed), sum(each.refused for each in packed))


def pack(kind: ColumnType, cells: Cells) -> Packed:
    """One column of a type."""
    bounds = _RANGES.get(kind)
    if bounds is None:
        present = [None if cell == b"" and kind is not ColumnType.TEXT else cell for cell in cells]  # such as the MAC of a loopback
        return _gathered(present, [None if cell is None else _READINGS[kind](cell) for cell in present])
    least, most = bounds
    kinds = set(map(type, cells))
    if kinds == {int} and least <= min(cells) and max(cells) <= most:  # type: ignore[type-var, operator]  # they are ints
        return Packed(_numbers(cells), len(cells), 0)
    return _gathered(cells, [cell if type(cell) is int and least <= cell <= most else None for cell in cells])  # True is no number


def _numbers(cells: Cells) -> Column:
    """Whole numbers that are all there, as floating point when one is negative."""
    if min(cells) < 0:  # type: ignore[type-var, operator]  # they are ints
        return Column(FLOAT, np.array(cells, "<f8").tobytes())
    return Column(UNSIGNED, np.array(cells, "<u8").tobytes())


def _gathered(cells: Cells, fitting: Sequence[Cell]) -> Packed:
    """What fits, packed; of what does not, all but absences is refused."""
    values = sum(cell is not None for cell in fitting)
    return Packed(Column.of(fitting), values, sum(cell is not None for cell in cells) - values)


def _text(cell: object) -> Cell:
    """Text of an OCTET STRING: UTF-8 where it is, without the zeroes and blanks that agents fill up with."""
    if not isinstance(cell, bytes):
        return None
    return cell[: 4 * MOST_TEXT].decode(errors="replace").strip("\0 \t\r\n")[:MOST_TEXT]


def _number_text(cell: object) -> Cell:
    if not isinstance(cell, bytes) or not _SPELLED.fullmatch(cell):
        return None
    number = float(cell)
    return number if math.isfinite(number) else None


def _mac(cell: object) -> Cell:
    return cell.hex(":") if isinstance(cell, bytes) and len(cell) == _MAC_OCTETS else None


def _oid(cell: object) -> Cell:
    return cell if isinstance(cell, str) and _DOTTED.fullmatch(cell) else None


def _address(cell: object) -> Cell:
    """An IpAddress, or an InetAddress of IPv4 or IPv6 (RFC 4001)."""
    if not isinstance(cell, str) and not (isinstance(cell, bytes) and len(cell) in _ADDRESS_OCTETS):
        return None
    try:
        return str(ip_address(cell))
    except ValueError:
        return None


_READINGS: dict[ColumnType, Callable[[object], Cell]] = {
    ColumnType.TEXT: _text,
    ColumnType.NUMBER_TEXT: _number_text,
    ColumnType.MAC: _mac,
    ColumnType.OID: _oid,
    ColumnType.IP_ADDRESS: _address,
}
