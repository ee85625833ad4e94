"""Which resource an alarm bears witness to: evidence of failure, as the search for causes takes it."""

from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition, EventSource
from pipeline.core.reconcile import LIGHT_LOST
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id


def witness(alarm: Alarm) -> ResourceId | None:
    """The resource that an alarm says is not well: its own, or for lost light the interface; ``None`` if it is no evidence of failure.

    A device that tells by trap of something down, but not of what (an RFC 1157 linkDown without variables), is not itself down.
    """
    if alarm.condition is Condition.DOWN and alarm.raised_by is EventSource.TRAP and alarm.resource == f"device/{alarm.device}":
        return None
    if alarm.condition is not Condition.NONE:
        return alarm.resource
    if alarm.alarm_type == LIGHT_LOST and kind_of(alarm.resource) is ResourceKind.PORT:
        return resource_id(ResourceKind.INTERFACE, name_of(alarm.resource))
    return None
