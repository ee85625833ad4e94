"""How two resources hang together; held against networkx, and against failing each thing in turn."""

import random

import networkx as nx
import pytest

from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId, ResourceKind, name_of
from pipeline.core.topology import Closure, Topology
from pipeline.core.topology_path import MOST_DISJOINT, TOLD_KINDS, Hop, LinkPath, Network, devices_of, effect, shared, shortest_ways
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir

LAB = load_inventory(inventory_dir())
GRAPH = Topology.of(LAB)


def node(name: str) -> int:
    found = GRAPH.node(ResourceId(name))
    assert found is not None
    return found


def network(seed: int, devices: int = 9) -> tuple[Inventory, nx.MultiGraph]:
    """A network of pseudo-random links, parallel ones among them, and the same as networkx has it."""
    chance = random.Random(seed)
    ports: dict[int, list[Interface]] = {number: [] for number in range(devices)}
    links, same = {}, nx.MultiGraph()
    same.add_nodes_from(range(devices))
    for number in range(devices + chance.randrange(6)):
        a, b = chance.sample(range(devices), 2)
        for end in (a, b):
            ports[end].append(Interface(f"i{number}", number, 1_000))
        links[f"l{number}"] = Link(f"l{number}", f"d{a}/i{number}", f"d{b}/i{number}", (f"f{number % 5}",))
        same.add_edge(a, b)
    made = {f"d{n}": Device(f"d{n}", "", f"192.0.2.{n + 1}", interfaces=tuple(own)) for n, own in ports.items()}
    return Inventory("1", devices=made, links=links, fibres={f"f{n}": Fibre(f"f{n}") for n in range(5)}), same


@pytest.mark.parametrize("seed", range(40))
def test_ways_over_links_are_those_of_networkx(seed: int) -> None:
    """All shortest ones, and how many without a common link."""
    inventory, same = network(seed)
    found = Network(inventory, Topology.of(inventory)).path(("d0",), ("d1",))
    ways = {(*(int(hop.a[1:]) for hop in way), 1) for way in found.ways}
    if not nx.has_path(same, 0, 1):
        assert found == LinkPath()
        return
    assert ways == set(map(tuple, nx.all_shortest_paths(nx.Graph(same), 0, 1)))
    capacities = nx.Graph()
    for a, b in same.edges():
        before = capacities.edges[a, b]["capacity"] if capacities.has_edge(a, b) else 0
        capacities.add_edge(a, b, capacity=before + 1)
    assert found.disjoint == min(nx.maximum_flow_value(capacities, 0, 1), MOST_DISJOINT)


@pytest.mark.parametrize("seed", range(20))
def test_what_parts_two_is_what_parts_them_when_it_fails(seed: int) -> None:
    """Each resource failed in turn, ends left out; told as far upstream as it begins."""
    inventory, same = network(seed)
    graph = Topology.of(inventory)
    if not nx.has_path(same, 0, 1):
        return
    parting = set()
    for cause, kind in enumerate(graph.kinds):
        closure = Closure(graph)
        closure.add([cause])
        down = {graph.names[each] for each in closure.down}
        if kind not in TOLD_KINDS or {"device/d0", "device/d1"} & down:
            continue
        left = nx.Graph()
        left.add_nodes_from(number for number in range(9) if f"device/d{number}" not in down)
        ends = [(int(link.a[1]), int(link.b[1])) for link in inventory.links.values() if f"link/{link.name}" not in down]
        left.add_edges_from((a, b) for a, b in ends if a in left and b in left)
        if not nx.has_path(left, 0, 1):
            parting.add(cause)
    nearest = {graph.names[each] for each in parting if not graph.ancestors(each) & parting}
    assert set(Network(inventory, graph).path(("d0",), ("d1",)).cut_by) == nearest


