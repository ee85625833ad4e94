"""Rows: columns named as fields, device text made harmless yet whole, and what cannot fit told before the insert."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import wire
from pipeline.core.event import StateReport, Tick
from pipeline.core.raw import ValueType, VarBind
from pipeline.store.packed import INTAKE, Packed
from pipeline.store.row import CONVERTERS, NOT_KEPT, PACKERS, append, length, rows_of, weight
from pipeline.store.text import show, value_text
from tests.support.history_samples import BESIDE, EVERY_KIND, NOW, S, anomalies, evaluation, kpis, poll, trap

LEFT_OUT = {
    "RawTrap": {"request_id"},
    "RawPoll": {"profile", "tables", "truncated"},
    "AlarmChange": {"alarm"},
    "Answer": {"operation"},
    "AnomalyBatch": {"resources", "kpis", "features", "numbers"},
}


def test_every_kind_of_the_wire_is_kept_or_left_out_on_purpose() -> None:
    """A new kind cannot be forgotten here."""
    assert set(wire.KINDS.values()) == set(CONVERTERS) | set(PACKERS) | NOT_KEPT


IN_PLAIN_ROWS = [items[0] for items in (*EVERY_KIND.values(), *BESIDE.values()) if type(items[0]) not in PACKERS]


@pytest.mark.parametrize("item", IN_PLAIN_ROWS, ids=lambda item: type(item).__name__)
def test_columns_are_named_as_fields(item: Any) -> None:
    """Each field of a value has its column, or several under its name."""
    [columns] = rows_of([item], 0).values()
    names = {field.name for field in fields(item)} - LEFT_OUT.get(type(item).__name__, set())
    assert names <= {name.partition(".")[0] for name in columns}
    assert len({len(values) for values in columns.values()}) == 1


@pytest.mark.parametrize("items", [[Tick(1)], [StateReport("pe1", 1, "poll-1", 1, reachable=True)]])
def test_means_are_no_history(items: list[object]) -> None:
    """Ticks and state reports make no row."""
    assert rows_of(items, 0) == {}


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"ge-0/0/1", "ge-0/0/1"),
        ("Zürich ✓".encode(), "Zürich ✓"),
        (b"a\nb\x1b[31m\x00", "a\\x0ab\\x1b[31m\\x00"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"C:\\x", "C:\\\\x"),
        ("admin\u202etxt.exe".encode(), "admin\\u202etxt.exe"),
        ("a\u200bb".encode(), "a\\u200bb"),
        (b"", ""),
    ],
)
def test_device_text_is_shown_escaped(data: bytes, shown: str) -> None:
    """Control characters, colours, zero-width and reversing characters cannot act on a terminal or a page."""
    assert show(data) == shown


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_no_two_byte_strings_look_alike(one: bytes, other: bytes) -> None:
    """What is shown can be turned back, so the bytes are kept."""
    assert (show(one) == show(other)) == (one == other)


@given(st.binary(max_size=200))
def test_nothing_shown_can_break_a_line(data: bytes) -> None:
    """Whatever the bytes, the text is one line without control characters."""
    text = show(data)
    assert len(text.splitlines()) <= 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text)


@pytest.mark.parametrize(
    ("varbind", "text"),
    [
        (VarBind("1.3", ValueType.COUNTER64, 2**64 - 1), "18446744073709551615"),
        (VarBind("1.3", ValueType.INTEGER, -1), "-1"),
        (VarBind("1.3", ValueType.OBJECT_IDENTIFIER, b"1.3.6"), "1.3.6"),
        (VarBind("1.3", ValueType.NULL, None), ""),
    ],
)
def test_values_become_text(varbind: VarBind, text: str) -> None:
    """Numbers are decimal, names dotted, nothing is empty."""
    assert value_text(varbind) == text


@pytest.mark.parametrize(
    ("item", "column"),
    [
        (trap(sequence=-1), "trap.sequence"),
        (trap(at=2**63), "trap.received_at"),
        (replace(trap(), uptime_ticks=2**32), "trap.uptime_ticks"),
        (replace(evaluation(), availability=Decimal("NaN")), "evaluation.availability"),
        (replace(evaluation(), target=Decimal(10) ** 10), "evaluation.target"),
        (replace(evaluation(), credit_minor=2**63), "evaluation.credit_minor"),
        (replace(evaluation(), intervals=(replace(evaluation().intervals[0], ends_at=2**64),)), "evaluation.intervals.ends_at"),
    ],
)
def test_what_no_column_holds_is_refused_by_name(item: object, column: str) -> None:
    """The sink can then quarantine this one message instead of trying a hopeless insert for ever."""
    with pytest.raises(ValueError, match=rf"^{column}"):
        rows_of([item], 0)


@pytest.mark.parametrize(
    "batch",
    [
        replace(kpis(), columns={"in_bps": bytes(8)}, quality={}),
        replace(kpis(), columns={"in_bps": bytes(16)}, quality={"in_bps": bytes(1)}),
        replace(kpis(), columns={"in_bps": bytes(16)}, quality={"in_bps": bytes((0, 99))}),
    ],
)
def test_ragged_indicators_are_refused(batch: object) -> None:
    """A value without its resource, or with an unknown quality, is no value."""
    with pytest.raises(ValueError, match=r"in_bps|Quality"):
        rows_of([batch], 0)


def test_a_time_that_no_column_holds_is_refused() -> None:
    """Seconds of 32 bits, to the year 2106."""
    with pytest.raises(ValueError, match=r"^kpi\.at"):
        rows_of([kpis(2**32 * S)], 0)


def test_indicators_are_packed_and_add_up() -> None:
    """Batches of several messages make one block; many values weigh as one row."""
    rows = rows_of([kpis(), kpis(NOW + S)], 0)
    append(rows, rows_of([kpis(NOW + 2 * S)], 0))
    block = rows[INTAKE]
    assert isinstance(block, Packed)
    assert (len(block.batches), block.samples, length(block), weight(rows)) == (3, 12, 12, 1)


def test_anomalies_are_a_row_each_and_bounds_that_are_none_are_null() -> None:
    """Columns of one batch become rows; a batch that is not even is refused."""
    columns = rows_of([anomalies(), anomalies(NOW + S)], 0)["anomaly"]
    assert isinstance(columns, dict)
    assert [columns[name][:2] for name in ("kpi", "lower", "upper", "source")] == [
        ["in_utilisation", "in_errors_per_s"],
        [0.3, None],
        [0.55, 4.0],
        ["detector", "detector"],
    ]
    assert columns["at"] == [NOW, NOW, NOW + S, NOW + S]
    with pytest.raises(ValueError, match="columns of anomalies differ in length"):
        rows_of([replace(anomalies(), kpis=("in_bps",))], 0)


def test_rows_of_messages_add_up() -> None:
    """Appending keeps the tables' columns aligned."""
    rows = rows_of([poll(1), poll(2)], 0)
    append(rows, rows_of([poll(3)], 0))
    append(rows, rows_of([trap()], 0))
    assert (rows["poll"]["sequence"], weight(rows)) == ([1, 2, 3], 4)


def test_the_same_message_gives_the_same_rows() -> None:
    """A replay must repeat a cut to the byte: no clock, no chance."""
    for topic, items in (*EVERY_KIND.items(), *BESIDE.items()):
        message = wire.encode(items)
        assert rows_of(wire.decode(message), NOW) == rows_of(wire.decode(message), NOW), topic
