"""The dependency graph: what falls with what, and what a k-of-n gate holds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.inventory import (
    Circuit,
    Dependency,
    Device,
    Duct,
    Entry,
    Fibre,
    Interface,
    Inventory,
    Lag,
    Link,
    Lsp,
    Power,
    Service,
    Tunnel,
)
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId, ResourceKind, name_of
from pipeline.core.topology import Closure, Topology
from tests.support.network import inventory_of

INVENTORY = inventory_of(
    ["a/1 b/1 f1 d1", "a/2 c/1 f2 d1", "c/2 b/2 f3", "e/1 a/3 f4"],
    lsps={"direct": ["a-b"], "around": ["a-c", "c-b"]},
    tunnels={"t": (1, ["direct", "around"]), "both": (2, ["direct", "around"])},
    services={"safe": ["tunnel/t"], "thin": ["tunnel/both"], "tail": ["interface/e/9", "uplinks/e"]},
    uplinks={"e": ["1"]},
)
GRAPH = Topology.of(INVENTORY)


def node(name: str) -> int:
    found = GRAPH.node(ResourceId(name))
    assert found is not None
    return found


def falls(*roots: str) -> set[str]:
    """The names of all that goes down with these."""
    closure = Closure(GRAPH)
    closure.add(node(root) for root in roots)
    return {GRAPH.names[one] for one in closure.down}


def services(*roots: str) -> dict[str, ServiceState]:
    closure = Closure(GRAPH)
    closure.add(node(root) for root in roots)
    return {name_of(GRAPH.names[one]): state for one, state in GRAPH.services_of(closure).items()}


def test_a_fibre_takes_both_ends_and_what_runs_over_them() -> None:
    """But not the ports: they are well and dark."""
    assert falls("fibre/f1") == {
        "fibre/f1", "interface/a/1", "interface/b/1", "link/a-b", "lsp/direct", "tunnel/both", "service/thin",
    }  # fmt: skip


def test_a_port_takes_the_far_end_too() -> None:
    """An interface needs its own port and the port it faces."""
    assert {"interface/a/1", "interface/b/1", "link/a-b"} <= falls("port/b/1")


def test_a_duct_takes_its_fibres_and_a_site_its_devices() -> None:
    """Shared risk: one cause, several links."""
    assert {"fibre/f1", "fibre/f2", "link/a-b", "link/a-c"} <= falls("duct/d1")
    assert {"device/a", "port/a/1", "interface/b/1", "reachability/a"} <= falls("site/site-a")


def test_a_device_behind_its_only_uplink_is_out_of_reach_and_not_dead() -> None:
    """Cutting the tail makes the device silent; its own ports live."""
    fallen = falls("fibre/f4")
    assert {"uplinks/e", "reachability/e", "service/tail"} <= fallen
    assert not {"device/e", "interface/e/9"} & fallen


def test_gates_hold_until_too_few_are_left() -> None:
    """One-of-two survives one; two-of-two does not; a survivor that lost a leg has lost redundancy."""
    assert services("fibre/f1") == {"safe": ServiceState.REDUNDANCY_LOST, "thin": ServiceState.DOWN}
    assert services("duct/d1") == {"safe": ServiceState.DOWN, "thin": ServiceState.DOWN}
    assert services("device/e") == {"tail": ServiceState.DOWN}


@given(st.lists(st.sampled_from(range(len(GRAPH.names))), max_size=6))
def test_undo_is_the_exact_inverse(roots: list[int]) -> None:
    """However failures are piled up, taking them back in reverse leaves nothing."""
    closure = Closure(GRAPH)
    added = [closure.add((root,)) for root in roots]
    for new in reversed(added):
        closure.undo(new)
    assert (closure.down, closure.counts) == (set(), {})


@given(st.lists(st.sampled_from(range(len(GRAPH.names))), max_size=6), st.randoms(use_true_random=False))
def test_order_of_failure_does_not_matter(roots: list[int], random: object) -> None:
    """What is down depends on what failed, not on when."""
    together, apart = Closure(GRAPH), Closure(GRAPH)
    together.add(roots)
    shuffled = [*roots]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    for root in shuffled:
        apart.add((root,))
    assert together.down == apart.down


def test_what_is_not_declared_is_a_node_and_no_error() -> None:
    """A service that needs something unknown stands on a node without parents."""
    graph = Topology.of(Inventory("v", services={"s": Service("s", "c", "k", "x", ("device/ghost",))}))
    assert graph.kinds[graph.node(ResourceId("device/ghost")) or 0] is ResourceKind.DEVICE
    assert graph.node(ResourceId("device/unheard-of")) is None


# power, cards, link aggregations, circuits, dependencies


def device(name: str, *ports: str, **fields: object) -> Device:
    """A device whose ports are written ``name`` or ``name@card``."""
    pairs = [port.partition("@") for port in ports]
    interfaces = tuple(Interface(port, place, 1000, card=card) for place, (port, _, card) in enumerate(pairs, 1))
    return Device(name, f"site-{name}", "", interfaces=interfaces, **fields)  # type: ignore[arg-type]  # pass-through of a test


def graph_of(*entries: Entry) -> Topology:
    """The topology of these entries, whatever their sections."""
    sections: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        sections.setdefault(SECTION_OF[type(entry)], {})[entry.name] = entry  # type: ignore[attr-defined]  # every entry has a name
    return Topology.of(Inventory("v", **sections))  # type: ignore[arg-type]  # keys are its fields


SECTION_OF: dict[type[Entry], str] = {
    Device: "devices", Power: "power", Duct: "ducts", Fibre: "fibres", Link: "links", Lag: "lags", Lsp: "lsps", Tunnel: "tunnels",
    Circuit: "circuits", Dependency: "dependencies", Service: "services",
}  # fmt: skip


def falls_in(graph: Topology, *roots: str) -> set[str]:
    closure = Closure(graph)
    closure.add(graph.node(ResourceId(root)) or 0 for root in roots)
    return {graph.names[one] for one in closure.down}


def states_in(graph: Topology, *roots: str) -> dict[str, ServiceState]:
    closure = Closure(graph)
    closure.add(graph.node(ResourceId(root)) or 0 for root in roots)
    return {name_of(graph.names[one]): state for one, state in graph.services_of(closure).items()}


def service(name: str, *needs: str, **fields: object) -> Service:
    return Service(name, "acme", "acme-gold", "vpn", needs, **fields)  # type: ignore[arg-type]  # pass-through of a test


def test_a_device_falls_when_too_few_of_its_feeds_are_left() -> None:
    graph = graph_of(
        Power("a", "ams"),
        Power("b"),
        device("both", "1", power=("a", "b")),
        device("all", power=("a", "b"), power_needs=2),
        device("one", power=("a",)),
        device("none"),
        service("s", "device/both"),
    )
    assert {"supply/all", "device/all", "device/one", "reachability/one"} <= falls_in(graph, "power/a")
    assert not {"supply/both", "device/both", "device/none"} & falls_in(graph, "power/a")
    assert states_in(graph, "power/a") == {"s": ServiceState.REDUNDANCY_LOST}
    assert {"supply/both", "device/both", "port/both/1"} <= falls_in(graph, "power/a", "power/b")
    assert {"power/a", "device/one"} <= falls_in(graph, "site/ams")
    assert graph.node(ResourceId("supply/none")) is None


def test_a_card_takes_its_own_ports_alone() -> None:
    graph = graph_of(device("a", "1@fpc0", "2@fpc0", "3@fpc1", "4"))
    assert falls_in(graph, "card/a/fpc0") == {"card/a/fpc0", "port/a/1", "port/a/2", "interface/a/1", "interface/a/2"}
    assert {"card/a/fpc1", "port/a/3", "port/a/4"} <= falls_in(graph, "device/a")
    assert graph.names[graph.reporter[graph.node(ResourceId("card/a/fpc0")) or 0]] == "device/a"


def lag_graph(needs: int = 1) -> Topology:
    """Two devices with a LAG of three members over two fibres; the LAG's interfaces end a link of their own."""
    return graph_of(
        device("a", "1@fpc0", "2@fpc0", "3@fpc1", "ae0"),
        device("b", "1", "2", "3", "ae0"),
        Fibre("f1"),
        Fibre("f2"),
        *(Link(f"m{n}", f"a/{n}", f"b/{n}", (fibre,)) for n, fibre in ((1, "f1"), (2, "f1"), (3, "f2"))),
        Link("ab", "a/ae0", "b/ae0"),
        *(Lag(f"{name}/ae0", tuple(f"{name}/{n}" for n in (1, 2, 3)), needs) for name in "ab"),
        service("s", "link/ab"),
    )


