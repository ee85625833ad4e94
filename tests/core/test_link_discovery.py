"""Links from what both ends say, one end says, and addresses suggest; ports by any of the words that devices have for them."""

from dataclasses import replace

import pytest

from pipeline.core.discovery import FindingKind
from pipeline.core.network_discovery import discover
from tests.support.discovery import AGGREGATE, L2VLAN, PROP_VIRTUAL, Box, cabled, kinds, seen


def two() -> tuple[Box, Box]:
    return Box("a", 1), Box("b", 2)


def found(*boxes: Box) -> dict[str, tuple[str, float]]:
    return seen(discover(box.answers() for box in boxes))


def test_both_ends_name_each_other() -> None:
    a, b = two()
    cabled(a, "ge1", b, "ge2")
    discovery = discover([a.answers(), b.answers()])
    assert seen(discovery) == {"a/ge1 b/ge2": ("lldp", 1.0)}
    assert kinds(discovery) == []


def test_one_end_alone_is_less_sure_and_a_subnet_for_two_helps() -> None:
    a, b = two()
    a.speaks_lldp().hears("ge1", b, "ge2")
    b.speaks_lldp()
    assert found(a, b) == {"a/ge1 b/ge2": ("lldp", 0.6)}
    a.has_address("ge1", "10.0.0.0", 31)
    b.has_address("ge2", "10.0.0.1", 31)
    assert found(a, b) == {"a/ge1 b/ge2": ("lldp+ip-subnet", 0.8)}


def test_a_subnet_for_two_alone_is_half_sure_and_surer_with_routing_over_it() -> None:
    a, b = two()
    a.has_address("ge1", "10.0.0.1", 30)
    b.has_address("ge2", "10.0.0.2", 30)
    assert found(a, b) == {"a/ge1 b/ge2": ("ip-subnet", 0.5)}
    a.set("ospfNbrRtrId", "10.0.0.2.0", "192.0.2.2").set("ospfNbrState", "10.0.0.2.0", 8)
    assert found(a, b) == {"a/ge1 b/ge2": ("ip-subnet+ospf", 0.7)}
    b.set("bgpPeerState", "10.0.0.1", 6)
    assert found(a, b) == {"a/ge1 b/ge2": ("ip-subnet+ospf+bgp", 0.7)}


def test_a_session_that_is_down_says_nothing() -> None:
    a, b = two()
    a.has_address("ge1", "10.0.0.1", 30).set("bgpPeerState", "10.0.0.2", 3)
    b.has_address("ge2", "10.0.0.2", 30)
    assert found(a, b) == {"a/ge1 b/ge2": ("ip-subnet", 0.5)}


@pytest.mark.parametrize("length", [24, 29, 32])
def test_other_subnets_tell_of_no_link(length: int) -> None:
    a, b = two()
    a.has_address("ge1", "10.0.0.1", length)
    b.has_address("ge2", "10.0.0.2", length)
    assert found(a, b) == {}


def test_a_subnet_for_two_with_three_in_it_or_one_address_twice_is_told_and_not_believed() -> None:
    a, b = two()
    c = Box("c", 3).has_address("ge1", "10.0.0.2", 30)
    a.has_address("ge1", "10.0.0.1", 30)
    b.has_address("ge2", "10.0.0.2", 30)
    discovery = discover([a.answers(), b.answers(), c.answers()])
    assert seen(discovery) == {}
    assert kinds(discovery) == [FindingKind.DUPLICATE_ADDRESS]
    twice = discover([b.answers(), c.answers()])
    assert (seen(twice), kinds(twice)) == ({}, [FindingKind.DUPLICATE_ADDRESS])


def test_a_subnet_between_interfaces_without_cable_goes_into_no_inventory() -> None:
    """Between VLAN interfaces it is an adjacency, perhaps through switches."""
    a, b = two()
    a.types["ge1"] = b.types["ge1"] = PROP_VIRTUAL
    a.has_address("ge1", "10.0.0.1", 30)
    b.has_address("ge1", "10.0.0.2", 30)
    discovery = discover([a.answers(), b.answers()])
    assert seen(discovery) == {}
    assert [(link.confidence, link.is_chosen) for link in discovery.links] == [(0.4, False)]


