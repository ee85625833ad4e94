"""What was found held against what is declared: each kind of difference, and what is none."""

from dataclasses import replace

import pytest

from pipeline.core.discovered_inventory import inventory_of, site_of
from pipeline.core.discovery import Finding, FindingKind
from pipeline.core.inventory import Device, Interface, Inventory, Lag, Link, Site
from pipeline.core.inventory_difference import Comparison, DifferenceKind, compare
from pipeline.core.network_discovery import discover
from tests.support.discovery import AGGREGATE, LOOPBACK, Box, cabled

KIND = DifferenceKind


def ports(*names: str) -> tuple[Interface, ...]:
    return tuple(Interface(name, index, 1000) for index, name in enumerate(names, 1))


def device(name: str, place: int, **fields: object) -> Device:
    return replace(Device(name, "s", f"192.0.2.{place}", interfaces=ports("ge1", "ge2", "ge3", "ge4")), **fields)  # type: ignore[arg-type]


def declared(*devices: Device, links: dict[str, tuple[str, str]] | None = None) -> Inventory:
    made = {name: Link(name, *ends) for name, ends in (links or {}).items()}
    return Inventory("v", sites={"s": Site("s")}, devices={each.name: each for each in devices}, links=made)


def compared(inventory: Inventory, *boxes: Box, silent: tuple[str, ...] = ()) -> Comparison:
    discovery = discover([box.answers() for box in boxes], inventory)
    return compare(inventory, discovery, [*(box.address for box in boxes), *silent])


def told(comparison: Comparison) -> list[tuple[DifferenceKind, str, str, str]]:
    return [(each.kind, each.resource, each.declared, each.found) for each in comparison.differences]


A, B = device("a", 1), device("b", 2)
CABLE = {"a--b": ("a/ge1", "b/ge2")}


def two() -> tuple[Box, Box]:
    a, b = Box("a", 1), Box("b", 2)
    cabled(a, "ge1", b, "ge2")
    return a, b


def test_what_is_as_declared_differs_in_nothing() -> None:
    assert compared(declared(A, B, links=CABLE), *two()) == Comparison((), 0, 0)


def test_a_device_that_was_asked_and_is_silent_is_missing_one_that_was_not_asked_is_not() -> None:
    comparison = compared(declared(A, B, device("c", 3)), two()[0], silent=("192.0.2.2",))
    assert told(comparison) == [(KIND.DEVICE_MISSING, "device/b", "192.0.2.2", "no answer")]
    assert comparison.devices_not_asked == 1


def test_a_device_that_is_not_declared_is_new_with_its_link() -> None:
    comparison = compared(declared(A), *two())
    assert [(each.kind, each.resource) for each in comparison.differences] == [(KIND.DEVICE_NEW, "device/b"), (KIND.LINK_NEW, "link/a--b")]


def test_another_name_and_another_address_of_a_device() -> None:
    assert told(compared(declared(A), Box("zz", 1))) == [(KIND.DEVICE_NAME, "device/a", "a", "zz")]
    moved = compared(declared(replace(A, address="192.0.2.77")), Box("a.example.net", 1))
    assert told(moved) == [(KIND.DEVICE_ADDRESS, "device/a", "192.0.2.77", "192.0.2.1")]
    another = Box("a", 1).has_address("ge1", "192.0.2.77", 32)
    assert told(compared(declared(replace(A, address="192.0.2.77")), another)) == []


def test_interfaces() -> None:
    """Renumbered, renamed, another speed, missing, new; one that is down is not new, nor is a loopback without address."""
    box = Box("a", 1, ports=("lo", "ge1", "ge2x", "ge3", "ge9", "ge10"), types={"lo": LOOPBACK})
    box.set("ifHighSpeed", 4, 10_000).set("ifOperStatus", 6, 2)
    interfaces = (Interface("ge1", 7, 1000), Interface("ge2", 3, 1000), Interface("ge3", 4, 1000), Interface("ge4", 44, 1000))
    assert told(compared(declared(replace(A, interfaces=interfaces)), box)) == [
        (KIND.INTERFACE_RENUMBERED, "interface/a/ge1", "ifIndex 7", "ifIndex 2"),
        (KIND.INTERFACE_RENAMED, "interface/a/ge2", "ge2", "ge2x"),
        (KIND.INTERFACE_SPEED, "interface/a/ge3", "1000 Mbit/s", "10000 Mbit/s"),
        (KIND.INTERFACE_MISSING, "interface/a/ge4", "ge4 (ifIndex 44)", ""),
        (KIND.INTERFACE_NEW, "interface/a/ge9", "", "ge9 (ifIndex 5)"),
    ]


