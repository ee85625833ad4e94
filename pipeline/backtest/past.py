"""What is true of one stretch of the past: its incidents, who was told of them, its outages, and what is owed.

The same shape for what the history holds and for what a replay makes, so that both can be held side by side.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.backtest.lean import is_evidence
from pipeline.core.alarm import Change
from pipeline.core.claim import ClaimRow
from pipeline.core.effect import EffectKind
from pipeline.core.exclusion import ExclusionRow
from pipeline.core.incident import Incident
from pipeline.core.outage import Outage
from pipeline.core.raw import RawPoll, RawTrap
from pipeline.core.settlement import PlannedWork, claim, exclude, plan
from pipeline.core.window import WindowRow
from pipeline.wire import Topic

CUSTOMERS, REMEDIES = "customers", "remedies"
TICKETS = (EffectKind.TICKET_OPEN, EffectKind.TICKET_UPDATE, EffectKind.TICKET_RESOLVE)
RAISES = (Change.RAISED, Change.RAISED_AGAIN)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``starts_at`` on and before ``ends_at``; UTC nanoseconds."""

    starts_at: int
    ends_at: int

    def has(self, at: int) -> bool:
        """Whether a moment lies in it."""
        return self.starts_at <= at < self.ends_at

    def meets(self, started_at: int, ended_at: int) -> bool:
        """Whether something that began and ended then (0: it lasts) has a part in it."""
        return started_at < self.ends_at and (not ended_at or ended_at > self.starts_at)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody was told: a ticket's step, a page, a customer's message, a remedy; ``what`` is the word for it."""

    key: str
    kind: EffectKind
    subject: str
    route: str
    what: str
    at: int

    @property
    def kind_word(self) -> str:
        """What it is: ``ticket``, ``page``, ``message``, ``remedy``."""
        return _KIND_WORDS.get(self.kind, self.kind.value)

    @property
    def who(self) -> str:
        """Who was told: ``ticket``, a route of pages, ``customers`` or ``remedies``."""
        return {"page": self.route, "message": CUSTOMERS, "remedy": REMEDIES}.get(self.kind_word, "ticket")


@dataclass(frozen=True, slots=True)
class Owed:
    """What a service's month comes to with the outages that are known: minor units; ``is_over`` says that the month is."""

    contract: str
    service: str
    customer: str
    period: str
    amount_minor: int
    currency: str
    counted_s: int
    is_over: bool


@dataclass
class Past:
    """Incidents, acts and outages of a stretch, by id, and what is owed, by (contract, service, period).

    ``earlier`` are outages of the warm-up, over before the stretch; ``planned`` is the work that people planned at run time.
    """

    stretch: Stretch
    incidents: dict[str, Incident] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    outages: dict[str, Outage] = field(default_factory=dict)
    owed: dict[tuple[str, str, str], Owed] = field(default_factory=dict)
    earlier: list[Outage] = field(default_factory=list)
    planned: PlannedWork = field(default_factory=PlannedWork)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, made: Mapping[Topic, Iterable[Any]]) -> None:
        """What an engine made next. Of the warm-up all is taken that may still matter; :meth:`close` leaves out the rest."""
        for incident in made.get(Topic.INCIDENTS, ()):
            self.incidents[incident.id] = incident
        for effect in made.get(Topic.EFFECTS, ()):  # none pays: what is owed is reckoned at the end
            if self.stretch.has(effect.decided_at):
                self.acts.setdefault(effect.key, act_of(effect.key, effect.kind, effect.subject, effect.route, effect.decided_at))
        for said in made.get(Topic.OUTAGES, ()):
            if isinstance(said, WindowRow):
                self.planned = plan(self.planned, said)
            elif isinstance(said, ExclusionRow):
                self.planned = exclude(self.planned, said)
            elif isinstance(said, ClaimRow):
                self.planned = claim(self.planned, said)
            elif said.id not in self.outages or self.outages[said.id].revision <= said.revision:
                self.outages[said.id] = said
        self._count(made)

    def hear(self, inputs: Iterable[object]) -> None:
        """Count what came."""
        for item in inputs:
            if isinstance(item, RawTrap):
                self.counts["notifications"] += self.stretch.has(item.received_at)
            elif isinstance(item, RawPoll):
                self.counts["polls"] += self.stretch.has(item.polled_at)

    def close(self) -> None:
        """Keep what has a part in the stretch; outages that were withdrawn, which end as they begin, have none."""
        meets = self.stretch.meets
        self.incidents = {name: one for name, one in self.incidents.items() if meets(one.started_at, one.resolved_at)}
        lasted = [one for one in self.outages.values() if one.ended_at != one.started_at]
        self.outages = {one.id: one for one in lasted if meets(one.started_at, one.ended_at)}
        self.earlier = [one for one in lasted if one.ended_at and one.ended_at <= self.stretch.starts_at]

    def _count(self, made: Mapping[Topic, Iterable[Any]]) -> None:
        for event in made.get(Topic.EVENTS, ()):
            if self.stretch.has(event.occurred_at):
                self.counts["events"] += 1
                self.counts["unknown"] += not event.rule
        for change in made.get(Topic.ALARMS, ()):
            if change.change in RAISES and self.stretch.has(change.at):
                self.counts["evidence" if is_evidence(change.alarm) else "apart"] += 1

    @property
    def own(self) -> list[Incident]:
        """Incidents that stand for themselves: those absorbed by another do not. In order of time."""
        return sorted((one for one in self.incidents.values() if not one.is_absorbed), key=lambda one: (one.started_at, one.id))

    def acts_of(self, incident: str) -> "Counter[tuple[str, str]]":
        """How often who (see :attr:`Act.who`) was told what of an incident."""
        return Counter((one.who, one.what) for one in self.acts.values() if one.subject == incident)


_KIND_WORDS = dict.fromkeys(TICKETS, "ticket") | {EffectKind.NOTIFY: "page", EffectKind.MESSAGE: "message", EffectKind.REMEDY: "remedy"}
_TICKET_WORDS = {EffectKind.TICKET_OPEN: "opened", EffectKind.TICKET_UPDATE: "updated", EffectKind.TICKET_RESOLVE: "resolved"}


def act_of(key: str, kind: EffectKind, subject: str, route: str, at: int) -> Act:
    """An act from an effect's fields; what it is stands in its key (``notify:incident:route:occasion…``, ``message:…:stage:revision``)."""
    if kind is EffectKind.MESSAGE:
        what = key.split(":")[-2]
    elif kind is EffectKind.REMEDY:
        what = "over" if ":over:" in key else "proposed"
    else:
        what = _TICKET_WORDS.get(kind) or key.rpartition(f":{route}:")[2].partition(":")[0] or "told"
    return Act(key, kind, subject, route, what, at)
