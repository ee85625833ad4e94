"""A column gives back what was packed, whatever kind it is, through the wire too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import wire
from pipeline.core.column import FLOAT, TEXT, UNSIGNED, Cell, Column

NUMBERS = st.integers(0, 2**64 - 1)


@given(st.lists(st.none() | NUMBERS, max_size=20))
def test_counts_come_back_exactly(values: list[int | None]) -> None:
    """64 bits, none lost."""
    column = Column.of(values)
    assert column.values() == tuple(values)
    assert (column.kind, len(column)) == (UNSIGNED, len(values))
    assert [int(count) if known else None for count, known in zip(column.counts(), column.present(), strict=True)] == values


@given(st.lists(st.none() | st.floats(allow_nan=False), max_size=20))
def test_numbers_have_nan_for_no_value(values: list[float | None]) -> None:
    """A value that is none is NaN among numbers, and none among values."""
    column = Column.of(values)
    assert [None if np.isnan(value) else value for value in column.numbers().tolist()] == values
    assert wire.unpacker(Column)(wire.pack(column)) == column


@pytest.mark.parametrize(
    ("values", "kind"),
    [((1, 2), UNSIGNED), ((1, -2), FLOAT), ((1, 2.5), FLOAT), (("a", None), TEXT), ((), UNSIGNED), ((None, None), UNSIGNED)],
)
def test_kind_is_the_smallest_that_holds_all(values: tuple[Cell, ...], kind: str) -> None:
    """Text before fractions before counts."""
    column = Column.of(values)
    assert (column.kind, column.values()) == (kind, tuple(values))


def test_text_is_no_number_and_counts_are_no_fractions() -> None:
    """Whoever asks for the wrong thing gets nothing, not an error in the middle of a poll."""
    assert np.isnan(Column.of(("a", "b")).numbers()).all()
    assert Column.of((1.5, 2.5)).counts().tolist() == [0, 0]
    assert Column.of((1, None)).texts() == ("1", "")


def test_floats_are_packed_without_objects() -> None:
    """From arrays to bytes and back."""
    column = Column.of_floats(np.array([1.5, np.nan]))
    assert column.values() == (1.5, None)
