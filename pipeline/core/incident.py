"""An incident: one cause with its alarms, affected services and customers (near TMF656 service problem)."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.event import Severity
from pipeline.core.inventory import Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId


class IncidentState(StrEnum):
    """The life of an incident: open while any of its alarms stands."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Impact:
    """What one service feels of an incident."""

    service: str
    customer: str
    contract: str
    tier: Tier
    state: ServiceState
    since_at: int


@dataclass(frozen=True, slots=True)
class Incident:
    """The state of one incident after its last revision. Times are UTC nanoseconds, 0 is not yet.

    ``reason`` is one plain sentence; ``explanation`` the lines behind it: which alarms the cause explains, which were expected and are
    missing, what the alternatives were. ``alarms`` are alarm ids, those of the root cause first. ``impacts`` are in order of tier, then
    state. ``planned`` names the maintenance window that covers the cause. ``confirmed_by`` is an alarm id that a poll or v3 confirmed.
    """

    id: str
    domain: str
    root_cause: ResourceId
    state: IncidentState
    severity: Severity
    reason: str
    explanation: tuple[str, ...]
    alarms: tuple[str, ...]
    impacts: tuple[Impact, ...]
    started_at: int
    opened_at: int
    resolved_at: int = 0
    probability: float = 1.0
    planned: str = ""
    flapping: bool = False
    confirmed_by: str = ""
    topology_version: str = ""
    rules_version: str = ""
    revision: int = 1