def test_two_interfaces_that_swapped_their_numbers_are_renumbered_not_renamed() -> None:
    box = Box("a", 1, ports=("ge2", "ge1", "ge3", "ge4"))
    assert [each.kind for each in compared(declared(A), box).differences] == [KIND.INTERFACE_RENUMBERED] * 2


@pytest.mark.parametrize("field", ["is down", "tells none", "is an aggregation"])
def test_a_speed_that_says_nothing_is_no_difference(field: str) -> None:
    box = Box("a", 1).set("ifHighSpeed", 1, 10)
    if field == "is down":
        box.set("ifOperStatus", 1, 2)
    elif field == "tells none":
        box.set("ifHighSpeed", 1, 0).set("ifSpeed", 1, 0)
    else:
        box.types["ge1"] = AGGREGATE
    assert told(compared(declared(A), box)) == []


def test_interfaces_that_were_not_read_to_the_end_are_not_missing() -> None:
    box = Box("a", 1, ports=("ge1",))
    box.findings = (Finding(box.address, FindingKind.TIME_LIMIT, "ifDescr", "cut off"),)
    assert told(compared(declared(A), box)) == []


def test_a_neighbour_that_moved_is_told_once_from_either_end() -> None:
    a, b = Box("a", 1), Box("b", 2)
    cabled(a, "ge1", b, "ge3")
    comparison = compared(declared(A, B, links=CABLE), a, b)
    assert told(comparison) == [(KIND.LINK_MOVED, "link/a--b", "a/ge1 - b/ge2", "a/ge1 - b/ge3")]


def test_another_neighbour_that_did_not_answer_is_a_move_the_declared_one_is_none() -> None:
    a, b, c = Box("a", 1), Box("b", 2), Box("c", 3)
    inventory = declared(A, B, links=CABLE)
    a.speaks_lldp().hears("ge1", b, "?", SysName=b"B.example.org")
    assert told(compared(inventory, a)) == []
    a.hears("ge1", c, "ge1")
    assert told(compared(inventory, a)) == [(KIND.LINK_MOVED, "link/a--b", "a/ge1 - b/ge2", "a/ge1 - c")]


def test_a_link_is_missing_only_where_somebody_would_see_it() -> None:
    """Not where nobody speaks LLDP, the ports are down, or the table was not read to its end."""
    inventory = declared(A, B, links=CABLE)
    a, b = Box("a", 1), Box("b", 2)
    assert compared(inventory, a, b) == Comparison((), 0, 1)
    a.speaks_lldp()
    assert told(compared(inventory, a, b)) == [(KIND.LINK_MISSING, "link/a--b", "a/ge1 - b/ge2", "no neighbour is told")]
    a.findings = (Finding(a.address, FindingKind.REFUSED, "lldpRemChassisId", "cut off"),)
    assert compared(inventory, a, b).links_not_seen == 1
    a.findings = ()
    a.set("ifOperStatus", 1, 2)
    assert compared(inventory, a, b).links_not_seen == 1


def test_a_link_at_a_renamed_interface_is_where_it_was() -> None:
    a, b = Box("a", 1, ports=("xe1", "ge2", "ge3", "ge4")), Box("b", 2)
    cabled(a, "xe1", b, "ge2")
    assert [each.kind for each in compared(declared(A, B, links=CABLE), a, b).differences] == [KIND.INTERFACE_RENAMED]


@pytest.mark.parametrize("ends", [("a/ge1", "b/ge1"), ("a/ae0", "b/ae0")])
def test_a_link_may_be_declared_between_members_or_between_their_aggregations(ends: tuple[str, str]) -> None:
    """Whichever of the two was found."""
    inventory = declared(*(replace(each, interfaces=ports("ge1", "ge2", "ae0")) for each in (A, B, device("c", 3))), links={"l": ends})
    a, b = (Box(name, place, ports=("ge1", "ge2", "ae0")).bundles("ae0", "ge1", "ge2") for place, name in enumerate("ab", 1))
    cabled(a, "ge1", b, "ge1")
    assert told(compared(inventory, a, b)) == []
    c = Box("c", 3, ports=("ge1", "ge2", "ae0")).bundles("ae0", "ge1", "ge2")
    cabled(a, "ge2", c, "ge1")
    assert [each.resource for each in compared(inventory, a, b, c).differences] == ["link/a--c"]


