"""An outage: an interval in which a service was down or degraded (ITU-T E.800)."""

from dataclasses import dataclass
from enum import StrEnum


class ServiceState(StrEnum):
    """How a service fares, worst first. ``REDUNDANCY_LOST``: up, but one more failure takes it down; never an outage."""

    DOWN = "down"
    DEGRADED = "degraded"
    REDUNDANCY_LOST = "redundancy-lost"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Outage:
    """One interval of one service. Times are UTC nanoseconds; ``ended_at`` is 0 while it lasts.

    ``confirmed_by`` names the evidence that a v2c trap alone is not (an alarm id confirmed by poll or v3); empty while unconfirmed, and
    then it never pays. ``excluded`` names the maintenance window that covers it, if any. ``state`` is ``down``, ``degraded`` or
    ``redundancy-lost``.
    """

    id: str
    service: str
    customer: str
    contract: str
    state: ServiceState
    incident: str
    root_cause: str
    started_at: int
    ended_at: int = 0
    confirmed_by: str = ""
    excluded: str = ""
    revision: int = 1
