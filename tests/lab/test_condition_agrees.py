"""Two descriptions of how faults spread, written apart, agree: the lab's own, and the dependency graph that incidents are found on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId, ResourceKind, name_of, resource_id
from pipeline.core.topology import Closure, Topology
from pipeline.lab.condition import Faults, condition_of
from pipeline.lab.plant import Plant
from tests.support.lab import lab_inventory

INVENTORY = lab_inventory()
PLANT = Plant.of(INVENTORY)
TOPOLOGY = Topology.of(INVENTORY)

some_faults = st.builds(
    Faults,
    cut=st.frozensets(st.sampled_from(sorted({*INVENTORY.fibres, *(fibre.duct for fibre in INVENTORY.fibres.values())})), max_size=3),
    devices=st.frozensets(st.sampled_from(sorted(INVENTORY.devices)), max_size=2),
    ports=st.frozensets(st.sampled_from(sorted(PLANT.interfaces)), max_size=3),
)


def roots(faults: Faults) -> list[ResourceId]:
    """What failed by itself, as resources."""
    cuts = [resource_id(ResourceKind.FIBRE if name in INVENTORY.fibres else ResourceKind.DUCT, name) for name in sorted(faults.cut)]
    devices = [resource_id(ResourceKind.DEVICE, name) for name in sorted(faults.devices)]
    return cuts + devices + [resource_id(ResourceKind.PORT, name) for name in sorted(faults.ports)]


@settings(max_examples=200, deadline=None)
@given(some_faults)
def test_they_agree_on_what_is_down_and_what_lost_redundancy(faults: Faults) -> None:
    closure = Closure(TOPOLOGY)
    nodes = [TOPOLOGY.node(root) for root in roots(faults)]
    closure.add(node for node in nodes if node is not None)
    down = {TOPOLOGY.names[node] for node in closure.down}
    services = {name_of(TOPOLOGY.names[node]): state for node, state in TOPOLOGY.services_of(closure).items()}
    found = condition_of(PLANT, faults)
    assert None not in nodes
    assert found.interfaces_down == of_kind(down, ResourceKind.INTERFACE)
    assert found.links_down == of_kind(down, ResourceKind.LINK)
    assert found.lsps_down == of_kind(down, ResourceKind.LSP)
    assert found.tunnels_down == of_kind(down, ResourceKind.TUNNEL)
    assert found.unreachable == of_kind(down, ResourceKind.REACHABILITY)
    assert found.services_down == {name for name, state in services.items() if state is ServiceState.DOWN}
    assert found.services_at_risk == {name for name, state in services.items() if state is ServiceState.REDUNDANCY_LOST}


def of_kind(resources: set[ResourceId], kind: ResourceKind) -> set[str]:
    return {name_of(resource) for resource in resources if resource.startswith(f"{kind}/")}
