"""One poll -> what it saw of the states of a device's interfaces: evidence that confirms alarms and settles lost traps."""

from pipeline.core.directory import Directory
from pipeline.core.event import StateReport
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.resource import ResourceId, ResourceKind, resource_id

ADMIN_UP = 1
UP = 1
DOWN = frozenset({2, 6, 7})
"""ifOperStatus down, notPresent and lowerLayerDown (RFC 2863). Testing, unknown and dormant are neither up nor down."""


def state_report(poll: RawPoll, directory: Directory) -> StateReport:
    """What a poll proves. Interfaces that are not declared, or administratively down or of unknown state, are in neither list.

    A device is unreachable when it did not answer (the collector has asked again before it says so). A malformed answer proves that the
    device is there, and nothing of its interfaces.
    """
    seen = list(_operating(poll, directory)) if poll.outcome is PollOutcome.ANSWERED else []
    return StateReport(
        device=poll.device,
        polled_at=poll.polled_at,
        collector=poll.collector,
        sequence=poll.sequence,
        reachable=poll.outcome is not PollOutcome.TIMEOUT,
        domain=directory.domain_of(poll.device),
        up=tuple(resource for resource, state in seen if state == UP),
        down=tuple(resource for resource, state in seen if state in DOWN),
    )


def _operating(poll: RawPoll, directory: Directory) -> list[tuple[ResourceId, int | None]]:
    """The declared interfaces that are administratively up, each with its ifOperStatus."""
    missing = (None,) * len(poll.indexes)
    admin, oper = poll.columns.get("admin_status", missing), poll.columns.get("oper_status", missing)
    rows = zip(poll.indexes, admin, oper, strict=True)
    known = ((directory.interface_by_index.get((poll.device, index)), state, wanted) for index, wanted, state in rows)
    return [
        (resource_id(ResourceKind.INTERFACE, f"{poll.device}/{port.name}"), state)
        for port, state, wanted in known
        if port is not None and wanted == ADMIN_UP
    ]
