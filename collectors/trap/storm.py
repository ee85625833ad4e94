"""A storm as an event about ourselves: raised on the device that storms, on the collector when all together do; cleared when it is over."""

from collectors.trap.guard import Scope, Storm
from pipeline.config.settings import GuardSettings
from pipeline.core.directory import DEFAULT_DOMAIN, canonical
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.core.knowledge import Knowledge
from pipeline.core.resource import ResourceKind, resource_id

ALARM_TYPE = "storm"
"""Its entry in ``rules/alarms``; without that it is a warning."""


def event_of(storm: Storm, collector: str, settings: GuardSettings, known: Knowledge | None) -> Event:
    """The event of a storm that began or ended. Its evidence in the journal is the notification at which that was noticed."""
    kind = known.rules.alarm_types.get(ALARM_TYPE) if known else None
    device = known.directory.device_at(storm.source) if known else None
    name = device.name if device else canonical(storm.source)
    if storm.scope is Scope.OVERALL:
        resource, name, limit = resource_id(ResourceKind.SYSTEM, collector), collector, settings.overall_per_s
    else:
        resource, limit = resource_id(ResourceKind.DEVICE if device else ResourceKind.UNKNOWN, name), settings.source_per_s
    return Event(
        id=f"{collector}:{storm.sequence}:storm/{storm.source or Scope.OVERALL}/{'raise' if storm.began else 'clear'}",
        occurred_at=storm.at,
        resource=resource,
        alarm_type=ALARM_TYPE,
        signal=Signal.RAISE if storm.began else Signal.CLEAR,
        severity=kind.severity if kind else Severity.WARNING,
        text=_text(storm, name, limit),
        source=EventSource.SYSTEM,
        device=name,
        collector=collector,
        sequence=storm.sequence,
        domain=device.domain if device else DEFAULT_DOMAIN,
        rule="storm-guard",
    )


def _text(storm: Storm, name: str, limit: float) -> str:
    who = "All sources together send" if storm.scope is Scope.OVERALL else f"{name} sends"
    if not storm.began:
        return f"{who} notifications at an ordinary rate again"
    return f"{who} more than {limit:g} notifications/s: of each object only the last state is passed on"