def test_what_was_found_becomes_an_inventory_that_differs_in_nothing() -> None:
    a, b = two()
    a.ports = (*a.ports, "lo")
    a.types["lo"] = LOOPBACK
    b.speaks_lldp().hears("ge4", a, "ge4")
    a.hears("ge4", b, "ge4")
    a.scalars["sysLocation"] = b"Amsterdam, Rack 4"
    discovery = discover([a.answers(), b.answers()])
    inventory = inventory_of(discovery)
    assert inventory.links == {
        "a:ge1--b:ge2": Link("a:ge1--b:ge2", "a/ge1", "b/ge2", source="lldp", confidence=1.0),
        "a:ge4--b:ge4": Link("a:ge4--b:ge4", "a/ge4", "b/ge4", source="lldp", confidence=1.0),
    }
    assert [(each.name, each.site, len(each.interfaces)) for each in inventory.devices.values()] == [
        ("a", "amsterdam-rack-4", 4),
        ("b", "unplaced", 4),
    ]
    assert compare(inventory, discovery, [a.address, b.address]) == Comparison((), 0, 0)


def test_aggregations_are_found_with_their_members_and_the_links_below() -> None:
    a, b = (Box(name, place, ports=("ge1", "ge2", "ae0")).bundles("ae0", "ge1", "ge2") for place, name in enumerate("ab", 1))
    cabled(a, "ge1", b, "ge1")
    cabled(a, "ge2", b, "ge2")
    discovery = discover([a.answers(), b.answers()])
    inventory = inventory_of(discovery)
    assert inventory.lags == {
        "a/ae0": Lag("a/ae0", ("a/ge1", "a/ge2"), source="lag-mib"),
        "b/ae0": Lag("b/ae0", ("b/ge1", "b/ge2"), source="lag-mib"),
    }
    assert {name: (link.a, link.b) for name, link in inventory.links.items()} == {
        "a--b": ("a/ae0", "b/ae0"),
        "a:ge1--b:ge1": ("a/ge1", "b/ge1"),
        "a:ge2--b:ge2": ("a/ge2", "b/ge2"),
    }
    assert compare(inventory, discovery, [a.address, b.address]) == Comparison((), 0, 0)


def parts(box: Box, *rows: tuple[int, int, int, str, str]) -> Box:
    """Physical parts: index, class (3 chassis, 9 module, 10 port), index of what contains it, name, and of a port its interface."""
    for index, kind, parent, name, port in rows:
        box.set("entPhysicalClass", index, kind).set("entPhysicalContainedIn", index, parent).set("entPhysicalName", index, name.encode())
        if port:
            box.set("entAliasMappingIdentifier", f"{index}.0", f"1.3.6.1.2.1.2.2.1.1.{box.index(port)}")
    return box


CHASSIS, FPC0 = (1, 3, 0, "chassis", ""), (2, 9, 1, "FPC 0", "")
PORTS = ((12, 10, 2, "b", "ge2"), (13, 10, 3, "c", "ge3"), (14, 10, 3, "d", "ge4"))


@pytest.mark.parametrize(
    ("rows", "cards"),
    [
        ([FPC0, (3, 9, 1, "FPC 1", ""), (4, 9, 2, "SFP", ""), (11, 10, 4, "a", "ge1"), *PORTS], ["FPC-0", "FPC-0", "FPC-1", "FPC-1"]),
        ([FPC0, (3, 9, 1, "FPC 0", ""), (11, 10, 2, "a", "ge1"), *PORTS], ["FPC-0", "FPC-0", "FPC-0-3", "FPC-0-3"]),
        ([FPC0, (11, 10, 2, "a", "ge1"), (12, 10, 2, "b", "ge2")], ["", "", "", ""]),
        ([(2, 9, 3, "x", ""), (3, 9, 2, "y", ""), (11, 10, 2, "a", "ge1")], ["", "", "", ""]),
    ],
    ids=["cards under transceivers", "cards of one name", "one board is the device", "parts that contain each other"],
)
def test_line_cards_are_found_in_what_contains_what(rows: list[tuple[int, int, int, str, str]], cards: list[str]) -> None:
    (device,) = inventory_of(discover([parts(Box("a"), CHASSIS, *rows).answers()])).devices.values()
    assert [port.card for port in device.interfaces] == cards


@pytest.mark.parametrize(("location", "site"), [("", "unplaced"), ("???", "unplaced"), ("AMS", "ams"), ("x" * 99, "x" * 40)])
def test_sites(location: str, site: str) -> None:
    assert site_of(location) == site
