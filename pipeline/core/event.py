"""An event: something that happened, normalised, about a resource (RFC 9940)."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from pipeline.core.resource import ResourceId


class Severity(IntEnum):
    """Perceived severity, numbered as RFC 8632 does. Cleared is not a severity."""

    INDETERMINATE = 2
    WARNING = 3
    MINOR = 4
    MAJOR = 5
    CRITICAL = 6


class Signal(StrEnum):
    """What an event says of its alarm. ``NOTIFY`` is stateless: it will never clear and never opens an outage."""

    RAISE = "raise"
    CHANGE = "change"
    CLEAR = "clear"
    NOTIFY = "notify"


class EventSource(StrEnum):
    """Who says so. Only a poll (or an authenticated trap) can confirm an outage that pays."""

    TRAP = "trap"
    POLL = "poll"
    THRESHOLD = "threshold"
    ANOMALY = "anomaly"
    OPERATOR = "operator"
    SYSTEM = "system"


class Condition(StrEnum):
    """What an alarm type says of its resource's ability to serve; evidence for root cause and impact."""

    DOWN = "down"
    DEGRADED = "degraded"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class AlarmType:
    """An entry of the alarm type catalogue (RFC 8632 alarm-type inventory; X.733 event type and probable cause).

    ``will_clear`` false marks a stateless notification. ``condition`` says whether the resource is down while the alarm stands.
    """

    name: str
    event_type: str
    probable_cause: str
    severity: Severity
    will_clear: bool = True
    condition: Condition = Condition.NONE
    description: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One normalised occurrence.

    ``id`` is ``collector:sequence:n``, the same for every replay. ``occurred_at`` is UTC nanoseconds. ``device`` is the reporter (a name,
    not a resource). ``collector`` and ``sequence`` point to the journal record that is its evidence. ``rule`` names the rule that made
    it. ``attributes`` are the varbinds by name, as shown to people (already escaped).
    """

    id: str
    occurred_at: int
    resource: ResourceId
    alarm_type: str
    signal: Signal
    severity: Severity
    text: str
    source: EventSource
    device: str
    collector: str
    sequence: int
    domain: str = "default"
    qualifier: str = ""
    rule: str = ""
    condition: Condition = Condition.NONE
    authenticated: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StateReport:
    """What one poll saw of one device's resources: evidence that confirms standing alarms and settles lost traps.

    ``up`` and ``down`` are operational states of resources that are administratively up; ``reachable`` is false when the device did not
    answer. ``never_up`` are those of ``down`` that no poll has seen up yet: they confirm what a trap said, and raise nothing by themselves.
    ``restarted_at`` is when the device began anew since the poll before, by its sysUpTime (UTC nanoseconds; 0: it did not).
    ``on_suspicion`` is true for a poll that a trap's claim asked for.
    """

    device: str
    polled_at: int
    collector: str
    sequence: int
    reachable: bool
    domain: str = "default"
    up: tuple[ResourceId, ...] = ()
    down: tuple[ResourceId, ...] = ()
    never_up: tuple[ResourceId, ...] = ()
    restarted_at: int = 0
    on_suspicion: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """Time as a message (UTC nanoseconds), so that a replay at any speed decides the same."""

    at: int