PORT_WORDS = {
    "interface name": {"PortIdSubtype": 5, "PortId": b"ge2"},
    "mac": {"PortIdSubtype": 3, "PortId": bytes((2, 0, 0, 2, 0, 2))},
    "mac as text": {"PortIdSubtype": 3, "PortId": b"02-00-00-02-00-02"},
    "local number that is the ifIndex": {"PortIdSubtype": 7, "PortId": b"2"},
    "local text that is the name": {"PortIdSubtype": 7, "PortId": b"ge2"},
    "alias": {"PortIdSubtype": 1, "PortId": b"to a"},
    "ip address": {"PortIdSubtype": 4, "PortId": bytes((1, 10, 9, 9, 2))},
    "a name under a wrong subtype": {"PortIdSubtype": 3, "PortId": b"?", "PortDesc": b"ge2"},
    "description alone": {"PortIdSubtype": 7, "PortId": b"slot 0 port 7", "PortDesc": b"ge2"},
    "name with a trailing NUL": {"PortIdSubtype": 5, "PortId": b"ge2\0"},
}


@pytest.mark.parametrize("words", PORT_WORDS)
def test_a_port_is_known_by_any_of_its_names(words: str) -> None:
    a, b = two()
    a.speaks_lldp().hears("ge1", b, "", **PORT_WORDS[words])
    b.set("ifAlias", 2, b"to a").has_address("ge2", "10.9.9.2", 24)
    assert found(a, b) == {"a/ge1 b/ge2": ("lldp", 0.6)}


def test_the_far_device_says_itself_what_its_port_ids_mean() -> None:
    """Local numbers that are no ifIndex, but stand in its own lldpLocPortTable."""
    a, b = two()
    a.speaks_lldp().hears("ge1", b, "", PortIdSubtype=7, PortId=b"501")
    b.set("lldpLocPortIdSubtype", 77, 7).set("lldpLocPortId", 77, b"501").set("lldpLocPortDesc", 77, b"ge3")
    assert found(a, b) == {"a/ge1 b/ge3": ("lldp", 0.6)}


def test_a_local_port_number_that_is_no_if_index_is_mapped_by_the_local_table() -> None:
    a, b = two()
    a.set("lldpLocPortIdSubtype", 900, 5).set("lldpLocPortId", 900, b"ge4")
    for name, value in {"ChassisIdSubtype": 4, "ChassisId": b.mac(), "PortIdSubtype": 5, "PortId": b"ge1", "SysName": b"b"}.items():
        a.set(f"lldpRem{name}", "0.900.1", value)
    assert found(a, b) == {"a/ge4 b/ge1": ("lldp", 0.6)}


DEVICE_WORDS = {
    "chassis mac": {"SysName": b""},
    "mac of one of its interfaces": {"ChassisId": bytes((2, 0, 0, 2, 0, 3)), "SysName": b""},
    "sysName with another domain": {"ChassisIdSubtype": 7, "ChassisId": b"x", "SysName": b"B.example.org"},
    "management address as chassis id": {"ChassisIdSubtype": 5, "ChassisId": bytes((1, 192, 0, 2, 2)), "SysName": b"other"},
}


@pytest.mark.parametrize("words", DEVICE_WORDS)
def test_a_neighbour_is_known_by_any_of_its_marks(words: str) -> None:
    a, b = two()
    a.speaks_lldp().hears("ge1", b, "ge2", **DEVICE_WORDS[words])
    b.speaks_lldp()
    assert found(a, b) == {"a/ge1 b/ge2": ("lldp", 0.6)}


def test_a_neighbour_is_known_by_its_management_address() -> None:
    a, b = two()
    a.speaks_lldp().hears("ge1", b, "ge2", ChassisIdSubtype=7, ChassisId=b"?", SysName=b"")
    a.set("lldpRemManAddrIfSubtype", "17.1.1.1.4.192.0.2.2", 2)
    assert found(a, b) == {"a/ge1 b/ge2": ("lldp", 0.6)}


