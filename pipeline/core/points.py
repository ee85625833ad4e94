"""An explanation in words: one sentence for each point, each under a label; every medium lays out these and says nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.core.explanation import Attached, Explanation, Rival, Settling, Some
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of

LEAST_SHOWN = 0.005
"""A rival below half a percent would be printed as 0 %."""


class Point(NamedTuple):
    """One thing that is told: ``label`` is a word or two, ``text`` whole sentences that make sense without it."""

    label: str
    text: str


def points(told: Explanation) -> tuple[Point, ...]:
    """What speaks for the cause, what against, what else it could be, how to find out, and by which rules it was judged."""
    return tuple(_points(told)) if told.root else ()


def called(resource: ResourceId) -> str:
    """A resource within a sentence: ``port/pe1/ge-0/0/1`` is "port ge-0/0/1 of pe1"."""
    kind, name = kind_of(resource), name_of(resource)
    if kind is ResourceKind.UNKNOWN:
        return f"unknown {name}" if resource.startswith("unknown/") else str(resource)
    device, _, part = name.partition("/")
    if part:
        return f"{kind.value} {part} of {device}"
    if kind in (ResourceKind.UPLINKS, ResourceKind.REACHABILITY, ResourceKind.SUPPLY):
        return f"{kind.value} of {name}"
    return f"{'LSP' if kind is ResourceKind.LSP else kind.value} {name}"


def listed(words: Iterable[str], more: int = 0) -> str:
    """``a, b and c``; with ``more``, ``a, b and 3 more``."""
    *first, last = (*words, *([f"{more} more"] if more > 0 else [])) or ("nothing",)
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, noun: str) -> str:
    """``1 alarm``, ``2 alarms``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _points(told: Explanation) -> Iterator[Point]:
    yield Point("explains", _explains(told))
    if told.missing.total:
        yield Point("missing", f"Expected but missing: alarms of {_some(told.missing)}.")
    if told.excused:
        yield Point("excused", _excused(told))
    for attached in told.attached:
        yield Point("attached", _attached(attached))
    if told.against.total:
        verb = "is" if told.against.total == 1 else "are"
        yield Point("against", f"Against it: {_some(told.against)} {verb} known to be up, though it would take that down.")
    for doubt in told.doubted:
        yield Point("doubtful", f"The topology may be wrong: evidence speaks against {called(doubt.child)} needing {called(doubt.parent)}.")
    for record in told.supposed:
        needing = f"{called(record.child)} needing {called(record.parent)}"
        yield Point("supposed", f"The topology may lack a record: what failed in the same seconds speaks for {needing}.")
    yield from _probability(told)
    yield Point("confirmed", _confirmed(told))
    if told.rules:
        yield Point("rules", f"Raised by {'rule' if len(told.rules) == 1 else 'rules'} {listed(told.rules)}.")
    rules = f", rules {told.rules_version[:_VERSION]}" if told.rules_version else ""
    yield Point("judged by", f"Topology version {told.topology_version[:_VERSION] or 'none'}{rules}.")


_VERSION = 12
"""Characters of a version that a person compares."""


def _explains(told: Explanation) -> str:
    kinds = listed(f"{count} on {kind}" for kind, count in told.kinds)
    return f"It explains {counted(told.alarms, 'alarm')}: {kinds}."


def _excused(told: Explanation) -> str:
    who = told.cut_off
    if not who.total:
        return f"Silence is expected from {told.excused} more, because the devices that would tell are cut off by it."
    verb = "is" if who.total == 1 else "are"
    return f"Silence is expected from {told.excused} more: {_some(who)} {verb} cut off by it and cannot tell."


def _attached(attached: Attached) -> str:
    said = "; ".join(attached.first) + (f"; and {rest} more" if (rest := attached.alarms - len(attached.first)) > 0 else "")
    whose = "it has" if attached.alarms == 1 else "they have"
    return f"Told beside it: {said}. Laid to it by the correlation rule {attached.rule}; nothing proves that {whose} the same cause."


def _probability(told: Explanation) -> Iterator[Point]:
    shown = [rival for rival in told.rivals if rival.probability >= LEAST_SHOWN]
    if not told.weighed or not told.rivals:
        return
    unsure = " This is unsure." if told.unsure else ""
    yield Point("probability", f"Probability {told.probability:.0%}{'' if shown else ': nothing else comes near'}.{unsure}")
    for rival in shown:
        yield Point("instead", f"It could be {called(rival.root)}, {rival.probability:.0%}{_less_likely(told, rival)}.")
    if told.settling is not None:
        yield Point("to settle it", settles(told.settling))


def _less_likely(told: Explanation, rival: Rival) -> str:
    """Why the rival is less likely, from what was counted of it; empty when nothing was."""
    if not rival.explained:
        return ""
    mine = told.explained.total
    said = [f"it explains {'only ' if rival.explained < mine else ''}{rival.explained} of {mine}"] if rival.explained != mine else []
    if rival.missing > told.missing.total:
        said.append(f"{counted(rival.missing, 'alarm')} that it would cause {'is' if rival.missing == 1 else 'are'} missing")
    if rival.against > told.against.total:
        said.append(f"{rival.against} that it would take down {'is' if rival.against == 1 else 'are'} known to be up")
    return ": " + ("; ".join(said) or "it explains the same, but fails more rarely or would take more down")


def settles(settling: Settling) -> str:
    """What to do to be sure, and what follows from it."""
    up, down = called(settling.if_up), called(settling.if_down)
    if not settling.resource:
        return f"No poll tells {up} from {down}: have someone look at {up} first."
    if kind_of(settling.resource) is ResourceKind.REACHABILITY:
        return f"Poll {settling.device}: if it answers, the cause is {up}; if not, {down}."
    return f"Poll {settling.device}: if {called(settling.resource)} is up, the cause is {up}; if not, {down}."


def _confirmed(told: Explanation) -> str:
    if not told.confirmed:
        return "Not yet confirmed by a poll."
    return f"{told.confirmed} of them confirmed by a poll or an authenticated trap."


def _some(some: Some) -> str:
    return listed(map(str, some.first), some.total - len(some.first))


def texts(told: Sequence[Point]) -> tuple[str, ...]:
    """The sentences alone."""
    return tuple(point.text for point in told)
