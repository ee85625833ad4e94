"""Names, enumerations, BITS, hints and units are looked up, and what is unknown keeps its numbers and bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import mib
from pipeline.core.mib import MibIndex, MibNotification, MibObject, Syntax, value_text
from pipeline.core.raw import ValueType, VarBind

STATUS = MibObject("status", "1.3.1", Syntax.INTEGER, "A", {1: "up", 2: "down"})
TABLE = MibObject("name", "1.3.2.1.1", Syntax.OCTET_STRING, "A")
INDEX = MibIndex.of([STATUS, TABLE], [MibNotification("alert", "1.3.9", "A", ("status",))])


def _text(
    value: int | bytes | None, wire: ValueType, syntax: Syntax, *, hint: str = "", units: str = "", labels: dict[int, str] | None = None
) -> str:
    known = MibObject("x", "1.3.7", syntax, "A", labels or {}, hint, units)
    return value_text(VarBind("1.3.7.0", wire, value), known, INDEX)


@pytest.mark.parametrize(
    ("value", "syntax", "more", "text"),
    [
        (2, Syntax.INTEGER, {"labels": {1: "up", 2: "down"}}, "down(2)"),
        (9, Syntax.INTEGER, {"labels": {1: "up"}}, "9"),
        (-312, Syntax.INTEGER, {"hint": "d-1", "units": "dBm"}, "-31.2 dBm"),
        (-312, Syntax.INTEGER, {"units": "0.1 dBm"}, "-31.2 dBm"),
        (5, Syntax.INTEGER, {"hint": "d-3"}, "0.005"),
        (255, Syntax.INTEGER, {"hint": "x"}, "ff"),
        (5, Syntax.INTEGER, {"hint": "d-999999"}, "5"),
        (7, Syntax.GAUGE32, {"units": "seconds"}, "7 seconds"),
    ],
)
def test_numbers_are_shown_by_what_they_mean(value: int, syntax: Syntax, more: dict[str, object], text: str) -> None:
    assert _text(value, ValueType.INTEGER, syntax, **more) == text  # type: ignore[arg-type]  # the table's columns


def test_a_number_too_long_for_decimal_text_is_shown_in_hexadecimal_and_cut() -> None:
    text = _text(1 << 500_000, ValueType.INTEGER, Syntax.INTEGER)
    assert text.startswith("0x1000")
    assert len(text) == 255


@pytest.mark.parametrize(
    ("value", "syntax", "more", "text"),
    [
        (b"\xa0", Syntax.BITS, {"labels": {0: "first", 2: "third"}}, "first(0) third(2)"),
        (b"\x01\x80", Syntax.BITS, {"labels": {7: "eighth"}}, "eighth(7) 8"),
        (b"", Syntax.BITS, {"labels": {0: "first"}}, ""),
        (b"\x00\x1b\x2c", Syntax.OCTET_STRING, {"hint": "1x:"}, "00:1b:2c"),
        (bytes([7, 234, 11, 23, 9, 30, 0, 0]), Syntax.OCTET_STRING, {"hint": "2d-1d-1d,1d:1d:1d.1d,1a1d:1d"}, "2026-11-23,9:30:0.0"),
        (b"name", Syntax.OCTET_STRING, {"hint": "255a"}, "name"),
        (b"a\x1bb", Syntax.OCTET_STRING, {"hint": "255t"}, "a\\x1bb"),
        (b"\x02\x01\x02\x05", Syntax.OCTET_STRING, {"hint": "*1d.:1d"}, "1.2:5"),
        (b"\xff\x01", Syntax.OCTET_STRING, {"hint": "nonsense"}, "ff:01"),
        (b"plain", Syntax.OCTET_STRING, {}, "plain"),
        (b"\xff\x01", Syntax.OCTET_STRING, {}, "ff:01"),
    ],
)
def test_octets_are_shown_by_what_they_mean(value: bytes, syntax: Syntax, more: dict[str, object], text: str) -> None:
    assert _text(value, ValueType.OCTET_STRING, syntax, **more) == text  # type: ignore[arg-type]  # the table's columns


@pytest.mark.parametrize(
    ("varbind", "text"),
    [
        (VarBind("1.3.5", ValueType.OBJECT_IDENTIFIER, b"1.3.1.7"), "status.7"),
        (VarBind("1.3.5", ValueType.OBJECT_IDENTIFIER, b"1.3.9"), "alert"),
        (VarBind("1.3.5", ValueType.OBJECT_IDENTIFIER, b"2.5"), "2.5"),
        (VarBind("1.3.5", ValueType.IP_ADDRESS, b"192.0.2.1"), "192.0.2.1"),
        (VarBind("1.3.5", ValueType.NULL, None), ""),
        (VarBind("1.3.5", ValueType.NO_SUCH_INSTANCE, None), "no such instance"),
        (VarBind("1.3.5", ValueType.COUNTER64, 18446744073709551615), "18446744073709551615"),
        (VarBind("1.3.5", ValueType.OPAQUE, b"\x9f\x78"), "9f:78"),
    ],
)
def test_other_values_are_shown_too(varbind: VarBind, text: str) -> None:
    assert value_text(varbind, None, INDEX) == text


@given(st.binary(max_size=700), st.text(alphabet="*0123456789axdot:.-", max_size=12))
def test_any_hint_shows_any_octets_safely(value: bytes, hint: str) -> None:
    text = _text(value, ValueType.OCTET_STRING, Syntax.OCTET_STRING, hint=hint)
    assert len(text) <= 255
    assert text.isprintable()


@given(st.integers(min_value=-(1 << 70), max_value=1 << 70), st.text(max_size=8))
def test_any_hint_shows_any_number(value: int, hint: str) -> None:
    assert _text(value, ValueType.INTEGER, Syntax.INTEGER, hint=hint)


def test_an_instance_is_split_into_object_and_index() -> None:
    assert INDEX.split("1.3.2.1.1.4.5") == (TABLE, "4.5")
    assert INDEX.split("1.3.1") == (STATUS, "")
    assert INDEX.split("1.3.10.1") == (None, "")
    assert INDEX.named("1.3.2.1.1.4.5") == "name.4.5"


def test_names_lead_to_oids_with_and_without_their_module() -> None:
    assert INDEX.oid_of("status") == INDEX.oid_of("A::status") == "1.3.1"
    assert INDEX.oid_of("nothing") is None
    assert "status" in INDEX.names()
    assert "A::status" not in INDEX.names()


def test_of_two_modules_with_one_name_the_first_has_it_and_both_can_be_named() -> None:
    other = MibIndex.of([MibObject("status", "1.4.1", Syntax.INTEGER, "B")])
    merged = INDEX.merged(other)
    assert (merged.oid_of("status"), merged.oid_of("B::status")) == ("1.3.1", "1.4.1")


def test_what_is_kept_of_look_ups_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mib, "CACHED_OIDS", 10)
    index = MibIndex.of([STATUS])
    for number in range(100):
        assert index.split(f"1.3.1.{number}") == (STATUS, str(number))
    index.split("1.3.1." + "4294967295." * 100)
    assert len(index._instances) <= 10
