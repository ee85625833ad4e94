"""Each repair mends one mistake that published modules have, keeps every line where it was, and leaves a good module alone."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mib.fixup import (
    REPAIRS,
    imports_of,
    repaired,
    with_closed_imports,
    with_commas,
    with_imports,
    with_module_names,
    with_one_end,
    with_plain_characters,
    with_plain_traps,
    with_single_hyphens,
    without_comments,
    without_doubles,
    without_page_breaks,
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


@pytest.mark.parametrize(
    ("repair", "text", "mended"),
    [
        (with_plain_characters, "\ufeffa\x0cb\u00a0c\x1a", " a b c "),
        (with_plain_characters, 'x \u201ca text\u201d y "it\u2019s"', 'x "a text" y "it\u2019s"'),
        (with_plain_characters, "a\r\nb\rc", "a\nb\nc"),
        (
            without_page_breaks,
            "x\nSmith, et al.        Standards Track        [Page 12]\nRFC 9999      A MIB       May 2001\ny",
            "x\n\n\ny",
        ),
        (without_page_breaks, 'd "see\nRFC 9999 A MIB May 2001\n" x', 'd "see\nRFC 9999 A MIB May 2001\n" x'),
        (with_single_hyphens, '{ low--power(1), off(2) } "a--b(1)"', '{ low-power(1), off(2) } "a--b(1)"'),
        (with_closed_imports, "IMPORTS a b FROM A c, FROM B\nx OBJECT", "IMPORTS a, b FROM A c FROM B;\nx OBJECT"),
        (with_closed_imports, "IMPORTS a, b FROM A;\nx", "IMPORTS a, b FROM A;\nx"),
        (with_commas, "INTEGER { up(1) down(2), }", "INTEGER { up(1), down(2) }"),
        (with_commas, "OBJECTS { a b\n c }", "OBJECTS { a, b,\n c }"),
        (with_commas, "INDEX { a, IMPLIED b }", "INDEX { a, IMPLIED b }"),
        (with_commas, "E ::= SEQUENCE {\n a INTEGER\n b OCTET STRING\n}", "E ::= SEQUENCE {\n a INTEGER,\n b OCTET STRING\n}"),
        (with_commas, "::= { a b(1) 3 }", "::= { a b(1) 3 }"),
        (with_plain_traps, "x TRAP-TYPE ENTERPRISE { acme } VARIABLES { } ::= 1", "x TRAP-TYPE ENTERPRISE  acme    ::= 1"),
        (with_one_end, 'M DEFINITIONS ::= BEGIN\nx "END"\nEND\nSecurity is\nnot discussed', 'M DEFINITIONS ::= BEGIN\nx "END"\nEND\n\n'),
        (with_one_end, "M DEFINITIONS ::= BEGIN\nx", "M DEFINITIONS ::= BEGIN\nx END"),
        (with_one_end, "T MACRO ::= BEGIN x END y END z", "T MACRO ::= BEGIN x END"),
    ],
)
def test_a_mistake_is_mended_where_it_stands(repair: Callable[[str], str], text: str, mended: str) -> None:
    """What is right beside it, and what is quoted, stays."""
    assert repair(text).split() == mended.split()
    assert repair(text).count("\n") == text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@pytest.mark.parametrize("piece", ["-", "_", "a--b", "a-", "a ", "{ ", "a(1) ", "FROM a ", "IMPORTS ", "BEGIN ", '"', "a\n", "M { ", " \t"])
def test_no_text_takes_the_repairs_for_ever(piece: str) -> None:
    """They run before the compiler's time limit does: each must be done with a long text in steps that grow as the text does."""
    text = "a" + piece * (20_000 // len(piece))
    for repair in REPAIRS:
        assert repair(text).count("\n") == text.count("\n")


def test_imports_are_listed_by_their_right_names() -> None:
    text = 'M DEFINITIONS ::= BEGIN IMPORTS a FROM RFC-1213 -- b FROM X-MIB\n c FROM IF-MIB; d "FROM Y-MIB"'
    assert imports_of(text) == ("RFC1213-MIB", "IF-MIB")