def test_a_lag_stands_while_enough_of_its_members_do() -> None:
    graph = lag_graph()
    assert not {"interface/a/ae0", "link/ab"} & falls_in(graph, "fibre/f1")
    assert states_in(graph, "fibre/f1") == {"s": ServiceState.REDUNDANCY_LOST}
    assert {"interface/a/ae0", "interface/b/ae0", "link/ab", "service/s"} <= falls_in(graph, "fibre/f1", "fibre/f2")
    assert "interface/a/ae0" in falls_in(lag_graph(needs=2), "card/a/fpc0")
    assert "interface/b/ae0" in falls_in(lag_graph(needs=2), "card/a/fpc0"), "the far end counts its members too"
    assert {"port/a/ae0", "interface/a/ae0", "interface/b/ae0"} <= falls_in(graph, "device/a")


def test_a_lag_that_nobody_declared_the_parts_of_is_no_error() -> None:
    graph = graph_of(Lag("a/ae0", ("a/1", "a/2")), Lag("b/ae0", ()))
    assert {"interface/a/ae0", "interface/b/ae0"} == falls_in(graph, "device/a", "device/b") & {"interface/a/ae0", "interface/b/ae0"}
    assert "interface/a/ae0" not in falls_in(graph, "port/a/1")


def test_a_fibre_lies_in_each_of_its_ducts() -> None:
    graph = graph_of(Duct("d3", "ams"), Fibre("f", "d1", ("d2", "d3", "d1")))
    assert all("fibre/f" in falls_in(graph, f"duct/{name}") for name in ("d1", "d2", "d3"))
    assert len(graph.parents[graph.node(ResourceId("fibre/f")) or 0]) == 3


