"""What a device says is hostile: it is shown escaped and cut, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.text import MAX_CHARACTERS, hexadecimal, is_text, shown


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"ge-0/0/1", "ge-0/0/1"),
        (b"padded\0\0", "padded"),
        ("Köln".encode(), "Köln"),
        (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),  # ANSI colours
        (b"line\nforged", "line\\x0aforged"),
        ("user\u202egpj.exe".encode(), "user\\u202egpj.exe"),  # a direction override
        ("zero\u200bwidth".encode(), "zero\\u200bwidth"),
        (b"caf\xe9", "caf\\xe9"),  # not UTF-8
        ("back\\slash", "back\\\\slash"),
        ("\U000e0041", "\\U000e0041"),  # a tag character
        (b"", ""),
    ],
)
def test_what_cannot_be_seen_becomes_visible(data: bytes | str, text: str) -> None:
    assert shown(data) == text


def test_long_text_is_cut() -> None:
    assert shown(b"a" * 1_000_000) == "a" * (MAX_CHARACTERS - 1) + "…"
    assert len(hexadecimal(b"\xff" * 1000)) == MAX_CHARACTERS


@given(st.one_of(st.binary(max_size=600), st.text(max_size=600)))
def test_no_input_shows_a_control_or_direction_character(data: bytes | str) -> None:
    text = shown(data)
    assert len(text) <= MAX_CHARACTERS
    assert text.isprintable()
    text.encode()


@pytest.mark.parametrize(
    ("data", "expected"), [(b"text\r\n", True), (b"\xff\xad", False), (b"a\x00b", False), (b"a\0", True), (b"\x1b", False)]
)
def test_text_is_told_from_bytes(data: bytes, expected: bool) -> None:
    assert is_text(data) is expected
