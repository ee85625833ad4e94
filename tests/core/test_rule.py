"""A rule's parts: conditions look at one object's value, templates look names up and do nothing else."""

import pytest

from pipeline.core.raw import ValueType, VarBind
from pipeline.core.rule import Match, Template, find_varbind

VARBINDS = (
    VarBind("1.3.1.10.5", ValueType.INTEGER, 7),
    VarBind("1.3.1.1.5", ValueType.INTEGER, 2),
    VarBind("1.3.2.0", ValueType.OCTET_STRING, b"x"),
)


def test_a_varbind_is_found_by_its_object_and_not_by_a_longer_number() -> None:
    found = find_varbind(VARBINDS, "1.3.1.1")
    assert found is not None
    assert found.value == 2
    assert find_varbind(VARBINDS, "1.3.3") is None


def test_a_condition_on_a_varbind_that_is_missing_does_not_hold() -> None:
    assert Match("1.3.1.1", frozenset({1, 2})).holds(VARBINDS)
    assert not Match("1.3.1.1", frozenset({1})).holds(VARBINDS)
    assert Match("1.3.2", frozenset({b"x"})).holds(VARBINDS)
    assert not Match("1.3.9", frozenset({1})).holds(VARBINDS)


def test_a_template_shows_a_missing_name_as_a_question_mark() -> None:
    template = Template(("port ", "ifName", " of ", "device", ""))
    assert template.names == ("ifName", "device")
    assert template.render({"ifName": "{device}"}.get) == "port {device} of ?"
    assert Template(("plain {braces}",)).render({}.get) == "plain {braces}"


def test_a_varbind_is_found_by_its_place_too() -> None:
    """As a rule for a notification of an unknown MIB must."""
    found = find_varbind(VARBINDS, "#2")
    assert found is not None
    assert found.oid == "1.3.1.1.5"
    assert find_varbind(VARBINDS, "#4") is None


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        (Match("#1", ranges=((5, 9),)), True),
        (Match("#1", ranges=((8, 9),)), False),
        (Match("#1", frozenset({7}), negated=True), False),
        (Match("#1", frozenset({8}), negated=True), True),
        (Match("#9", frozenset({8}), negated=True), False),
        (Match("1.3.4", prefixes=(b"fan",)), True),
        (Match("1.3.4", prefixes=(b"an",)), False),
        (Match("1.3.4", parts=(b"psu", b"an 3")), True),
        (Match("1.3.4", parts=(b"Fan",)), False),
        (Match("#1", parts=(b"7",)), False),
        (Match("1.3.4", ranges=((0, 9),)), False),
    ],
)
def test_a_condition_may_ask_for_a_range_or_a_part_of_a_text_or_their_contrary(match: Match, holds: bool) -> None:
    varbinds = (*VARBINDS, VarBind("1.3.4.0", ValueType.OCTET_STRING, b"fan 3 failed"))
    assert match.holds(varbinds) is holds
