"""Is anything lost? The sums of the design that must hold, judged from two looks at what the parts have counted.

``sent = dropped + received``; ``received = journaled + refused``; ``journaled = published + absorbed + quarantined + waiting``;
``published = unique rows in the store``; one ticket for each incident; one credit decision for each (contract, service, metric, period,
revision). Counters move while they are read, so what the first look saw arrive must be accounted for by the second.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from enum import StrEnum


class Verdict(StrEnum):
    """Whether what was looked at is as it must be; unknown when it could not be seen."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was seen, and what to do when it does not hold."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the trap collector counted since it started; ``refused`` by reason. ``drops_known`` is whether the kernel tells its drops."""

    received: int
    journaled: int
    refused: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0
    drops_known: bool = True

    @property
    def decided(self) -> int:
        """Datagrams whose end is known."""
        return self.journaled + sum(self.refused.values())


@dataclass(frozen=True, slots=True)
class Journaled:
    """What the trap collector's journal says of every datagram since it was begun.

    ``absorbed`` are those of which a newer state, or the same INFORM, was published.
    """

    journaled: int
    published: int
    quarantined: int
    waiting: int
    absorbed: int = 0

    @property
    def decided(self) -> int:
        """Datagrams that wait no longer."""
        return self.published + self.absorbed + self.quarantined


@dataclass(frozen=True, slots=True)
class Kept:
    """Unique notifications in the store, and how many were published so long ago that it keeps them no more."""

    stored: int
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that was seen at one moment, the later stages first; ``None`` for what did not answer."""

    kept: Kept | None = None
    journal: Journaled | None = None
    counted: Counted | None = None


def sums(first: Look, last: Look) -> tuple[Finding, ...]:
    """The sums in the order of a datagram's path: the first that is broken names the stage that loses."""
    return (_dropped(last.counted), _received(first.counted, last.counted), _journaled(first.journal, last.journal), _stored(first, last))


def sums_of_all(first: Mapping[str, Look], last: Mapping[str, Look]) -> tuple[Finding, ...]:
    """The sums over several collectors, by name. Each must hold for each of them: one that does not is told, with its collector."""
    of_each = {name: sums(first.get(name, Look()), look) for name, look in last.items()}
    if len(of_each) == 1:
        return next(iter(of_each.values()))
    of_all = sums(total(first.values()), total(last.values()))
    return tuple(_worst(whole, {name: found[place] for name, found in of_each.items()}) for place, whole in enumerate(of_all))


def _worst(whole: Finding, of_each: Mapping[str, Finding]) -> Finding:
    for verdict in (Verdict.BROKEN, Verdict.UNKNOWN):
        for name, finding in of_each.items():
            if finding.verdict is verdict:
                return replace(finding, detail=f"{name}: {finding.detail}")
    return replace(whole, verdict=Verdict.HOLDS)


def total(looks: Iterable[Look]) -> Look:
    """What several collectors have together; a term is ``None`` when one of them did not answer."""
    seen = tuple(looks)
    kept = [look.kept for look in seen if look.kept]
    journals = [look.journal for look in seen if look.journal]
    counted = [look.counted for look in seen if look.counted]
    return Look(
        Kept(*_added(kept)) if len(kept) == len(seen) else None,
        Journaled(*_added(journals)) if len(journals) == len(seen) else None,
        _counted_together(counted) if len(counted) == len(seen) else None,
    )


def _added(values: Sequence[Kept] | Sequence[Journaled]) -> list[int]:
    return [sum(terms) for terms in zip(*map(astuple, values), strict=True)]


def _counted_together(counted: Sequence[Counted]) -> Counted:
    refused: Counter[str] = Counter()
    for each in counted:
        refused.update(each.refused)
    return Counted(
        received=sum(each.received for each in counted),
        journaled=sum(each.journaled for each in counted),
        refused=dict(refused),
        dropped=sum(each.dropped for each in counted),
        drops_known=all(each.drops_known for each in counted),
    )


def _dropped(counted: Counted | None) -> Finding:
    name = "sent = dropped + received"
    if counted is None:
        return _unseen(name, "traps")
    if not counted.drops_known:
        return Finding(name, Verdict.UNKNOWN, f"{counted.received} received; this kernel does not tell how many it dropped")
    remedy = "raise net.core.rmem_max and traps.receive_buffer_bytes: datagrams were lost before they were read"
    verdict = Verdict.BROKEN if counted.dropped else Verdict.HOLDS
    return Finding(name, verdict, f"{counted.dropped} dropped by the kernel, {counted.received} received", remedy)


