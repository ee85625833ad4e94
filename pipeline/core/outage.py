"""An outage: an interval in which a service was down or degraded (ITU-T E.800)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID, uuid5

OUTAGE_NAMESPACE = UUID("0d2c8a44-8a0e-5f0b-8f64-6f0b3f5d9a02")


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
    ``redundancy-lost``. ``ticketed_at``, ``acknowledged_at`` and ``closed_at`` are when its incident got a ticket, somebody took charge of
    it, and it was resolved; 0 while that has not been.
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
    ticketed_at: int = 0
    acknowledged_at: int = 0
    closed_at: int = 0


@dataclass(frozen=True, slots=True)
class Felt:
    """What one service feels of one incident for one stretch of time; ``until_at`` is 0 while it lasts."""

    service: str
    customer: str
    contract: str
    state: ServiceState
    since_at: int
    until_at: int = 0
    confirmed_by: str = ""
    excluded: str = ""


def episode(intervals: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The latest unbroken stretch of overlapping intervals ``(start, end)``, an end of 0 meaning that it lasts.

    >>> episode([(10, 20), (15, 30), (40, 0)])
    (40, 0)
    """
    newest_first = sorted(intervals, reverse=True)
    since, until = newest_first[0]
    lasts = until == 0
    for start, end in newest_first[1:]:
        if end and end < since:
            continue
        since, until, lasts = start, max(until, end), lasts or end == 0
    return since, 0 if lasts else until


def split_at_window(felt: Felt, window: str, ends_at: int) -> tuple[Felt, ...]:
    """A stretch that began inside a maintenance window: what lies in it is excluded, what overruns its end is not."""
    if felt.until_at and felt.until_at <= ends_at:
        return (replace(felt, excluded=window),)
    return (replace(felt, until_at=ends_at, excluded=window), replace(felt, since_at=ends_at))


def derive(before: Sequence[Outage], felt: Iterable[Felt], incident: str, root_cause: str, at: int, *, revised: bool) -> tuple[Outage, ...]:
    """The outages of one incident after what its services feel now; those that differ from ``before`` carry a higher revision.

    ``at`` (UTC nanoseconds) is when a change of state that no alarm of this incident tells of took effect. ``revised`` says that the
    incident's cause is now held to be another: what no longer follows from it is withdrawn (ended as it started), not ended.
    """
    after: dict[str, Outage] = {}
    by_service: dict[str, dict[str, Outage]] = {}
    for outage in before:
        after[outage.id] = by_service.setdefault(outage.service, {})[outage.id] = outage
    kept = set()
    for one in felt:
        own = by_service.setdefault(one.service, {})
        known = _matching(own.values(), one)
        if known is None:
            known = _opened(own.values(), one, incident, root_cause, at, revised=revised)
        kept.add(known.id)
        after[known.id] = own[known.id] = _updated(known, one, root_cause, own.values())
    for outage in before:
        if not outage.ended_at and outage.id not in kept:
            after[outage.id] = replace(outage, ended_at=outage.started_at if revised else max(at, outage.started_at))
    known_before = {outage.id: outage for outage in before}
    return tuple(_numbered(outage, known_before.get(outage.id)) for outage in after.values())


def answered(outage: Outage, told: Outage | None, ticketed_at: int, acknowledged_at: int, closed_at: int) -> Outage:
    """The outage with when its incident got a ticket, was first acknowledged, and was resolved; a higher revision if that is news.

    ``told`` is the outage as it was told last. The first acknowledgement stays, whoever takes over later.
    """
    first = outage.acknowledged_at or acknowledged_at
    if (outage.ticketed_at, outage.acknowledged_at, outage.closed_at) == (ticketed_at, first, closed_at):
        return outage
    stamped = replace(outage, ticketed_at=ticketed_at, acknowledged_at=first, closed_at=closed_at)
    return replace(stamped, revision=outage.revision + 1) if outage == told else stamped


def _matching(outages: Collection[Outage], felt: Felt) -> Outage | None:
    """The outage that goes on in what is felt: an open one, or the last, unless the service was in another state since."""
    for outage in outages:
        same = (outage.service, outage.state, outage.excluded) == (felt.service, felt.state, felt.excluded)
        if same and (not outage.ended_at or (_touches(outage, felt) and not any(_follows(other, outage) for other in outages))):
            return outage
    return None


def _touches(ended: Outage, felt: Felt) -> bool:
    return felt.since_at <= ended.ended_at and (not felt.until_at or ended.started_at <= felt.until_at)


def _follows(later: Outage, ended: Outage) -> bool:
    same_part = (later.service, later.excluded) == (ended.service, ended.excluded)
    return same_part and later.state is not ended.state and later.started_at >= ended.ended_at and later.ended_at != later.started_at


def _opened(outages: Iterable[Outage], felt: Felt, incident: str, root_cause: str, at: int, *, revised: bool) -> Outage:
    since = felt.since_at
    changes_state = any(
        outage.service == felt.service and outage.state is not felt.state and outage.ended_at != outage.started_at for outage in outages
    )
    if changes_state and not revised:
        since = max(since, at)
    name = "|".join((incident, felt.service, felt.state, felt.excluded, str(since)))
    return Outage(
        id=str(uuid5(OUTAGE_NAMESPACE, name)),
        service=felt.service,
        customer=felt.customer,
        contract=felt.contract,
        state=felt.state,
        incident=incident,
        root_cause=root_cause,
        started_at=since,
        excluded=felt.excluded,
    )


def _updated(outage: Outage, felt: Felt, root_cause: str, all_of_incident: Iterable[Outage]) -> Outage:
    others = (other for other in all_of_incident if other.service == outage.service and other.id != outage.id)
    is_free = all(other.ended_at and other.ended_at <= felt.since_at for other in others)
    started_at = min(outage.started_at, felt.since_at) if is_free else outage.started_at
    ended_at = max(felt.until_at, outage.started_at) if felt.until_at else 0
    confirmed_by = outage.confirmed_by or felt.confirmed_by
    if (outage.root_cause, outage.started_at, outage.ended_at, outage.confirmed_by) == (root_cause, started_at, ended_at, confirmed_by):
        return outage  # in a storm an incident is looked at often, and few of its services fare otherwise than before
    return replace(outage, root_cause=root_cause, started_at=started_at, ended_at=ended_at, confirmed_by=confirmed_by)


def _numbered(outage: Outage, before: Outage | None) -> Outage:
    if before is None or outage is before or replace(outage, revision=before.revision) == before:
        return outage
    return replace(outage, revision=before.revision + 1)
