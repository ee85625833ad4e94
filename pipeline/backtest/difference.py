"""Two accounts of one stretch held side by side: incidents matched, and what about each is other; outages and money likewise."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.backtest.past import CUSTOMERS, REMEDIES, Owed, Past
from pipeline.core.incident import Incident
from pipeline.core.money import money_text
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.routing import Occasion

Told = Counter[tuple[str, str]]
"""Who was told what, how often: ``("ticket", "opened")``, ``("on-call", "resolved")``."""


NONE = "-"
"""What stands for a service that does not feel it, or for somebody who was told nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is other: ``before`` and ``after`` in words for people."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An incident before and after; one of both is ``None`` when there was none. ``changes`` is empty when nothing is other."""

    before: Incident | None
    after: Incident | None
    changes: tuple[Change, ...] = ()

    @property
    def started_at(self) -> int:
        """When the earlier of both began."""
        return min(each.started_at for each in (self.before, self.after) if each is not None)

    @property
    def one(self) -> Incident:
        """The incident, as of after if it is there."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Money:
    """What a service's month came to before and after; ``None`` where it has no terms."""

    before: Owed | None
    after: Owed | None

    @property
    def differs(self) -> bool:
        """Whether another amount is owed."""
        return _amount(self.before) != _amount(self.after)


