"""The dependency graph: what falls with what, and what a k-of-n gate holds up."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.inventory import Inventory, Service
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
