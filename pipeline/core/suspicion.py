"""An alarm that only a trap speaks for -> a question to its device, which a poll answers: is it so?"""

from dataclasses import dataclass

from pipeline.core.alarm import AlarmChange, Change
from pipeline.core.event import EventSource
from pipeline.core.reason import Reason
from pipeline.core.reconcile import RESTARTS, can_tell
from pipeline.core.resource import ResourceId


@dataclass(frozen=True, slots=True)
class Question:
    """A device to be asked at once, and why. ``asked_at`` is when the trap came whose claim is asked back (UTC nanoseconds)."""

    device: str
    asked_at: int
    resource: ResourceId
    reason: Reason


_WHY: dict[Change, Reason] = {
    Change.RAISED: Reason.RAISED_BY_TRAP,
    Change.RAISED_AGAIN: Reason.RAISED_BY_TRAP,
    Change.CLEARED: Reason.CLEARED_BY_TRAP,
}
"""Changes that are asked back. A repeat adds nothing to be doubted, and a confirmation ends the doubt."""


def suspect(change: AlarmChange) -> Question | None:
    """What an alarm's change gives reason to ask; ``None`` when no poll can tell, or a poll has told, or an authenticated trap.

    A restart is asked back each time: traps of the minutes in which a device began anew are easily lost.
    """
    alarm = change.alarm
    if not can_tell(alarm):
        return None
    if alarm.alarm_type in RESTARTS:
        return Question(alarm.device, change.at, alarm.resource, Reason.RESTARTED) if change.reason is Reason.STATELESS else None
    reason = _WHY.get(change.change)
    if reason is None:
        return None
    said_by = alarm.cleared_by if alarm.is_cleared else alarm.raised_by
    is_proved = bool(alarm.confirmed_at) and not alarm.is_cleared
    return Question(alarm.device, change.at, alarm.resource, reason) if said_by is EventSource.TRAP and not is_proved else None
