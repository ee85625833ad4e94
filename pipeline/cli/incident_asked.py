"""The incident that a command is asked about: one that stands, or as if a resource failed now."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.cli.output import Exit, fail
from pipeline.cli.show import reader
from pipeline.config.problem import did_you_mean
from pipeline.core.event import Severity
from pipeline.core.impact import felt_by
from pipeline.core.incident import Impact, Incident, IncidentState, in_order, severity_of
from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.foretelling import incident_of


def by_id(config: Path | None, name: str) -> Incident:
    """The incident by its id or a beginning of it, as it is now; ends with exit code 3 without one, 4 when a store does not answer."""
    with reader(config) as read:
        row = read.incident(name)
    if row is None:
        fail(f"there is no incident whose id begins with '{name}', or there are several; `assure incidents` lists them", Exit.NOT_FOUND)
    return incident_of(row)


def of_cause(inventory: Inventory, topology: Topology, cause: str, at: int = 0) -> Incident:
    """As if a resource failed at ``at`` (UTC nanoseconds): who feels it comes from the inventory. Ends with exit code 3 without it."""
    root = ResourceId(cause)
    if topology.node(root) is None:
        fail(f"there is no {cause} in the inventory; {did_you_mean(cause, topology.names) or 'names are as device/pe1'}", Exit.NOT_FOUND)
    impacts = in_order(_impacts(inventory, topology, root, at))
    made = described(root, severity_of(impacts, (Severity.MAJOR,)), impacts)
    return replace(made, started_at=at, opened_at=at)


def described(cause: ResourceId, severity: Severity, impacts: tuple[Impact, ...]) -> Incident:
    """An open incident that there is not."""
    return Incident("test", "default", cause, IncidentState.OPEN, severity, "", (), (), impacts, 0, 0)


def impact(
    service: str, customer: str, tier: Tier, state: ServiceState = ServiceState.DOWN, share: float = 1.0, since_at: int = 0
) -> Impact:
    """What a service would feel."""
    return Impact(service, customer, "", tier, state, since_at, share)


def _impacts(inventory: Inventory, topology: Topology, root: ResourceId, at: int) -> Iterator[Impact]:
    for name, loss in felt_by(topology, [("test", root, True)])["test"].items():
        service = inventory.services.get(name)
        customer = inventory.customers.get(service.customer) if service else None
        if service and customer:
            yield Impact(name, customer.name, service.contract, customer.tier, loss.state, at, loss.share)
