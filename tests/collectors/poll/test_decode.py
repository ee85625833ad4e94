"""Answers become columns; what does not fit its column is refused, and nothing an agent says makes the decoder fail."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.poll.decode import MOST_TEXT, decode, pack
from pipeline import wire
from pipeline.core.column import Cell, Column
from pipeline.core.profile import ColumnType, PollColumn
from pipeline.core.raw import PollOutcome, RawPoll, RawTable

COLUMNS = tuple(PollColumn(kind.name.lower(), f"1.3.6.1.9.{place}", kind) for place, kind in enumerate(ColumnType, start=1))
TOP_32, TOP_64 = 2**32 - 1, 2**64 - 1

GOOD: dict[ColumnType, list[tuple[object, Cell]]] = {
    ColumnType.COUNTER32: [(0, 0), (TOP_32, TOP_32)],
    ColumnType.COUNTER64: [(0, 0), (TOP_64, TOP_64)],
    ColumnType.GAUGE: [(TOP_32, TOP_32)],
    ColumnType.GAUGE64: [(TOP_64, TOP_64)],
    ColumnType.INTEGER: [(-(2**31), -(2**31)), (2**31 - 1, 2**31 - 1)],
    ColumnType.TEXT: [(b"ge-0/0/1", "ge-0/0/1"), (b"caf\xc3\xa9\0\0", "café"), (b"\xff", "\ufffd"), (b"", ""), (b" x \n", "x")],
    ColumnType.NUMBER_TEXT: [(b"0.42", 0.42), (b" -3 ", -3.0), (b"1e3", 1000.0), (b".5", 0.5)],
    ColumnType.MAC: [(b"\x00\x1b\x2c\x3d\x4e\x5f", "00:1b:2c:3d:4e:5f")],
    ColumnType.OID: [("1.3.6.1.4.1", "1.3.6.1.4.1")],
    ColumnType.IP_ADDRESS: [("192.0.2.1", "192.0.2.1"), (b"\xc0\x00\x02\x01", "192.0.2.1"), (b"\x20\x01" + bytes(13) + b"\x01", "2001::1")],
}
BAD: dict[ColumnType, list[object]] = {
    ColumnType.COUNTER32: [-1, TOP_32 + 1, True, 7.0, "7", b"7", b""],
    ColumnType.COUNTER64: [-1, TOP_64 + 1, False, b"x"],
    ColumnType.GAUGE: [-1, TOP_32 + 1, b""],
    ColumnType.GAUGE64: [-1, TOP_64 + 1],
    ColumnType.INTEGER: [-(2**31) - 1, 2**31, "1", 1.5],
    ColumnType.TEXT: [1, "1.3.6.1", 2.5],
    ColumnType.NUMBER_TEXT: [b"many", b"0x10", b"nan", b"1e999", b"1_000", 5, b"9" * 99],
    ColumnType.MAC: [b"\x00\x1b", "00:1b:2c:3d:4e:5f", 5],
    ColumnType.OID: ["1", "", "x.y", b"1.3.6", 7],
    ColumnType.IP_ADDRESS: ["1.2.3", "1.3.6.1.4", b"abc", 5],
}


@pytest.mark.parametrize("kind", ColumnType)
def test_values_of_a_type_are_kept(kind: ColumnType) -> None:
    """Together, and each beside one that is missing."""
    told, kept = zip(*GOOD[kind], strict=True)
    packed = pack(kind, told)
    assert (packed.column.values(), packed.values, packed.refused) == (kept, len(kept), 0)
    for one, cell in GOOD[kind]:
        assert pack(kind, [None, one]).column.values() == (None, cell)


@pytest.mark.parametrize("kind", ColumnType)
def test_a_value_of_the_wrong_type_or_size_is_refused_alone(kind: ColumnType) -> None:
    """The values beside it stay."""
    good, kept = GOOD[kind][0]
    for wrong in BAD[kind]:
        packed = pack(kind, [good, wrong])
        absent = wrong == b"" and kind not in {ColumnType.COUNTER32, ColumnType.GAUGE}
        assert (packed.column.values(), packed.values, packed.refused) == ((kept, None), 1, 0 if absent else 1), wrong


def test_an_empty_string_is_no_address_and_no_number_and_nobody_is_to_blame() -> None:
    """A loopback has no MAC: its agent says so with no octets."""
    for kind in (ColumnType.MAC, ColumnType.NUMBER_TEXT, ColumnType.IP_ADDRESS):
        assert pack(kind, [b""]).refused == 0
        assert pack(kind, [b""]).column.values() == (None,)


def test_a_text_without_end_is_cut() -> None:
    """As long as a DisplayString, however it is spelled."""
    assert pack(ColumnType.TEXT, ["é".encode() * 10_000]).column.text == ("é" * MOST_TEXT,)


def test_a_table_has_its_columns_by_name() -> None:
    """Cells in the order of the rows, exactly, 64 bits included."""
    columns = (PollColumn("octets", "1.3.6.1.9.1", ColumnType.COUNTER64), PollColumn("name", "1.3.6.1.9.2", ColumnType.TEXT))
    found = decode(columns, ["10.0.0.1", "10.0.0.2"], [[TOP_64, None], [b"a", b"b"]])
    assert found.table == RawTable(("10.0.0.1", "10.0.0.2"), {"octets": Column.of([TOP_64, None]), "name": Column.of(["a", "b"])})
    assert (found.values, found.refused) == (3, 0)


def test_a_table_without_rows_has_no_columns() -> None:
    """Nothing was said of them."""
    assert decode(COLUMNS, [], [[] for _ in COLUMNS]).table == RawTable()


CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=20) | st.text(max_size=12)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(*[CELLS] * len(COLUMNS)), max_size=6))
def test_every_answer_is_accounted_for_and_can_be_published(rows: list[tuple[object, ...]]) -> None:
    """Kept or refused, never lost; and what was kept always fits a message."""
    cells = [[row[place] for row in rows] for place in range(len(COLUMNS))]
    indexes = [str(place) for place in range(len(rows))]
    found = decode(COLUMNS, indexes, cells)
    texts = (ColumnType.MAC, ColumnType.NUMBER_TEXT, ColumnType.IP_ADDRESS, ColumnType.OID)
    present = sum(
        cell is not None and not (cell == b"" and column.type in texts)
        for column, each in zip(COLUMNS, cells, strict=True)
        for cell in each
    )
    assert found.values + found.refused == present
    assert {len(column) for column in found.table.columns.values()} <= {len(rows)}
    poll = RawPoll("poll-1", 1, 1, "pe1", PollOutcome.ANSWERED, 1, tables={"t": found.table})
    assert wire.decode(wire.encode([poll])) == [poll]