def test_a_hardware_address_of_two_devices_means_neither_but_their_names_do() -> None:
    """Machines that were cloned."""
    a, b = two()
    c = Box("c", 3)
    a.speaks_lldp().hears("ge1", b, "ge2")
    for box in (b, c):
        box.scalars |= {"lldpLocChassisIdSubtype": 4, "lldpLocChassisId": b.mac()}
    assert found(a, b, c) == {"a/ge1 b/ge2": ("lldp", 0.6)}
    a.hears("ge1", b, "ge2", SysName=b"")
    discovery = discover([a.answers(), b.answers(), c.answers()])
    assert (seen(discovery), kinds(discovery)) == ({}, [FindingKind.AMBIGUOUS_NEIGHBOUR])


def test_ends_that_disagree_are_told_and_not_taken() -> None:
    """A cable was moved, and one end has not noticed."""
    a, b = two()
    c = Box("c", 3)
    cabled(b, "ge2", c, "ge1")
    a.speaks_lldp().hears("ge1", b, "ge2")
    discovery = discover([a.answers(), b.answers(), c.answers()])
    assert seen(discovery) == {"b/ge2 c/ge1": ("lldp", 1.0)}
    assert seen(discovery, discovery.links)["a/ge1 b/ge2"] == ("lldp", 0.3)
    assert FindingKind.ENDS_DISAGREE in kinds(discovery)


def test_several_records_on_one_port_are_kept_and_the_surest_is_taken() -> None:
    a, b = two()
    c = Box("c", 3)
    cabled(a, "ge1", b, "ge1")
    a.hears("ge1", c, "ge1", number=2)
    discovery = discover([a.answers(), b.answers(), c.answers()])
    assert seen(discovery) == {"a/ge1 b/ge1": ("lldp", 1.0)}
    assert len(discovery.links) == 2
    assert kinds(discovery) == [FindingKind.SEVERAL_NEIGHBOURS]


def test_a_port_that_only_one_end_can_name_is_taken_from_the_other() -> None:
    a, b = two()
    cabled(a, "ge1", b, "ge2")
    a.hears("ge1", b, "", PortIdSubtype=7, PortId=b"whatever")
    assert found(a, b) == {"a/ge1 b/ge2": ("lldp", 0.8)}


def test_two_links_whose_ports_are_not_named_are_not_guessed() -> None:
    a, b = two()
    for port in ("ge1", "ge2"):
        a.speaks_lldp().hears(port, b, "", PortIdSubtype=7, PortId=b"?")
        b.speaks_lldp().hears(port, a, "", PortIdSubtype=7, PortId=b"?")
    discovery = discover([a.answers(), b.answers()])
    assert discovery.links == ()
    assert set(kinds(discovery)) == {FindingKind.UNKNOWN_PORT}


def test_rows_that_differ_in_their_time_mark_are_one_neighbour() -> None:
    """An agent that takes TimeFilter (RFC 4502) at its word repeats a row for every moment."""
    a, b = two()
    cabled(a, "ge1", b, "ge2")
    for mark in range(100):
        for name in ("ChassisIdSubtype", "ChassisId", "PortIdSubtype", "PortId", "SysName"):
            a.set(f"lldpRem{name}", f"{mark}.1.1", a.columns[f"lldpRem{name}"]["17.1.1"])
    discovery = discover([a.answers(), b.answers()])
    assert len(discovery.devices[0].neighbours) == 1
    assert seen(discovery) == {"a/ge1 b/ge2": ("lldp", 1.0)}


def bundles() -> tuple[Box, Box]:
    a, b = (Box(name, place, ports=("ge1", "ge2", "ae0", "ae0.100")) for place, name in enumerate("ab", 1))
    for box in (a, b):
        box.bundles("ae0", "ge1", "ge2").types["ae0.100"] = L2VLAN
    return a, b


def test_members_of_two_aggregations_are_one_link() -> None:
    a, b = bundles()
    cabled(a, "ge1", b, "ge1")
    cabled(a, "ge2", b, "ge2")
    discovery = discover([a.answers(), b.answers()])
    assert seen(discovery) == {"a/ae0 b/ae0": ("lldp", 1.0)}
    assert discovery.links[0].members == ((("a", 1), ("b", 1)), (("a", 2), ("b", 2)))


