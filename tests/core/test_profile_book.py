"""A profile is what it says laid on what it extends; a device gets the one that knows it best."""

import pytest

from pipeline.core.profile import ColumnType, DerivedColumn, PollColumn, Profile, ProfileMatch, ProfileTable
from pipeline.core.profile_book import ProfileLayer, TableLayer, ancestry, choose, circles, flatten
from pipeline.core.resource import ResourceKind


def layers(*found: ProfileLayer) -> dict[str, ProfileLayer]:
    return {layer.name: layer for layer in found}


def columns_of(profile: Profile, table: str) -> dict[str, str]:
    found = profile.table(table)
    assert found is not None
    return {column.name: column.oid for column in found.columns}


BASE = ProfileLayer(
    "base",
    (
        TableLayer("interfaces", (PollColumn("if_name", "1.1", ColumnType.TEXT), PollColumn("speed", "1.2")), rows=ResourceKind.INTERFACE),
        TableLayer("cpus", (PollColumn("busy", "2.1"),), label="cpu {index}"),
    ),
)


def test_a_child_has_its_parents_tables_and_its_own() -> None:
    child = ProfileLayer("child", (TableLayer("optics", (PollColumn("rx_power", "3.1"),)),), extends=("base",))
    whole = flatten(layers(BASE, child))["child"]
    assert [table.name for table in whole.tables] == ["interfaces", "cpus", "optics"]


def test_columns_are_added_and_replaced_by_name_in_the_parents_place() -> None:
    more = TableLayer("interfaces", (PollColumn("if_alias", "1.3", ColumnType.TEXT), PollColumn("if_name", "9.9", ColumnType.TEXT)))
    whole = flatten(layers(BASE, ProfileLayer("child", (more,), extends=("base",))))["child"]
    assert columns_of(whole, "interfaces") == {"if_name": "9.9", "speed": "1.2", "if_alias": "1.3"}
    assert list(columns_of(whole, "interfaces")) == ["if_name", "speed", "if_alias"]


def test_what_a_child_does_not_say_of_a_table_is_as_the_parent_has_it() -> None:
    child = ProfileLayer("child", (TableLayer("cpus", where="busy > 0"), TableLayer("interfaces", every=5)), extends=("base",))
    whole = flatten(layers(BASE, child))["child"]
    assert whole.table("cpus") == ProfileTable("cpus", (PollColumn("busy", "2.1"),), label="cpu {index}", where="busy > 0")
    interfaces = whole.table("interfaces")
    assert interfaces is not None
    assert (interfaces.rows, interfaces.every) == (ResourceKind.INTERFACE, 5)


def test_a_dropped_table_is_gone_and_can_be_written_anew() -> None:
    anew = TableLayer("cpus", (PollColumn("share", "8.1"),))
    whole = flatten(layers(BASE, ProfileLayer("child", (anew,), extends=("base",), drop=("cpus", "interfaces"))))["child"]
    assert whole.tables == (ProfileTable("cpus", (PollColumn("share", "8.1"),)),)


def test_a_column_may_become_a_derived_one_and_the_other_way() -> None:
    derived = ProfileLayer(
        "child", (TableLayer("cpus", (PollColumn("raw", "2.2"),), (DerivedColumn("busy", "raw / 10"),)),), extends=("base",)
    )
    polled = ProfileLayer("grandchild", (TableLayer("cpus", (PollColumn("busy", "2.3"),)),), extends=("child",))
    whole = flatten(layers(BASE, derived, polled))
    assert whole["child"].table("cpus") == ProfileTable(
        "cpus", (PollColumn("raw", "2.2"),), (DerivedColumn("busy", "raw / 10"),), label="cpu {index}"
    )
    assert columns_of(whole["grandchild"], "cpus") == {"raw": "2.2", "busy": "2.3"}


def test_of_two_parents_the_later_holds_and_a_common_one_lies_beneath_both() -> None:
    """A diamond: what one side changed is not undone by the other side's copy of the common parent."""
    one = ProfileLayer("one", (TableLayer("cpus", (PollColumn("busy", "5.1"),)),), extends=("base",))
    two = ProfileLayer("two", (TableLayer("memory", (PollColumn("used", "6.1"),)),), extends=("base",))
    three = ProfileLayer("three", (TableLayer("memory", (PollColumn("used", "7.1"),)),))
    child = ProfileLayer("child", extends=("one", "two", "three"))
    found = layers(BASE, one, two, three, child)
    assert ancestry("child", found) == ("base", "one", "two", "three", "child")
    assert columns_of(flatten(found)["child"], "cpus") == {"busy": "5.1"}
    assert columns_of(flatten(found)["child"], "memory") == {"used": "7.1"}


def test_circles_and_unknown_parents_end() -> None:
    found = layers(ProfileLayer("a", extends=("b",)), ProfileLayer("b", extends=("c", "nowhere")), ProfileLayer("c", extends=("a",)), BASE)
    assert circles(found) == {"a", "b", "c"}
    assert flatten(found).keys() == found.keys()


CISCO = "1.3.6.1.4.1.9"
PROFILES = {
    profile.name: profile
    for profile in (
        Profile("generic"),
        Profile("cisco", match=ProfileMatch((CISCO,))),
        Profile("nexus", match=ProfileMatch((CISCO,), r"NX-OS")),
        Profile("asr", match=ProfileMatch((f"{CISCO}.1.1017", f"{CISCO}.1.2"))),
        Profile("linux", match=ProfileMatch((), r"^Linux ")),
        Profile("interfaces"),
    )
}


@pytest.mark.parametrize(
    ("sys_object_id", "sys_descr", "expected"),
    [
        (f"{CISCO}.1.516", "Cisco IOS Software", "cisco"),
        (f"{CISCO}.12.3.1", "Cisco NX-OS(tm) n9000", "nexus"),
        (f"{CISCO}.1.1017", "Cisco IOS XR, no NX-OS", "asr"),
        (f"{CISCO}.1.10170", "", "cisco"),
        (f"{CISCO}9", "", "generic"),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux host 6.1", "linux"),
        (f"{CISCO}.1.1", "Linux host 6.1", "cisco"),
        ("", "", "generic"),
    ],
)
def test_the_longest_object_identifier_wins_and_then_the_description(sys_object_id: str, sys_descr: str, expected: str) -> None:
    assert choose(PROFILES, sys_object_id, sys_descr).name == expected


def test_without_profiles_the_built_in_one_is_taken() -> None:
    assert choose({}, "1.3.6.1.4.1.9.1.1", "").table("interfaces") is not None