def test_circuits_need_all_or_some_of_anything() -> None:
    graph = graph_of(
        device("a", "1"),
        Circuit("whole", ("device/a", "fibre/x")),
        Circuit("some", ("fibre/x", "fibre/y", "fibre/z"), keep=2),
        Circuit("leased"),
    )
    assert falls_in(graph, "fibre/x") == {"fibre/x", "circuit/whole"}
    assert "circuit/some" in falls_in(graph, "fibre/x", "fibre/z")
    assert graph.parents[graph.node(ResourceId("circuit/leased")) or 0] == ()


def test_a_service_may_do_with_fewer_than_all() -> None:
    graph = graph_of(service("s", "device/a", "device/b", "device/c", keep=2))
    assert states_in(graph, "device/a") == {"s": ServiceState.REDUNDANCY_LOST}
    assert states_in(graph, "device/a", "device/c") == {"s": ServiceState.DOWN}


def test_a_dependency_adds_to_what_a_resource_needs() -> None:
    """Also to what a gate holds up, whose alternatives then stand apart, and with alternatives of its own."""
    graph = graph_of(
        Tunnel("t", ("p1", "p2")),
        device("a", "1"),
        Dependency("controller", "tunnel/t", ("device/c",)),
        Dependency("clock", "device/a", ("device/ntp1", "device/ntp2"), keep=1),
        Dependency("cooling", "device/new", ("device/fan1", "device/fan2"), keep=1),
        service("s", "tunnel/t"),
    )
    assert "tunnel/t" not in falls_in(graph, "lsp/p1")
    assert states_in(graph, "lsp/p1") == {"s": ServiceState.REDUNDANCY_LOST}
    assert {"dependency/tunnel/t", "tunnel/t"} <= falls_in(graph, "lsp/p1", "lsp/p2")
    assert "tunnel/t" in falls_in(graph, "device/c")
    assert "device/a" not in falls_in(graph, "device/ntp1")
    assert {"dependency/clock", "device/a"} <= falls_in(graph, "device/ntp1", "device/ntp2")
    assert "device/a" in falls_in(graph, "site/site-a")
    assert "device/new" in falls_in(graph, "device/fan1", "device/fan2")
    assert "device/new" not in falls_in(graph, "device/fan1")


# doubt and sources


def edge(graph: Topology, parent: str, child: str) -> float:
    return graph.edge_confidence(graph.node(ResourceId(parent)) or 0, graph.node(ResourceId(child)) or 0)


def test_an_edge_is_as_sure_as_the_surest_that_declares_it() -> None:
    graph = graph_of(
        device("a", "1", source="snmp", confidence=0.9),
        device("b", "1"),
        Fibre("f"),
        Link("l", "a/1", "b/1", ("f",), source="lldp", confidence=0.7),
        Dependency("told", "interface/a/1", ("fibre/f",), confidence=0.8),
        Dependency("sure", "interface/b/1", ("fibre/f",)),
        Dependency("again", "interface/b/1", ("fibre/f",), confidence=0.3),
        Dependency("k-of-n", "device/b", ("device/x", "device/y"), keep=1, confidence=0.4),
    )
    assert edge(graph, "site/site-a", "device/a") == 0.9
    assert edge(graph, "port/a/1", "interface/a/1") == 1.0, "an interface is surely in its own port"
    assert edge(graph, "port/b/1", "interface/a/1") == 0.7
    assert edge(graph, "fibre/f", "interface/a/1") == 0.8
    assert edge(graph, "fibre/f", "interface/b/1") == 1.0
    assert edge(graph, "interface/a/1", "link/l") == 0.7
    assert edge(graph, "device/x", "dependency/k-of-n") == 0.4
    assert edge(graph, "dependency/k-of-n", "device/b") == 1.0
    assert len(graph.doubtful) == 8


