"""What is hidden or held by policy, with its reason and end: maintenance windows and flapping."""

from collections.abc import Iterable

from pipeline.core.alarm import Alarm
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.lifecycle import STATUS_CHANGES_KEPT
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id
from pipeline.core.topology import Topology

NANOSECONDS = 1_000_000_000


def covering(windows: Iterable[MaintenanceWindow], topology: Topology, resource: ResourceId, at: int) -> MaintenanceWindow | None:
    """The window that covers a resource at a time (UTC nanoseconds): one that names it, or something that it depends on.

    Work on a link is work on both its interfaces and ports, so their alarms are covered too; its fibres are not, for they may carry others.
    The window's end is not part of it.
    """
    for window in windows:
        if window.starts_at <= at < window.ends_at and covers(window, topology, resource):
            return window
    return None


def covers(window: MaintenanceWindow, topology: Topology, resource: ResourceId) -> bool:
    """Whether a window's resources include a resource or anything upstream of it, whatever the time."""
    named = {ResourceId(name) for name in window.resources}
    for name in tuple(named):
        named.update(_parts(topology, name))
    if resource in named:
        return True
    node = topology.node(resource)
    return node is not None and not named.isdisjoint(topology.names[upstream] for upstream in topology.ancestors(node))


def of_service(windows: Iterable[MaintenanceWindow], service: str, at: int) -> MaintenanceWindow | None:
    """The window that names a service itself and is open at a time (UTC nanoseconds): its customer has agreed to do without it then."""
    name = resource_id(ResourceKind.SERVICE, service)
    return next((window for window in windows if name in window.resources and window.starts_at <= at < window.ends_at), None)


def _parts(topology: Topology, resource: ResourceId) -> tuple[ResourceId, ...]:
    link = topology.link(name_of(resource)) if kind_of(resource) is ResourceKind.LINK else None
    if link is None:
        return ()
    return tuple(resource_id(kind, end) for end in (link.a, link.b) for kind in (ResourceKind.INTERFACE, ResourceKind.PORT))


def is_flapping(alarm: Alarm, at: int, changes: int, window_s: float) -> bool:
    """Whether an alarm was raised or cleared at least ``changes`` times within ``window_s`` before ``at`` (UTC nanoseconds).

    An alarm keeps its latest sixteen changes, so a larger ``changes`` counts as sixteen.
    """
    since, told, least = at - int(window_s * NANOSECONDS), alarm.status_changes, min(changes, STATUS_CHANGES_KEPT)
    return len(told) >= least and told[-least] > since  # they are in order of time