def _received(first: Counted | None, last: Counted | None) -> Finding:
    name = "received = journaled + refused"
    if first is None or last is None:
        return _unseen(name, "traps")
    holds = first.received <= last.decided <= last.received or last.received < first.received  # fewer: it was started again meanwhile
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(last.refused.items()) if count)
    detail = f"{last.received} = {last.journaled} + {sum(last.refused.values())}{f' ({reasons})' if reasons else ''}"
    under_way = last.received - last.decided
    remedy = "datagrams vanish in the trap collector: look into its log"
    return Finding(name, _verdict(holds=holds), detail + (f" + {under_way} under way" if holds and under_way > 0 else ""), remedy)


def _journaled(first: Journaled | None, last: Journaled | None) -> Finding:
    name = "journaled = published + absorbed + quarantined + waiting"
    if first is None or last is None:
        return Finding(name, Verdict.UNKNOWN, "there is no journal here", "run this where the trap collector runs")
    adds_up = last.journaled == last.decided + last.waiting
    moves = not last.waiting or last.decided > first.decided
    detail = f"{last.journaled} = {last.published} + {last.absorbed} + {last.quarantined} + {last.waiting}"
    remedy = "datagrams wait and none is published: does the broker answer? Nothing is lost: they are in the journal"
    if not adds_up:
        remedy = "the journal's numbers do not add up: look into the log of the trap collector"
    return Finding(name, _verdict(holds=adds_up and moves), detail, remedy)


def _stored(first: Look, last: Look) -> Finding:
    name = "published = unique in the store"
    if last.kept is None:
        return Finding(name, Verdict.UNKNOWN, "the history does not answer", "start it")
    if first.journal is None or last.journal is None:
        detail = f"{last.kept.stored} stored; there is no journal here"
        return Finding(name, Verdict.UNKNOWN, detail, "run this where the trap collector runs")
    published, accounted = first.journal.published, last.kept.stored + last.kept.expired
    holds = published <= accounted <= last.journal.journaled - last.journal.quarantined
    expired = f" and {last.kept.expired} past their time" if last.kept.expired else ""
    remedy = f"{published - accounted} rows are missing: does the sink run and catch up? See its lag, and its log"
    if accounted >= published:
        remedy = "the store has rows that this journal has not: was the journal made anew?"
    return Finding(name, _verdict(holds=holds), f"{published} published, {last.kept.stored} stored{expired}", remedy)


def polls_stored(by_collector: Mapping[str, tuple[int, int]]) -> Finding:
    """Whether every poll that was journaled is in the store: (journaled, stored) of a stretch of each poll collector's sequence."""
    journaled, stored = (sum(counts) for counts in zip(*by_collector.values(), strict=True)) if by_collector else (0, 0)
    worst = max(by_collector, key=lambda name: by_collector[name][0] - by_collector[name][1], default="")
    remedy = f"{journaled - stored} are missing, most of {worst}: does the sink run and catch up? See assure_polls_undecodable_total too"
    detail = f"{journaled} = {stored} in the last hour"
    return Finding("polls journaled = polls stored", _verdict(holds=journaled == stored), detail, remedy)


def once_each(tickets: Iterable[tuple[str, str]], decisions: Iterable[tuple[str, ...]], broken_chain: str) -> tuple[Finding, ...]:
    """One ticket for each incident in each ticket system; one ledger entry for each decision, and the ledger's chain unbroken."""
    return (
        _once("one ticket per incident", list(tickets), "incident"),
        _once("one credit per decision", list(decisions), "decision"),
        Finding(
            "every hash of the ledger holds",
            _verdict(holds=not broken_chain),
            broken_chain or "the chain is whole",
            "somebody changed the ledger by hand: restore it from a backup before anything is posted",
        ),
    )


def _once(name: str, keys: Sequence[tuple[str, ...]], noun: str) -> Finding:
    twice = [key for key, count in Counter(keys).items() if count > 1]
    detail = f"{len(keys)} for {len(set(keys))} {noun}s" + (f"; twice for {' '.join(twice[0])}" if twice else "")
    return Finding(name, _verdict(holds=not twice), detail, "tell the maintainers: the store's unique keys should make this impossible")


def watch(look: Callable[[], Mapping[str, Look]], pause: Callable[[], bool]) -> tuple[Finding, ...]:
    """Look at every collector twice, and again as long as a sum is broken and ``pause`` (which waits a little) answers true.

    What is under way arrives meanwhile.
    """
    first = look()
    while True:
        found = sums_of_all(first, look())
        if all(each.verdict is not Verdict.BROKEN for each in found) or not pause():
            return found


def first_broken(findings: Iterable[Finding]) -> Finding | None:
    """Where to begin: the first finding that does not hold."""
    return next((finding for finding in findings if finding.verdict is Verdict.BROKEN), None)


def _verdict(*, holds: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.BROKEN


def _unseen(name: str, part: str) -> Finding:
    return Finding(name, Verdict.UNKNOWN, f"{part} does not answer", f"start {part}")
