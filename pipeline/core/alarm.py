"""An alarm: an undesirable state of one resource; identity is resource + alarm type + qualifier (RFC 8632)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pipeline.core.event import Condition, EventSource, Severity
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId


class AlarmKey(NamedTuple):
    """The identity of an alarm (RFC 8632 section 3.3)."""

    resource: ResourceId
    alarm_type: str
    qualifier: str = ""


class OperatorState(StrEnum):
    """The people's lifecycle (RFC 8632 section 3.5.2), independent of clearing."""

    NONE = "none"
    ACK = "ack"
    CLOSED = "closed"
    SHELVED = "shelved"
    UN_SHELVED = "un-shelved"


class Change(StrEnum):
    """What an input did to an alarm."""

    RAISED = "raised"
    RAISED_AGAIN = "raised-again"
    CHANGED = "changed"
    REPEATED = "repeated"
    CONFIRMED = "confirmed"
    CLEARED = "cleared"
    SHELVED = "shelved"
    UN_SHELVED = "un-shelved"
    ACKNOWLEDGED = "acknowledged"
    UN_ACKNOWLEDGED = "un-acknowledged"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Alarm:
    """The state of one alarm after its last event. Times are UTC nanoseconds.

    ``id`` is stable for the key's life (RFC 8632 keeps one entry per key). ``occurrences`` counts raises including repeats.
    ``confirmed_at`` is when a poll or an authenticated trap first confirmed this raise; 0 while unconfirmed.
    ``events`` are ids of its events: the first of this raise and the latest few. ``revision`` grows with each stored change.
    ``status_changes`` are the times of the latest raises and clears (RFC 8632 status-change), oldest first. ``rule`` raised it last: a
    rule of traps, or what a poll found.

    A clear that came before its raise is kept as a cleared alarm with ``occurrences`` 0. A stateless notification is cleared as it comes.
    """

    id: str
    resource: ResourceId
    alarm_type: str
    qualifier: str
    domain: str
    device: str
    severity: Severity
    text: str
    is_cleared: bool
    created_at: int
    last_raised_at: int
    last_changed_at: int
    cleared_at: int = 0
    occurrences: int = 1
    flaps: int = 0
    condition: Condition = Condition.NONE
    event_type: str = ""
    probable_cause: str = ""
    raised_by: EventSource = EventSource.TRAP
    cleared_by: EventSource | None = None
    confirmed_at: int = 0
    operator_state: OperatorState = OperatorState.NONE
    shelved_reason: str = ""
    events: tuple[str, ...] = ()
    last_event_at: int = 0
    last_sequence: tuple[str, int] = ("", -1)
    revision: int = 1
    status_changes: tuple[int, ...] = ()
    rule: str = ""

    @property
    def key(self) -> AlarmKey:
        """The alarm's identity."""
        return AlarmKey(self.resource, self.alarm_type, self.qualifier)


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One entry of an alarm's history: its state after ``event``, what changed and why. ``at`` is UTC nanoseconds."""

    alarm: Alarm
    change: Change
    reason: Reason
    event: str
    at: int
