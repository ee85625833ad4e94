"""Several sources, one inventory: whose word counts, what is the same thing, and what is told of disagreement."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.inventory_merge import Conflict, Merged, Part, Precedence, agreed, counts, merge
from pipeline.core.inventory_name import same_interface

ORDER = Precedence(("files", "netbox", "lldp"))
Json = dict[str, Any]


def device(address: str = "10.0.0.1", **fields: Any) -> Json:
    return {"name": "x", "address": address, **fields}


def link(a: str, b: str, **fields: Any) -> Json:
    return {"name": "x", "a": a, "b": b, **fields}


def part(source: str, confidence: float = 1.0, **sections: Json) -> Part:
    """A part, each entry told by the key that it stands under."""
    named = {section: {name: {**told, "name": name} for name, told in entries.items()} for section, entries in sections.items()}
    return Part(source, named, confidence)


def told(merged: Merged) -> list[tuple[str, str, str, Any, str, Any, str]]:
    return [(c.section, c.name, c.field, c.value, c.source, c.other, c.other_source) for c in merged.conflicts]


def test_the_first_in_order_has_the_field_and_the_conflict_is_told_with_both_values_and_why() -> None:
    files = part("files", devices={"pe1": device(role="pe")})
    netbox = part("netbox", devices={"pe1": device("10.0.0.9", role="PE", vendor="juniper")})
    merged = merge([netbox, files], ORDER)
    made = merged.entries["devices"]["pe1"]
    assert (made["address"], made["role"], made["vendor"]) == ("10.0.0.1", "pe", "juniper")
    why = "files before netbox"
    assert merged.conflicts == (Conflict("devices", "pe1", "address", "10.0.0.1", "files", "10.0.0.9", "netbox", why),)
    assert merged.told_by["devices", "pe1"] == ("files", "netbox")


@pytest.mark.parametrize("key", ["devices", "devices.address"])
def test_an_exception_puts_another_source_first_for_a_section_or_one_field(key: str) -> None:
    precedence = Precedence(ORDER.order, {key: ("lldp",)})
    parts = [part("files", devices={"pe1": device(role="pe")}), part("lldp", devices={"pe1": device("10.0.0.9", role="router")})]
    merged = merge(parts, precedence)
    made = merged.entries["devices"]["pe1"]
    assert (made["address"], made["role"]) == ("10.0.0.9", "router" if key == "devices" else "pe")
    assert merged.conflicts[0].why == f"{key}: lldp first"


def test_the_narrowest_exception_counts() -> None:
    port: Json = {"interfaces": {"e1": {"speed_mbps": 1_000, "index": 1}}}
    other: Json = {"interfaces": {"e1": {"speed_mbps": 10_000, "index": 7}}}
    precedence = Precedence(ORDER.order, {"devices": ("netbox",), "devices.interfaces.index": ("lldp",)})
    merged = merge([part("netbox", devices={"pe1": device(**port)}), part("lldp", devices={"pe1": device(**other)})], precedence)
    assert merged.entries["devices"]["pe1"]["interfaces"]["e1"] == {"speed_mbps": 1_000, "index": 7}
    assert {conflict.field for conflict in merged.conflicts} == {"interfaces[e1].speed_mbps", "interfaces[e1].index"}


def test_interfaces_of_all_sources_are_joined_by_name_long_or_short() -> None:
    """NetBox has the long name and no ifIndex, the device itself the short one and its ifIndex."""
    long: Json = {"interfaces": {"GigabitEthernet0/1": {"speed_mbps": 1_000}, "Loopback0": {"speed_mbps": 0}}}
    short: Json = {"interfaces": {"Gi0/1": {"index": 5, "speed_mbps": 1_000}, "Gi0/2": {"index": 6}}, "uplinks": ("Gi0/1",)}
    lldp = part("lldp", devices={"pe1": device(**short)}, links={"l": link("pe1/Gi0/1", "pe2/Gi0/9")})
    merged = merge([part("netbox", devices={"pe1": device(**long)}), lldp], ORDER)
    made = merged.entries["devices"]["pe1"]
    assert made["interfaces"]["GigabitEthernet0/1"] == {"speed_mbps": 1_000, "index": 5}
    assert set(made["interfaces"]) == {"GigabitEthernet0/1", "Loopback0", "Gi0/2"}
    assert made["uplinks"] == ("GigabitEthernet0/1",)
    assert merged.entries["links"]["l"]["a"] == "pe1/GigabitEthernet0/1"
    assert merged.conflicts == ()


def test_a_device_is_known_by_its_address_under_another_name_and_all_that_names_it_follows() -> None:
    files = part("files", devices={"pe1": device("::ffff:10.0.0.1")})
    sections: Json = {
        "devices": {"pe1.example.net": device(interfaces={"e1": {"index": 1}, "e2": {"index": 2}}), "pe2": device("10.0.0.2")},
        "links": {"l1": link("pe1.example.net/e1", "pe2/e1")},
        "lags": {"pe1.example.net/ae0": {"members": ("pe1.example.net/e1", "pe1.example.net/e2"), "needs": 1}},
        "lsps": {"p1": {"head": "pe1.example.net", "links": ("l1",)}},
        "services": {"s1": {"needs": ("interface/pe1.example.net/e2", "link/l1", "device/pe1.example.net"), "weights": {"link/l1": 2.0}}},
        "dependencies": {"d1": {"resource": "device/pe1.example.net", "needs": ("power/a",)}},
    }
    merged = merge([files, part("lldp", **sections)], ORDER)
    entries = merged.entries
    assert set(entries["devices"]) == {"pe1", "pe2"}
    assert entries["links"]["l1"]["a"] == "pe1/e1"
    assert entries["lags"]["pe1/ae0"]["members"] == ("pe1/e1", "pe1/e2")
    assert entries["lags"]["pe1/ae0"]["needs"] == 1
    assert entries["lsps"]["p1"]["head"] == "pe1"
    assert entries["services"]["s1"]["needs"] == ("interface/pe1/e2", "link/l1", "device/pe1")
    assert entries["dependencies"]["d1"]["resource"] == "device/pe1"
    assert told(merged) == [("devices", "pe1", "name", "pe1", "files", "pe1.example.net", "lldp")]
    assert "both are at 10.0.0.1" in merged.conflicts[0].why


def test_two_devices_of_one_source_are_never_one() -> None:
    """Not even when both have the address of a third."""
    files = part("files", devices={"pe1": device()})
    netbox = part("netbox", devices={"a": device(), "b": device()})
    assert set(merge([files, netbox], ORDER).entries["devices"]) == {"pe1", "b"}


def test_a_link_under_two_names_is_known_by_its_ends() -> None:
    """And paths over it follow."""
    netbox = part("netbox", links={"AMS-RTM": link("ams/e1", "rtm/e1", fibres=("f1",))})
    lldp = part("lldp", links={"rtm--ams": link("rtm/e1", "ams/e1", confidence=0.6, source="lldp")}, lsps={"p": {"links": ("rtm--ams",)}})
    merged = merge([netbox, lldp], ORDER)
    assert set(merged.entries["links"]) == {"AMS-RTM"}
    assert merged.entries["lsps"]["p"]["links"] == ("AMS-RTM",)
    assert merged.entries["links"]["AMS-RTM"]["source"] == "netbox+lldp"
    assert merged.conflicts == ()


def test_an_end_has_one_link_and_the_contradiction_makes_it_less_sure() -> None:
    netbox = part("netbox", links={"a": link("pe1/e1", "pe2/e1")})
    lldp = part("lldp", links={"b": link("pe1/e1", "pe3/e1", confidence=0.6)})
    merged = merge([netbox, lldp], ORDER)
    assert set(merged.entries["links"]) == {"a"}
    assert told(merged) == [("links", "a", "ends", "pe1/e1 - pe2/e1", "netbox", "pe1/e1 - pe3/e1", "lldp")]
    assert merged.entries["links"]["a"]["confidence"] == 0.7
    turned = merge([netbox, lldp], Precedence(ORDER.order, {"links": ("lldp",)}))
    assert set(turned.entries["links"]) == {"b"}


def test_a_link_that_moved_keeps_its_name_and_never_gets_one_end_of_each_source() -> None:
    netbox = part("netbox", links={"a": link("pe1/e1", "pe2/e1")})
    lldp = part("lldp", links={"a": link("pe1/e2", "pe2/e1")})
    merged = merge([netbox, lldp], ORDER)
    assert (merged.entries["links"]["a"]["a"], merged.entries["links"]["a"]["b"]) == ("pe1/e1", "pe2/e1")
    assert [conflict.field for conflict in merged.conflicts] == ["ends"]


def test_links_that_have_a_name_and_nothing_else_in_common_are_two() -> None:
    merged = merge([part("netbox", links={"a": link("x/1", "y/1")}), part("lldp", links={"a": link("x/2", "y/2")})], ORDER)
    assert set(merged.entries["links"]) == {"a", "a@lldp"}
    assert merged.conflicts == ()


def test_a_source_that_has_one_link_twice_is_told() -> None:
    merged = merge([part("netbox", links={"a": link("x/1", "y/1"), "b": link("y/1", "x/1")})], ORDER)
    assert set(merged.entries["links"]) == {"a"}
    assert "the first by name is kept" in merged.conflicts[0].why


def test_a_link_may_get_fields_from_a_source_that_does_not_tell_its_ends() -> None:
    merged = merge([part("files", links={"a": {"fibres": ("f1",)}}), part("netbox", links={"a": link("x/1", "y/1")})], ORDER)
    made = merged.entries["links"]["a"]
    assert (made["a"], made["b"], made["fibres"], made["source"]) == ("x/1", "y/1", ("f1",), "files+netbox")


@pytest.mark.parametrize(
    ("confidences", "together"), [((1.0,), 1.0), ((0.6,), 0.6), ((0.6, 0.8), 0.92), ((0.5, 0.5, 0.5), 0.875), ((0.9, 0.0), 0.9), ((), 0.0)]
)
def test_agreement_makes_surer(confidences: tuple[float, ...], together: float) -> None:
    """1 - product of (1 - confidence): that at least one is right, if each errs by itself."""
    assert agreed(confidences) == together


def test_who_knows_an_entry_alone_leaves_its_source_and_confidence() -> None:
    found = part("lldp", 0.5, devices={"x1": device(source="lldp+ip-subnet", confidence=0.8)})
    merged = merge([found, part("files", devices={"x2": device("10.0.0.2")}), part("netbox", 0.9, sites={"ams": {}})], ORDER)
    made = merged.entries["devices"]
    assert (made["x1"]["source"], made["x1"]["confidence"]) == ("lldp+ip-subnet", 0.4)
    assert (made["x2"]["source"], made["x2"]["confidence"]) == ("", 1.0)
    assert merged.entries["sites"]["ams"] == {"name": "ams", "source": "netbox", "confidence": 0.9}


@pytest.mark.parametrize(
    ("one", "other"),
    [("Juniper", "juniper"), ("core", ""), (("a", "b"), ("b", "a")), (1_000, 0), ("10.0.0.1", None)],
)
def test_what_means_the_same_or_nothing_is_no_conflict(one: Any, other: Any) -> None:
    assert merge([part("files", devices={"d": {"vendor": one}}), part("netbox", devices={"d": {"vendor": other}})], ORDER).conflicts == ()


def test_what_says_nothing_does_not_win() -> None:
    merged = merge([part("files", devices={"d": {"vendor": ""}}), part("netbox", devices={"d": {"vendor": "acme"}})], ORDER)
    assert merged.entries["devices"]["d"]["vendor"] == "acme"


def test_the_order_of_a_path_is_a_statement() -> None:
    merged = merge([part("files", lsps={"p": {"links": ("a", "b")}}), part("netbox", lsps={"p": {"links": ("b", "a")}})], ORDER)
    assert [conflict.field for conflict in merged.conflicts] == ["links"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("GigabitEthernet0/0/1", "Gi0/0/1", True),
        ("TenGigE0/0/0/1", "Te0/0/0/1", True),
        ("Ethernet1/1", "Eth1/1", True),
        ("Bundle-Ether10", "BE10", True),
        ("Port-channel3", "Po3", True),
        ("ge-0/0/1", "GE-0/0/1", True),
        ("ge-0/0/1", "ge-0/0/11", False),
        ("xe-0/0/1", "ge-0/0/1", False),
        ("Gi0/0/1", "Te0/0/1", False),
        ("G0/0/1", "GigabitEthernet0/0/1", False),
        ("GigabitEthernet0/0/1.100", "Gi0/0/1", False),
        ("to ams", "to rtm", False),
    ],
)
def test_long_and_short_names_of_interfaces(one: str, other: str, same: bool) -> None:
    assert same_interface(one, other) is same
    assert same_interface(other, one) is same


NAMES = st.sampled_from(["a", "b", "c"])
ENTRIES = st.fixed_dictionaries(
    {}, optional={"address": st.sampled_from(["10.0.0.1", "10.0.0.2"]), "role": NAMES, "uplinks": st.tuples(NAMES)}
)
LINKS = st.dictionaries(NAMES, st.builds(link, st.sampled_from(["a/1", "a/2"]), st.sampled_from(["b/1", "b/2"])), max_size=3)
PARTS = st.lists(
    st.builds(
        lambda source, devices, links: part(source, devices=devices, links=links),
        st.sampled_from(["files", "netbox", "lldp", "other"]),
        st.dictionaries(NAMES, ENTRIES, max_size=3),
        LINKS,
    ),
    max_size=4,
    unique_by=lambda each: each.source,
)


@given(PARTS, st.randoms())
def test_the_order_in_which_parts_come_changes_nothing(parts: list[Part], random: Any) -> None:
    """And no end is left with two links, whatever the sources say."""
    first = merge(parts, ORDER)
    random.shuffle(parts)
    again = merge(parts, ORDER)
    assert (first.entries, first.conflicts, first.told_by) == (again.entries, again.conflicts, again.told_by)
    ends = [end for each in first.entries.get("links", {}).values() for end in (each["a"], each["b"])]
    assert len(ends) == len(set(ends))
    for entries in first.entries.values():
        assert all(0 <= each["confidence"] <= 1 for each in entries.values())


def test_sections_are_counted() -> None:
    assert dict(counts(part("x", devices={"a": {}, "b": {}}, links={}).entries)) == {"devices": 2}