def test_subinterfaces_and_their_aggregation_are_one_link_with_all_its_sources() -> None:
    a, b = bundles()
    cabled(a, "ge1", b, "ge1")
    a.has_address("ae0.100", "10.0.0.0", 31)
    b.has_address("ae0.100", "10.0.0.1", 31)
    assert found(a, b) == {"a/ae0 b/ae0": ("lldp+ip-subnet", 1.0)}


def test_members_stay_where_an_aggregation_leads_to_two_devices() -> None:
    """Two switches that act as one."""
    a, b = bundles()
    c = Box("c", 3, ports=("ge1", "ae7")).bundles("ae7", "ge1")
    cabled(a, "ge1", b, "ge1")
    cabled(a, "ge2", c, "ge1")
    assert found(a, b, c) == {"a/ge1 b/ge1": ("lldp", 1.0), "a/ge2 c/ge1": ("lldp", 1.0)}


def test_members_stay_where_one_end_alone_aggregates() -> None:
    a, b = bundles()
    b.columns.pop("dot3adAggPortAttachedAggID")
    b.types.pop("ae0")
    cabled(a, "ge1", b, "ge1")
    cabled(a, "ge2", b, "ge2")
    assert found(a, b) == {"a/ge1 b/ge1": ("lldp", 1.0), "a/ge2 b/ge2": ("lldp", 1.0)}


def test_a_subnet_on_the_aggregation_speaks_for_members_that_stay() -> None:
    """It makes no second link beside theirs."""
    a, b = bundles()
    c = Box("c", 3, ports=("ge1", "ae7")).bundles("ae7", "ge1")
    cabled(a, "ge2", c, "ge1")
    a.hears("ge1", b, "ge1").has_address("ae0", "10.0.0.0", 31)
    b.has_address("ae0", "10.0.0.1", 31)
    assert found(a, b, c) == {"a/ge1 b/ge1": ("lldp+ip-subnet", 0.8), "a/ge2 c/ge1": ("lldp", 1.0)}


def test_an_aggregation_is_told_by_the_stack_where_the_lag_mib_is_missing() -> None:
    """Also through units, as one vendor stacks them: unit of the bundle on units of its members."""
    boxes = []
    for place, name in enumerate("ab", 1):
        box = Box(name, place, ports=("ge1", "ge1.0", "ae0", "ae0.0"))
        box.types |= {"ae0": AGGREGATE, "ge1.0": PROP_VIRTUAL, "ae0.0": PROP_VIRTUAL}
        box.stands_on("ae0.0", "ge1.0").stands_on("ge1.0", "ge1").stands_on("ae0.0", "ae0")
        boxes.append(box)
    cabled(boxes[0], "ge1", boxes[1], "ge1")
    assert found(*boxes) == {"a/ae0 b/ae0": ("lldp", 1.0)}


def test_who_hears_itself_has_no_link() -> None:
    a, _ = two()
    a.speaks_lldp().hears("ge1", a, "ge2")
    discovery = discover([a.answers()])
    assert (discovery.links, kinds(discovery)) == ((), [FindingKind.OWN_NEIGHBOUR])


def test_a_neighbour_that_did_not_answer_is_a_stranger_with_its_address() -> None:
    a, b = two()
    a.speaks_lldp().hears("ge1", b, "ge2").set("lldpRemManAddrIfSubtype", "17.1.1.1.4.192.0.2.2", 2)
    (stranger,) = discover([a.answers()]).strangers
    assert (stranger.seen_by, stranger.if_index, stranger.name, stranger.addresses) == ("a", 1, "b", ("192.0.2.2",))


def test_the_answers_order_changes_nothing() -> None:
    a, b = two()
    c = Box("c", 3)
    cabled(a, "ge1", b, "ge2")
    a.hears("ge1", c, "ge1", number=2)
    c.has_address("ge4", "10.0.0.0", 31)
    b.has_address("ge4", "10.0.0.1", 31)
    forth = discover([a.answers(), b.answers(), c.answers()])
    back = discover([c.answers(), b.answers(), a.answers()])
    assert forth.links == back.links
    assert replace(forth, devices=()).strangers == back.strangers
