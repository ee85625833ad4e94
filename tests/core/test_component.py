"""Alarmed resources fall into components by the causes that they share, in whatever order alarms come and go."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.component import Components
from pipeline.core.consequence import Consequences
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp
from pipeline.core.topology import Topology

RING = ("a", "b", "c", "d")
NETWORK = Inventory(
    version="1",
    devices={
        name: Device(name, "", "192.0.2.1", interfaces=(Interface("east", 1, 1000), Interface("west", 2, 1000)), uplinks=("east", "west"))
        for name in RING
    },
    fibres={"f1": Fibre("f1", "d1"), "f2": Fibre("f2", "d1"), "f3": Fibre("f3"), "f4": Fibre("f4")},
    links={f"l{place}": Link(f"l{place}", f"{RING[place - 1]}/east", f"{RING[place % 4]}/west", (f"f{place}",)) for place in (1, 2, 3, 4)},
    lsps={"p1": Lsp("p1", "a", ("l1", "l2")), "p2": Lsp("p2", "c", ("l3",))},
)
TOPOLOGY = Topology.of(NETWORK)
NODES = range(len(TOPOLOGY.names))


def components_of(consequences: Consequences, alarmed: set[int]) -> set[frozenset[int]]:
    """What the components should be: walked from each node over every cause that could be right."""
    by_cause: dict[int, set[int]] = {}
    for node in alarmed:
        for cause in consequences.causes(node):
            by_cause.setdefault(cause, set()).add(node)
    joining = [nodes for cause, nodes in by_cause.items() if len(nodes) > 1 and consequences.is_promising(cause, len(nodes))]
    found = set()
    for node in alarmed:
        nodes, before = {node}, 0
        while len(nodes) > before:
            before = len(nodes)
            nodes = nodes.union(*(each for each in joining if not each.isdisjoint(nodes)))
        found.add(frozenset(nodes))
    return found


@given(st.lists(st.tuples(st.sampled_from(NODES), st.booleans())))
def test_components_are_those_of_the_alarms_that_stand(steps: list[tuple[int, bool]]) -> None:
    """Each step raises or clears an alarm, or does neither and looks."""
    consequences = Consequences(TOPOLOGY)
    components, alarmed = Components(consequences), set[int]()
    for node, looks in steps:
        if node in alarmed:
            components.discard(node)
        else:
            components.add(node)
        alarmed ^= {node}
        if looks:
            assert {components.of(each) for each in alarmed} == components_of(consequences, alarmed)
    assert {components.of(each) for each in alarmed} == components_of(consequences, alarmed)


def test_what_shares_no_cause_is_apart() -> None:
    ends = {name: TOPOLOGY.node(f"interface/{name}") for name in ("a/east", "b/west", "c/east", "d/west")}  # type: ignore[arg-type]
    nodes = {name: node for name, node in ends.items() if node is not None}
    components = Components(Consequences(TOPOLOGY))
    for node in nodes.values():
        components.add(node)
    assert components.of(nodes["a/east"]) == {nodes["a/east"], nodes["b/west"]}
    assert components.leader(nodes["c/east"]) == components.leader(nodes["d/west"]) != components.leader(nodes["a/east"])