def test_who_told_of_a_node_and_of_its_parts() -> None:
    graph = graph_of(device("a", "1", source="snmp"), device("b", "1"), Link("l", "a/1", "b/1", source="lldp"), Lsp("p", "a", ("l",)))
    names = ("device/a", "port/a/1", "interface/a/1", "device/b", "interface/b/1", "link/l", "lsp/p")
    told = {name: graph.source(graph.node(ResourceId(name)) or 0) for name in names}
    assert told == dict.fromkeys(names, "") | dict.fromkeys(names[:3], "snmp") | {"link/l": "lldp"}


# cycles


def test_cycles_are_found_named_and_harmless() -> None:
    needs = {"a": ["b"], "b": ["c"], "c": ["a", "x"], "d": ["d"], "e": ["a"], "f": ["g"], "g": ["f", "b"], "x": []}
    graph = graph_of(*(Circuit(name, tuple(f"circuit/{other}" for other in others)) for name, others in needs.items()))
    found = {"".join(name_of(graph.names[node]) for node in cycle) for cycle in graph.cycles()}
    assert found == {"abc", "d", "fg"}
    everything = falls_in(graph, "circuit/x")
    assert everything == {f"circuit/{name}" for name in "abcefgx"}
    closure = Closure(graph)
    closure.undo(closure.add([graph.node(ResourceId("circuit/b")) or 0]))
    assert (closure.down, closure.counts) == (set(), {})
    assert graph.ancestors(graph.node(ResourceId("circuit/a")) or 0) >= {graph.node(ResourceId("circuit/x"))}


def test_no_cycle_where_there_is_none() -> None:
    assert GRAPH.cycles() == []
    assert lag_graph().cycles() == []


@given(st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9), max_size=3), max_size=10))
def test_cycles_are_found_exactly_where_a_node_is_its_own_ancestor(needs: dict[int, set[int]]) -> None:
    """Each circle found is one, and none is found only where no node can come back to itself."""
    graph = graph_of(*(Circuit(str(name), tuple(f"circuit/{other}" for other in sorted(others))) for name, others in needs.items()))
    found = graph.cycles()
    for cycle in found:
        assert all(after in graph.parents[before] for before, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
    circular = any(node in graph.ancestors(parent) or node == parent for node in range(len(graph.names)) for parent in graph.parents[node])
    assert bool(found) == circular


# memory


def test_remembered_ancestors_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.core.topology.REMEMBERED", 10)
    graph = Topology.of(INVENTORY)
    wanted = [GRAPH.ancestors(one) for one in range(len(GRAPH.names))]
    assert [graph.ancestors(one) for one in range(len(graph.names))] == wanted
    assert sum(len(found) + 1 for found in graph._ancestors.values()) <= 10 + max(map(len, wanted))


# shares of services


def share(graph: Topology, name: str, *roots: str) -> float:
    closure = Closure(graph)
    closure.add(graph.node(ResourceId(root)) or 0 for root in roots)
    return graph.share_lost(graph.node(ResourceId(f"service/{name}")) or 0, closure.down)


SHARES = graph_of(
    service("vpn", "device/a", "device/b", "device/c", "device/hub", keep=1, weights={"device/a": 60, "device/b": 30, "device/c": 10}),
    service("bundle", "service/vpn", "service/mail"),
    service("either", "service/vpn", "service/spare", keep=1),
    service("weighted", "service/vpn", "service/mail", keep=1, weights={"service/vpn": 1, "service/mail": 3}),
    service("mail", "device/m"),
    service("spare", "device/s"),
    Dependency("licence", "service/vpn", ("device/l",)),
)


@pytest.mark.parametrize(
    ("name", "roots", "lost"),
    [
        ("vpn", (), 0.0),
        ("vpn", ("device/a",), 0.6),
        ("vpn", ("device/b", "device/c"), 0.4),
        ("vpn", ("device/hub",), 0.0),  # carries no share
        ("vpn", ("device/l",), 1.0),  # it is down
        ("bundle", ("device/b",), 0.3),  # as much as the worst of its needs
        ("either", ("device/a",), 0.0),  # it goes on over the other
        ("either", ("device/a", "device/s"), 0.6),
        ("weighted", ("device/a",), 0.15),
        ("weighted", ("device/m",), 0.75),
        ("weighted", ("device/m", "device/b"), 0.825),
    ],
)
def test_a_share_of_a_service_is_lost(name: str, roots: tuple[str, ...], lost: float) -> None:
    assert share(SHARES, name, *roots) == pytest.approx(lost)


def test_shares_of_services_that_need_each_other_end() -> None:
    graph = graph_of(service("a", "service/b", "device/x", keep=1), service("b", "service/a", "device/y", keep=1))
    assert share(graph, "a", "device/x") == 0.0
    assert share(graph, "a", "device/x", "device/y") == 0.0, "each still holds the other up, which is what check warns of"
