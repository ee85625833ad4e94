"""A table as it was read becomes numbers in base units, what is derived from them, and the rows that count."""

import math

import pytest

from pipeline.core.column import Column
from pipeline.core.formula import FormulaError, compiled
from pipeline.core.measure import worked_out
from pipeline.core.profile import ColumnType, DerivedColumn, PollColumn, ProfileTable
from pipeline.core.raw import RawTable
from pipeline.core.row_plan import bound_table

SENSORS = ProfileTable(
    "optics",
    (
        PollColumn("light", "1.3.1", ColumnType.GAUGE, "uW", 0.1),
        PollColumn("sensor", "1.3.2", ColumnType.TEXT),
        PollColumn("memory", "1.3.3", ColumnType.GAUGE64, "byte"),
    ),
    (
        DerivedColumn("level", "dbm(light)", "dBm"),
        DerivedColumn("rx_power", "where(says(sensor, 'rx|receive'), level, none)", "dBm"),
    ),
    where="not says(sensor, '^psu')",
)
TABLE = RawTable(
    ("1", "2", "3", "4"),
    {
        "light": Column.of([10000, 5000, 0, 1000]),
        "sensor": Column.of(["Te1/0/1 Receive Power", "PSU 1", "Te1/0/2 RX", None]),
        "memory": Column.of([1 << 40, 1, 2, None]),
    },
)


def test_texts_are_looked_into_and_what_comes_after_reads_what_comes_before() -> None:
    """In whichever case; a text that is not there says nothing, and no light has no level."""
    inputs, kept = worked_out(TABLE, bound_table(SENSORS, ()))
    assert inputs["level"].tolist()[:2] == pytest.approx([0, -3.0103], abs=1e-4)
    assert math.isnan(inputs["level"][2])
    assert [None if math.isnan(level) else round(level, 6) for level in inputs["rx_power"]] == [0, None, None, None]
    assert kept.tolist() == [True, False, True, True]


def test_a_gauge_of_64_bits_is_a_number_and_no_counter() -> None:
    inputs, _ = worked_out(TABLE, bound_table(SENSORS, ()))
    assert inputs["memory"][0] == 8 * float(1 << 40)


def test_a_column_that_the_device_does_not_have_says_nothing() -> None:
    """An older agent has no such column at all: rows stay, values are missing."""
    table = RawTable(("1",), {"light": Column.of([10000])})
    inputs, kept = worked_out(table, bound_table(SENSORS, ()))
    assert kept.tolist() == [True]
    assert math.isnan(inputs["rx_power"][0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("says(light, 'x')", "'light' is not a column of text: says() takes one"),
        ("says(sensor)", "says() takes a column of text and what to look for"),
        ("says(sensor, light)", "says() takes a column of text and what to look for"),
        ("says(sensor, '(')", "'(' is no regular expression"),
    ],
)
def test_what_says_cannot_look_for_is_refused(text: str, told: str) -> None:
    with pytest.raises(FormulaError) as refusal:
        compiled(text, {"light": ()}, texts=frozenset({"sensor"}))
    assert told in str(refusal.value)