def _amount(owed: Owed | None) -> tuple[int, str]:
    return (owed.amount_minor, owed.currency if owed.amount_minor else "") if owed is not None else (0, "")


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something there were before and after."""

    what: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything, also what is the same. Incidents are in order of time.

    Those that others absorbed are left out, unless somebody was told of them.
    """

    counts: tuple[Count, ...]
    pairs: tuple[Pair, ...]
    outages_before: tuple[Outage, ...]
    outages_after: tuple[Outage, ...]
    money: tuple[Money, ...]

    @property
    def changed(self) -> tuple[Pair, ...]:
        """Incidents that are other, on one side only included."""
        return tuple(pair for pair in self.pairs if pair.changes or pair.before is None or pair.after is None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is other that anybody would notice, alarms and events of no rule included."""
        apart = any(each.before != each.after for each in self.counts)
        return not (self.changed or self.outages_before or self.outages_after or apart or any(each.differs for each in self.money))


def difference(before: Past, after: Past, *, is_lean: bool = False) -> Difference:
    """Hold two accounts of one stretch side by side. Deterministic: the order of what is given does not matter.

    ``is_lean`` says that alarms which no incident comes of were left out.
    """
    return Difference(
        counts=tuple(_counts(before, after, is_lean=is_lean)),
        pairs=tuple(_pair(one, other, before, after) for one, other in matched(_shown(before), _shown(after))),
        outages_before=_only(before.outages.values(), after.outages.values()),
        outages_after=_only(after.outages.values(), before.outages.values()),
        money=tuple(Money(before.owed.get(key), after.owed.get(key)) for key in sorted(before.owed.keys() | after.owed.keys())),
    )


def matched(before: Iterable[Incident], after: Iterable[Incident]) -> list[tuple[Incident | None, Incident | None]]:
    """Which incident is which: of one id; then of one root at one time; then those that share most alarms. In order of time."""
    olds, news = {one.id: one for one in before}, {one.id: one for one in after}
    pairs: list[tuple[Incident | None, Incident | None]] = [(olds.pop(name), news.pop(name)) for name in sorted(olds.keys() & news.keys())]
    for _, old, new in sorted(_likenesses(olds.values(), news.values())):
        if old in olds and new in news:
            pairs.append((olds.pop(old), news.pop(new)))
    pairs += [(one, None) for one in olds.values()] + [(None, one) for one in news.values()]
    return sorted(pairs, key=lambda pair: [(one.started_at, one.id) for one in pair if one is not None])


def _likenesses(olds: Iterable[Incident], news: Iterable[Incident]) -> Iterator[tuple[tuple[bool, int, int], str, str]]:
    news = list(news)
    for old in olds:
        alarms = frozenset(old.alarms)
        for new in news:
            shared = len(alarms.intersection(new.alarms))
            same_root = old.root_cause == new.root_cause
            if (shared or same_root) and _overlap(old, new):
                yield (not same_root, -shared, abs(old.started_at - new.started_at)), old.id, new.id


def _overlap(one: Incident, other: Incident) -> bool:
    return (not one.resolved_at or one.resolved_at >= other.started_at) and (not other.resolved_at or other.resolved_at >= one.started_at)


def _shown(past: Past) -> list[Incident]:
    told = {act.subject for act in past.acts.values()}
    return [one for one in past.incidents.values() if not one.is_absorbed or one.id in told]


def _pair(old: Incident | None, new: Incident | None, before: Past, after: Past) -> Pair:
    if old is None or new is None:
        return Pair(old, new)
    sides = ((old, before.acts_of(old.id)), (new, after.acts_of(new.id)))
    facts, others = (_facts(incident, told) for incident, told in sides)
    names = dict.fromkeys((*facts, *others))
    found = (Change(name, facts.get(name, NONE), others.get(name, NONE)) for name in names)
    return Pair(old, new, tuple(change for change in found if change.before != change.after))


def _facts(incident: Incident, told: Told) -> dict[str, str]:
    """What people notice of an incident, in words; what is told on is by whom and how often."""
    return {
        "root": str(incident.root_cause),
        "severity": incident.severity.name.lower(),
        "state": "absorbed by another" if incident.is_absorbed else incident.state.value,
        "planned": incident.planned or "no",
        "flapping": "yes" if incident.flapping else "no",
        "confirmed": "yes" if incident.confirmed_by else "no",
        "acknowledged by": incident.acknowledged_by or "nobody",
        "shelved": incident.shelved or "no",
        **{f"service {one.service}": one.state.value for one in sorted(incident.impacts, key=lambda one: one.service)},
        **told_words(told),
    }


def told_words(told: Told) -> dict[str, str]:
    """By whom -> what, in words: ``{"ticket": "opened, updated 2 times", "pages on-call": "opened"}``."""
    by_whom: dict[str, list[str]] = defaultdict(list)
    for (who, what), count in sorted(told.items(), key=lambda each: _in_order(each[0])):
        by_whom[who].append(f"{what} {count} times" if count > 1 else what)
    return {_OTHERS.get(who, f"pages {who}"): ", ".join(words) for who, words in sorted(by_whom.items())}


def _counts(before: Past, after: Past, *, is_lean: bool) -> Iterator[Count]:
    both = (before, after)
    names = {"unknown": "events of no rule", "evidence": "alarms raised", "apart": "alarms raised, warnings"}
    for name, words in names.items():
        if not (is_lean and name == "apart"):
            yield Count(words, *(past.counts[name] for past in both))
    yield Count("incidents", *(len(past.own) for past in both))
    told = [Counter((act.who, act.what) for act in past.acts.values()) for past in both]
    for who, what in sorted(told[0].keys() | told[1].keys(), key=_in_order):
        words = f"{_OTHERS[who]}s {what}" if who == "ticket" else f"{_OTHERS.get(who, f'pages {who}')}: {what}"
        yield Count(words, told[0][who, what], told[1][who, what])
    yield Count("outages", *(sum(one.state is not ServiceState.REDUNDANCY_LOST for one in past.outages.values()) for past in both))


_OTHERS = {"ticket": "ticket", CUSTOMERS: "messages to customers", REMEDIES: "remedies"}
"""What is told to others than receivers of pages."""
_OCCASIONS = tuple(Occasion)


def _in_order(told: tuple[str, str]) -> tuple[str, int, str]:
    """By receiver, tickets first, and as things happen: opened, updated, resolved."""
    who, what = told
    return "" if who == "ticket" else who, _OCCASIONS.index(Occasion(what)) if what in _OCCASIONS else len(_OCCASIONS), what


Fact = tuple[str, str, int, int, str, bool, str]


def _fact(outage: Outage) -> Fact:
    """What counts of an outage: whoever caused it."""
    return (
        *(outage.service, outage.state.value, outage.started_at, outage.ended_at, outage.excluded),
        *(bool(outage.confirmed_by), outage.contract),
    )


def _only(outages: Iterable[Outage], others: Iterable[Outage]) -> tuple[Outage, ...]:
    """Outages that have no counterpart among the others, in order of time."""
    there = Counter(map(_fact, others))
    found = []
    for outage in sorted(outages, key=lambda one: (one.started_at, one.service, one.state.value, one.id)):
        if there[_fact(outage)]:
            there[_fact(outage)] -= 1
        else:
            found.append(outage)
    return tuple(found)


def amount_words(owed: Owed | None) -> str:
    """An amount for people."""
    return money_text(owed.amount_minor, owed.currency) if owed is not None else "no terms"
