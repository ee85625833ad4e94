"""Two inventories held against each other: entries, graph, and which services became less safe; held against failing each thing in turn."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.inventory import Circuit, Dependency, Device, Interface, Inventory, Link, Lsp, Service, Site, Tunnel
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Closure, Topology
from pipeline.core.topology_difference import Change, EdgeChange, FieldChange, difference, fatal_to, gate
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir


def port(name: str, index: int) -> Interface:
    return Interface(name, index, 1_000)


PORTS = (port("a", 1), port("b", 2))
BEFORE = Inventory(
    "1",
    sites={"s": Site("s")},
    devices={name: Device(name, "", f"192.0.2.{number}", interfaces=PORTS) for number, name in enumerate(("p", "q"), 1)},
    links={"one": Link("one", "p/a", "q/a"), "two": Link("two", "p/b", "q/b")},
    lsps={"x": Lsp("x", "p", ("one",)), "y": Lsp("y", "p", ("two",))},
    tunnels={"t": Tunnel("t", ("x", "y"))},
    services={"vpn": Service("vpn", "c", "k", "l3vpn", ("tunnel/t",)), "other": Service("other", "c", "k", "ip", ("device/q",))},
)


def test_the_same_has_no_difference() -> None:
    """Whatever the version says."""
    found = difference(BEFORE, replace(BEFORE, version="2"))
    assert found.is_empty
    assert (found.before, found.after, found.redundancy) == ("1", "2", ())


def test_entries_say_what_changed_in_which_field() -> None:
    """With the source and confidence that they last had."""
    changed = {"one": replace(BEFORE.links["one"], source="lldp", confidence=0.8), "two": BEFORE.links["two"]}
    after = replace(BEFORE, sites={"z": Site("z", source="netbox")}, links=changed)
    told = {(each.section, each.name): each for each in difference(BEFORE, after).entries}
    assert {key: (each.change, each.source, each.confidence) for key, each in told.items()} == {
        ("sites", "s"): (Change.REMOVED, "", 1.0),
        ("sites", "z"): (Change.ADDED, "netbox", 1.0),
        ("links", "one"): (Change.CHANGED, "lldp", 0.8),
    }
    assert told["links", "one"].fields == (FieldChange("source", "", "lldp"), FieldChange("confidence", 1.0, 0.8))


def test_a_secret_is_not_compared() -> None:
    """A history has no communities: that is no difference."""
    blank = {name: replace(device, community="") for name, device in BEFORE.devices.items()}
    assert difference(replace(BEFORE, devices=blank), BEFORE).is_empty


def test_an_edge_that_is_less_sure_is_a_change() -> None:
    """Neither added nor removed."""
    after = replace(BEFORE, tunnels={"t": replace(BEFORE.tunnels["t"], confidence=0.5)})
    edges = difference(BEFORE, after).edges
    assert edges == tuple(EdgeChange(Change.CHANGED, ResourceId(f"lsp/{name}"), ResourceId("tunnel/t"), 1.0, 0.5) for name in ("x", "y"))


def test_a_path_that_is_gone_makes_the_other_one_fatal() -> None:
    """The service now goes down with what only the other path stood on, as far upstream as that begins; no other service is told."""
    found = difference(BEFORE, replace(BEFORE, tunnels={"t": Tunnel("t", ("x",))}))
    [lost] = found.redundancy
    assert (lost.service, lost.survived) == ("vpn", ())
    assert lost.fatal == ("port/p/a", "port/q/a")
    [changed] = found.nodes
    assert (changed.resource, changed.needs) == ("tunnel/t", ("1 of 2", "all"))


def test_a_second_path_makes_a_service_safer() -> None:
    """The same the other way round."""
    found = difference(replace(BEFORE, tunnels={"t": Tunnel("t", ("x",))}), BEFORE)
    [gained] = found.redundancy
    assert (gained.fatal, gained.survived) == ((), ("port/p/a", "port/q/a"))


def test_what_is_new_below_is_told_as_its_root() -> None:
    """A site under a device: the site, not all that stands in it."""
    after = replace(BEFORE, devices=BEFORE.devices | {"q": replace(BEFORE.devices["q"], site="s")})
    redundancy = {each.service: each.fatal for each in difference(BEFORE, after).redundancy}
    assert redundancy == {"other": ("site/s",), "vpn": ("site/s",)}


def test_a_cycle_ends() -> None:
    """Two circuits that need each other."""
    circuits = {"a": Circuit("a", ("circuit/b",)), "b": Circuit("b", ("circuit/a",))}
    after = replace(BEFORE, circuits=circuits, dependencies={"d": Dependency("d", "service/vpn", ("circuit/a",))})
    [changed] = difference(BEFORE, after).redundancy
    assert changed.fatal == ("circuit/a", "circuit/b")


def test_what_is_fatal_is_what_takes_it_down_when_it_fails() -> None:
    """For every service of the lab, each resource failed in turn."""
    graph = Topology.of(load_inventory(inventory_dir()))
    services = [node for node, name in enumerate(graph.names) if name.startswith("service/")]
    fatal: dict[int, set[int]] = {service: set() for service in services}
    for node in range(len(graph.names)):
        closure = Closure(graph)
        closure.add([node])
        for service in closure.down.intersection(services):
            fatal[service].add(node)
    memo: dict[int, frozenset[int]] = {}
    assert {service: set(fatal_to(graph, service, memo)) for service in services} == fatal


@given(st.lists(st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True), st.integers(0, 4)), min_size=1, max_size=12))
def test_gates_are_minded_whatever_needs_what(made: list[tuple[list[int], int]]) -> None:
    """Circuits that need earlier ones, all of them or so many: held against failing each in turn."""
    circuits = {}
    for number, (needs, keep) in enumerate(made):
        names = tuple(dict.fromkeys(f"circuit/c{need % number}" for need in needs)) if number else ()
        circuits[f"c{number}"] = Circuit(f"c{number}", names, min(keep, len(names)))
    graph = Topology.of(Inventory("1", circuits=circuits))
    last = len(graph.names) - 1
    expected = set()
    for node in range(len(graph.names)):
        closure = Closure(graph)
        closure.add([node])
        if last in closure.down:
            expected.add(node)
    assert set(fatal_to(graph, last)) == expected


def test_gates_in_words() -> None:
    """All, or how many of how many."""
    graph = Topology.of(BEFORE)
    told = {name: gate(graph, node) for name in ("tunnel/t", "lsp/x") if (node := graph.node(ResourceId(name))) is not None}
    assert told == {"tunnel/t": "1 of 2", "lsp/x": "all"}