def test_a_hop_has_all_links_between_its_devices() -> None:
    """In order of name."""
    ports = tuple(Interface(name, number, 1) for number, name in enumerate("ab", 1))
    devices = {name: Device(name, "", f"192.0.2.{number}", interfaces=ports) for number, name in enumerate("pq", 1)}
    links = {name: Link(name, f"p/{end}", f"q/{end}") for name, end in (("two", "b"), ("one", "a"))}
    inventory = Inventory("1", devices=devices, links=links)
    found = Network(inventory, Topology.of(inventory)).path(("p",), ("q",))
    assert (found.ways, found.disjoint, found.cut_by) == (((Hop("p", "q", ("one", "two")),),), 2, ())


def test_the_nearest_of_several_devices_is_taken() -> None:
    """From a site, from both ends of a link."""
    assert devices_of(LAB, ResourceId("site/ams")) == ("ams-p1", "ams-pe1")
    assert devices_of(LAB, ResourceId("link/ley-ac1--ams-pe1")) == ("ley-ac1", "ams-pe1")
    assert devices_of(LAB, ResourceId("interface/ley-ac1/xe-0/0/0")) == ("ley-ac1",)
    assert devices_of(LAB, ResourceId("service/nsx-vpn-1")) == devices_of(LAB, ResourceId("device/nowhere")) == ()
    [way] = Network(LAB, GRAPH).path(devices_of(LAB, ResourceId("site/ams")), ("lon-p1",)).ways
    assert [(hop.a, hop.b) for hop in way] == [("ams-p1", "lon-p1")]


def test_ways_of_dependency_are_all_shortest_ones() -> None:
    """A tunnel stands on a fibre by both ends of its link."""
    found = shortest_ways(GRAPH.parents.__getitem__, node("tunnel/t-ams-rtm"), node("fibre/f-ams-rtm-1"))
    names = [[name_of(GRAPH.names[each]) for each in way] for way in found.ways]
    assert names == [["t-ams-rtm", "ams-rtm-a", "ams-p1--rtm-p1", f"{end}/et-0/0/0", "f-ams-rtm-1"] for end in ("ams-p1", "rtm-p1")]
    assert (found.steps, found.is_cut) == (4, False)
    assert shortest_ways(GRAPH.parents.__getitem__, node("fibre/f-ams-rtm-1"), node("tunnel/t-ams-rtm")).ways == ()


def test_too_many_ways_are_cut() -> None:
    """And that is said."""
    wide = {0: range(1, 60), **dict.fromkeys(range(1, 60), (60,)), 60: ()}
    found = shortest_ways(lambda each: wide[each], 0, 60)
    assert (len(found.ways), found.is_cut) == (50, True)


@pytest.mark.parametrize(
    ("cause", "on", "state"),
    [
        ("fibre/f-ams-rtm-1", "tunnel/t-ams-rtm", ServiceState.REDUNDANCY_LOST),
        ("fibre/f-ams-rtm-1", "tunnel/t-ams-rtm-direct", ServiceState.DOWN),
        ("fibre/f-ams-rtm-1", "service/dzr-vpn-1", ServiceState.DOWN),
        ("fibre/f-ams-rtm-1", "service/vlg-internet-1", None),
    ],
)
def test_what_a_failure_does(cause: str, on: str, state: ServiceState | None) -> None:
    """Down, with redundancy lost, or nothing."""
    assert effect(GRAPH, node(cause), node(on)) is state


def test_what_two_need_is_told_where_they_part() -> None:
    """The tunnel that both stand on, not all that is below it; what hurts most first."""
    both = shared(GRAPH, node("service/hmc-vpn-1"), node("service/dzr-vpn-1"))
    assert [each.resource for each in both] == ["tunnel/t-ams-rtm"]
    assert (both[0].a, both[0].b) == (ServiceState.DOWN, ServiceState.DOWN)
    apart = shared(GRAPH, node("tunnel/t-ams-rtm"), node("tunnel/t-ams-lon"))
    assert {"link/ams-pe1--ams-p1", "link/ams-pe1--rtm-p1"} <= {each.resource for each in apart}
    assert all(GRAPH.kinds[node(each.resource)] is not ResourceKind.PORT for each in apart)
    assert shared(GRAPH, node("site/ams"), node("site/lon")) == []
