"""Each repair mends one mistake that published modules have, keeps every line where it was, and leaves a good module alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mib.fixup import (
    REPAIRS,
    repaired,
    with_imports,
    with_module_names,
    without_comments,
    without_doubles,
    without_trailing_hyphens,
    without_underscores,
)

GOOD = """\
GOOD-MIB DEFINITIONS ::= BEGIN
IMPORTS OBJECT-TYPE, Counter64, enterprises FROM SNMPv2-SMI;
good OBJECT IDENTIFIER ::= { enterprises 9 }
x OBJECT-TYPE SYNTAX Counter64 MAX-ACCESS read-only STATUS current DESCRIPTION "a-(1) my_name -- FROM RFC-1213" ::= { good 1 }
END
"""


def test_a_good_module_stays_as_it_is() -> None:
    assert repaired(GOOD) == GOOD


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a -- b", "a "),
        ('x "-- no comment" -- a comment', 'x "-- no comment" '),
        ("a -- END -- b\nc", "a \nc"),  # to the end of the line, whatever a second pair of hyphens says
        ("------- a ruler\nx", "\nx"),
        ('"two\nlines -- quoted" -- c\nx', '"two\nlines -- quoted" \nx'),
        ("a\r\nb\rc", "a\nb\nc"),
        ("-- isn't \"quoted\nx -- y", "\nx "),  # a quote in a comment opens nothing
    ],
)
def test_comments_are_blanked_to_the_end_of_the_line(text: str, mended: str) -> None:
    assert without_comments(text) == mended


def test_underscores_become_hyphens() -> None:
    assert without_underscores('my_long_name "my_text" x_1') == 'my-long-name "my_text" x-1'


def test_labels_lose_their_trailing_hyphens() -> None:
    assert without_trailing_hyphens('{ a-(1), b--( -2 ), c-d(3) } "e-(4)"') == '{ a(1), b( -2 ), c-d(3) } "e-(4)"'


def test_wrong_module_names_are_put_right() -> None:
    assert (
        with_module_names("x FROM RFC-1213 y FROM RFC1213-MIB\nz\n  FROM\n RFC1215")
        == "x FROM RFC1213-MIB y FROM RFC1213-MIB\nz\n  FROM\n RFC-1215"
    )


def test_the_second_of_two_equal_names_gets_another() -> None:
    text = "a OBJECT IDENTIFIER ::= { x 1 }\nb OBJECT IDENTIFIER ::= { x 2 }\na OBJECT IDENTIFIER ::= { x 1 }\n"
    assert without_doubles(text).splitlines()[2] == "a-again2 OBJECT IDENTIFIER ::= { x 1 }"
    assert without_doubles(text).splitlines()[:2] == text.splitlines()[:2]


def test_what_is_used_is_imported() -> None:
    text = (
        'M DEFINITIONS ::= BEGIN\nIMPORTS enterprises FROM SNMPv2-SMI;\nx OBJECT-TYPE SYNTAX DisplayString UNITS "Opaque" Counter32\nEND\n'
    )
    mended = with_imports(text)
    assert (
        mended.splitlines()[1] == "IMPORTS Counter32, OBJECT-TYPE FROM SNMPv2-SMI DisplayString FROM SNMPv2-TC enterprises FROM SNMPv2-SMI;"
    )


def test_a_module_without_imports_gets_them() -> None:
    mended = with_imports("M DEFINITIONS ::=\nBEGIN\nx Counter32\nEND\n")
    assert mended == "M DEFINITIONS ::= BEGIN IMPORTS Counter32 FROM SNMPv2-SMI;\n\nx Counter32\nEND\n"


@pytest.mark.parametrize(
    "text",
    ["SNMPv2-SMI DEFINITIONS ::= BEGIN Counter32 END", "M DEFINITIONS ::= BEGIN\nCounter32 ::= INTEGER\nEND", "no module: Counter32"],
)
def test_what_a_module_defines_itself_is_not_imported(text: str) -> None:
    assert with_imports(text) == text


@given(st.text(alphabet='ab_-"\n ():=BEGINDFTOS{};1', max_size=200))
def test_lines_keep_their_numbers_and_repairing_twice_changes_nothing_more(text: str) -> None:
    for repair in REPAIRS:
        assert repair(text).count("\n") == text.count("\n")
    assert repaired(repaired(text)).count("\n") == text.count("\n")
