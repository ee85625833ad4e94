"""What each revision of an incident changed, in words: the history that people read of how its cause was found and what came of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.core.outage import ServiceState
from pipeline.core.points import counted, listed
from pipeline.core.wording import state_text

Json = dict[str, Any]

NOTABLE = 0.05
"""A probability that moves by less is no news."""
SHOWN = 4
"""Services that are named of those that fare otherwise."""
_VERSION = 12


def history(revisions: Sequence[Json]) -> list[Json]:
    """An incident's revisions, oldest first.

    Each has ``revision, at`` (when it was published, UTC nanoseconds), ``root_cause, probability, severity, state, reason,
    topology_version`` and ``changed``, the sentences that tell it from the one before.
    """
    kept = ("revision", "root_cause", "probability", "severity", "state", "reason", "topology_version")
    found = []
    for place, revision in enumerate(revisions):
        before = revisions[place - 1] if place else None
        told = list(_changed(before, revision)) if before else list(_opened(revision))
        found.append({"at": revision["recorded_at"], **{name: revision[name] for name in kept}, "changed": told})
    return found


def _opened(first: Json) -> Iterator[str]:
    kept = f"the history begins with revision {first['revision']}; " if first["revision"] > 1 else "opened: "
    yield f"{kept}{first['reason'].removesuffix('.')}"
    yield f"{counted(len(first['alarms']), 'alarm')}, {first['severity']}, probability {first['probability']:.0%}"
    yield from _services({}, _fares(first))


def _changed(before: Json, after: Json) -> Iterator[str]:
    if after["root_cause"] != before["root_cause"]:
        yield f"the cause is now {after['root_cause']}, probability {after['probability']:.0%} (it was {before['root_cause']})"
    elif abs(after["probability"] - before["probability"]) >= NOTABLE:
        yield f"probability {before['probability']:.0%} → {after['probability']:.0%}"
    yield from _evidence(before, after)
    yield from _services(_fares(before), _fares(after))
    if after["severity"] != before["severity"]:
        yield f"severity {before['severity']} → {after['severity']}"
    yield from _state(before, after)
    yield from _people(before, after)
    if after["topology_version"] != before["topology_version"]:
        yield f"judged by topology {after['topology_version'][:_VERSION]} (before, {before['topology_version'][:_VERSION]})"


def _evidence(before: Json, after: Json) -> Iterator[str]:
    came, went = set(after["alarms"]) - set(before["alarms"]), set(before["alarms"]) - set(after["alarms"])
    if came:
        yield f"{counted(len(came), 'more alarm')}"
    if went:
        yield f"{counted(len(went), 'alarm')} left it"
    if after["confirmed_by"] and not before["confirmed_by"]:
        yield "confirmed by a poll or an authenticated trap"


def _state(before: Json, after: Json) -> Iterator[str]:
    if after["state"] != before["state"]:
        yield "resolved" if after["state"] == "resolved" else "open again"
        if after["state"] == "resolved" and after["reason"] != before["reason"]:
            yield after["reason"]
    if after["planned"] != before["planned"]:
        yield f"planned work {after['planned']}" if after["planned"] else f"planned work {before['planned']} is over"
    if after["flapping"] and not before["flapping"]:
        yield "it is flapping"


def _people(before: Json, after: Json) -> Iterator[str]:
    if after["acknowledged_by"] != before["acknowledged_by"]:
        who = after["acknowledged_by"]
        yield f"acknowledged by {who}" if who else f"no longer acknowledged by {before['acknowledged_by']}"
    for comment in after["comments"]:
        if comment not in before["comments"]:
            yield f"{comment['operator']} says: {comment['text']}"
    if after["escalation"] > before["escalation"]:
        yield f"told further ({after['escalation']}), since nobody has acknowledged it"
    if after["shelved"] != before["shelved"]:
        yield f"shelved: {after['shelved']}" if after["shelved"] else "not shelved any more"


def _fares(revision: Json) -> dict[str, str]:
    return {impact["service"]: state_text(ServiceState(impact["state"]), impact["share"]) for impact in revision["impacts"]}


def _services(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """Services by how they fare now; those that are well again last."""
    moved: dict[str, list[str]] = {}
    for service, state in after.items():
        if before.get(service) != state:
            moved.setdefault(state, []).append(service)
    well = [service for service in before if service not in after]
    if well:
        moved["not affected any more"] = well
    for state, services in moved.items():
        yield f"{listed(services[:SHOWN], len(services) - SHOWN)}: {state}"
