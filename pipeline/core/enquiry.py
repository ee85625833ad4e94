"""A cause that is not sure -> questions to the devices whose answers would tell it from its rivals."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pipeline.core.correlation import Hypothesis
from pipeline.core.event import StateReport
from pipeline.core.reason import Reason
from pipeline.core.reconcile import MARGIN_NS
from pipeline.core.resource import ResourceId, ResourceKind, device_of
from pipeline.core.suspicion import Question
from pipeline.core.topology import Closure, Topology

SURE = 0.9
"""A cause at least as probable as this among its rivals is not asked about."""

MOST_QUESTIONS = 3
TOLD_BY_POLLS = frozenset({ResourceKind.INTERFACE, ResourceKind.REACHABILITY})


def settling(topology: Topology, hypothesis: Hypothesis, reports: Mapping[str, StateReport], since: int, at: int) -> tuple[Question, ...]:
    """The few devices whose polls would settle which of the causes it is, those that tell most rivals apart first.

    A poll tells two causes apart if one takes down something of the device that the other leaves up, and no alarm has told of it. A device
    that answered since the trouble began (``since``, UTC nanoseconds) has said what it can. ``at`` is when it is asked.
    """
    if hypothesis.is_grouping or hypothesis.probability >= SURE:
        return ()
    told = {*hypothesis.explained}
    expected = _pollable(topology, hypothesis.root)
    splits: Counter[str] = Counter()
    about: dict[str, ResourceId] = {}
    for rival in hypothesis.alternatives:
        differing = sorted((expected ^ _pollable(topology, rival.root)) - told)
        for device in _devices(differing, about):
            splits[device] += 1
    waiting = (
        device for device, _ in sorted(splits.items(), key=lambda item: (-item[1], item[0])) if not _has_told(reports, device, since)
    )
    chosen = [device for device, _ in zip(waiting, range(MOST_QUESTIONS), strict=False)]
    return tuple(Question(device, at, about[device], Reason.DOUBTED_CAUSE) for device in chosen)


def _pollable(topology: Topology, root: ResourceId) -> set[ResourceId]:
    """What a cause takes down that a poll can tell of."""
    node = topology.node(root)
    if node is None:
        return set()
    return {topology.names[each] for each in Closure(topology).add((node,)) if topology.kinds[each] in TOLD_BY_POLLS}


def _devices(resources: Iterable[ResourceId], about: dict[str, ResourceId]) -> Iterator[str]:
    """The devices of the resources, each once; ``about`` learns the first resource that each would tell of."""
    seen: set[str] = set()
    for resource in resources:
        device = device_of(resource)
        if device is not None and device not in seen:
            seen.add(device)
            about.setdefault(device, resource)
            yield device


def _has_told(reports: Mapping[str, StateReport], device: str, since: int) -> bool:
    report = reports.get(device)
    return report is not None and report.polled_at > since + MARGIN_NS
