"""Who is told what of incidents, and when: held down, grouped, repeated until acknowledged, quiet for planned work, and ended for all.

A fold over pages (:mod:`pipeline.core.page`). What a receiver was told is remembered, so whoever heard of the beginning hears of the end,
even if by then the routes would not choose them any more.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.escalation import MOST_REPEATS, Escalated
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.inventory import Site
from pipeline.core.page import NEVER, Page, Pages, Word
from pipeline.core.reason import Reason
from pipeline.core.roster import turn_after
from pipeline.core.routing import Occasion, Route, Routing, Target, group_of, hidden_by
from pipeline.core.topology import Topology
from pipeline.core.wording import duration, headline, incident_data, plain, rfc3339

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
EVERY_REVISION_UNTIL = 8
"""Up to this revision each change of impact is notified; afterwards only at revisions that are powers of two, or with a new root cause."""
GROUPED = 50
"""How many incidents of a group are listed; the rest is told as a number."""

Change = tuple[Incident, Incident | None]
"""A new revision of an incident and the one before it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where pages are made: by which routes, on which topology, and how incidents are looked up.

    ``now`` is UTC nanoseconds; ``sites`` are the inventory's.
    """

    routing: Routing
    topology: Topology
    pages: Pages
    known: Callable[[str], Incident | None]
    now: int
    sites: Mapping[str, Site] = field(default_factory=dict)

    def tell(self, changed: Sequence[Change], standing: Collection[str]) -> list[Word]:
        """Every word that is due; ``changed`` are the incidents' new revisions, ``standing`` the ids of all that are open."""
        if not self.routing.routes and not self.pages.rows:
            return []
        touched: dict[str, None] = {}
        for incident, previous in changed:
            touched.update(dict.fromkeys(self._follow(incident, previous)))
        if self.now >= self.pages.turn_at:
            touched.update(dict.fromkeys(self._turn(standing)))
        touched.update(dict.fromkeys(sorted(name for name, at in self.pages.due.items() if at <= self.now)))
        return [word for name in touched if name in self.pages.rows for word in self._advance(self.pages.rows[name])]

    def escalate(self, found: Iterable[Escalated]) -> Iterator[Word]:
        """Tell the routes of escalations. Their receivers know of it from then on, so they are told of its end."""
        for escalated in found:
            incident = escalated.incident
            for route in escalated.routes:
                targets = self.routing.targets(route, self.now)
                mine = (page for page in self.pages.of_incident(incident.id) if page.route == route)
                page = next(mine, None) or Page(route, incident.id, self.now, members=(incident.id,), severity=incident.severity)
                told_to = tuple(dict.fromkeys((*page.told_to, *(target.receiver for target in targets))))
                knows = replace(page, told_to=told_to, told_at=page.told_at or self.now, is_standing=bool(told_to), is_escalated=True)
                knows = knows if page.told_at else replace(knows, severity=incident.severity)
                self.pages.put(replace(knows, due_at=self._due_at(knows, self.routing.by_name.get(route))))
                yield Word(knows, Occasion.ESCALATED, Reason.NOT_ACKNOWLEDGED, incident, targets, escalated=escalated)

    # which pages an incident is on

    def _follow(self, incident: Incident, previous: Incident | None) -> Iterator[str]:
        """A new revision: the pages that it is on, comes to, or leaves."""
        is_live = incident.state is IncidentState.OPEN and hidden_by(incident) is None
        is_brief = previous is None and hidden_by(incident) is None  # came and went between two looks
        news = worth_a_word(incident, previous)
        taken = self._join(incident, _returned(previous) or news) if is_live or is_brief else {}
        for page in self.pages.of_incident(incident.id):
            if not is_live:
                self._put_ended(page, incident)
            elif page.name not in taken:
                self._stay(page, incident, news)
            elif news and not page.news:
                self.pages.put(replace(page, news=news.value))
            yield page.name

    def _join(self, incident: Incident, why: Reason | None) -> dict[str, None]:
        """Put an incident on the page of each route that it takes; the names of those pages."""
        traits = self.routing.traits(incident, self.topology, self.sites)
        mine = {page.route: page for page in self.pages.of_incident(incident.id)}
        taken: dict[str, None] = {}
        for route in self.routing.chosen(traits, self.now):
            page = mine.get(route.name)
            if page is None:
                page = self._opened(route, incident, group_of(route, traits), why or Reason.ROOT_CAUSE_FOUND)
                self.pages.put(page)
            elif incident.id in page.ended:
                ended = tuple(each for each in page.ended if each != incident.id)
                page = replace(page, ended=ended, news=(why or Reason.RAISED_AFTER_CLEAR).value, closed_at=0)
                self.pages.put(page if page.told_at else replace(page, opened_at=self.now, due_at=self._first_at(route)))
            taken[page.name] = None
        return taken

    def _opened(self, route: Route, incident: Incident, group: str, why: Reason) -> Page:
        page = self.pages.open_of_group(route.name, group)
        if page is not None:
            return replace(page, members=(*page.members, incident.id), news=page.news or why.value)
        return Page(route.name, incident.id, self.now, group, (incident.id,), due_at=self._first_at(route), news=why.value)

    def _first_at(self, route: Route) -> int:
        return self.now + round((route.hold_down_s or 0.0) * SECOND)

    def _stay(self, page: Page, incident: Incident, news: Reason | None) -> None:
        """An incident that its route would not choose now: whoever was told of it is told on, whoever was not need not be."""
        if incident.id in page.ended:
            return
        if page.told_at:
            self.pages.put(replace(page, news=page.news or (news.value if news else "")))
        elif len(page.members) == 1:
            self.pages.drop(page)
        else:
            self.pages.put(replace(page, ended=(*page.ended, incident.id)))

    def _put_ended(self, page: Page, incident: Incident) -> None:
        if incident.id not in page.ended:
            why = hidden_by(incident) or Reason.ALL_CLEAR
            self.pages.put(replace(page, ended=(*page.ended, incident.id), news=why.value))

    def _turn(self, standing: Collection[str]) -> Iterator[str]:
        """The clock may have changed who is told: what is open and nobody has in hand is looked at again."""
        for name in sorted(standing):
            incident = self.known(name)
            if incident is not None and not _is_quiet(incident):
                yield from self._join(incident, None)
        yield from sorted(name for name, page in self.pages.rows.items() if not page.is_over and not page.acknowledged_by)
        self.pages.turn_at = turn_after(self.now, self.routing.clocked) or NEVER

    # what a page says

    def _advance(self, page: Page) -> list[Word]:
        """Say what is owed on one page, and find when it is to be looked at next."""
        route = self.routing.by_name.get(page.route)
        words: list[Word] = []
        if route is None:
            page = self._gone(page, words)
        elif not page.told_at:
            page = self._first(page, route, words)
        if page.is_standing and page.is_over:
            page = self._ended(page, words)
        elif page.told_at and not page.is_over and route is not None:
            page = self._standing(page, route, words)
        if page.told_at or not page.is_over:
            self.pages.put(replace(page, due_at=self._due_at(page, route)))
        else:
            self.pages.drop(page)
        return words

    def _gone(self, page: Page, words: list[Word]) -> Page:
        """The file has no such route any more: whoever was told is told that it is over for them."""
        if page.is_standing:
            page = self._said(page, Occasion.RESOLVED, Reason.ROUTE_GONE, _named(page.told_to), words)
        return replace(page, ended=page.members, is_standing=False, closed_at=self.now, news="")

    def _first(self, page: Page, route: Route, words: list[Word]) -> Page:
        if page.is_over and route.hold_down_s:
            self._said(page, Occasion.OPENED, Reason.WITHIN_HOLD_DOWN, (), words)
            return page
        if self.now < page.due_at:
            return page
        if page.opened_at < self.now and not self._is_wanted(page, route):
            self._said(page, Occasion.OPENED, Reason.OUTSIDE_HOURS, (), words)
            return replace(page, ended=page.members)
        targets = self._targets(page)
        if not targets:
            if page.due_at:
                self._said(page, Occasion.OPENED, Reason.NOBODY_ON_CALL, (), words)
            return page
        reason = Reason(page.news) if page.news else Reason.ROOT_CAUSE_FOUND
        return replace(self._said(page, Occasion.OPENED, reason, targets, words), repeat_at=self._repeat_at(route, self.now))

    def _is_wanted(self, page: Page, route: Route) -> bool:
        """Whether the route would still choose any of a page's incidents: while it was held down, its hours may have ended."""
        traits = (self.routing.traits(each, self.topology, self.sites) for each in self._open_members(page))
        return any(route in self.routing.chosen(each, self.now) for each in traits)

    def _ended(self, page: Page, words: list[Word]) -> Page:
        reason = Reason(page.news) if page.news else Reason.ALL_CLEAR
        page = self._said(page, Occasion.RESOLVED, reason, _named(page.told_to), words)
        return replace(page, is_standing=False, closed_at=self.now, acknowledged_by="", repeat_at=0)

    def _standing(self, page: Page, route: Route, words: list[Word]) -> Page:
        if not page.is_standing:
            page = replace(page, repeat_at=self._repeat_at(route, self.now))
        heads = self._open_members(page)
        holder = next((each.acknowledged_by for each in heads if each.acknowledged_by), "") if _in_hand(heads) else ""
        if holder and not page.acknowledged_by:
            page = self._said(page, Occasion.ACKNOWLEDGED, Reason.ACKNOWLEDGED, _named(page.told_to), words, keep_news=True)
        elif page.acknowledged_by and not holder:
            page = replace(page, repeat_at=self._repeat_at(route, self.now))
        page = replace(page, acknowledged_by=holder)
        if page.news and self.now >= self._news_at(page, route):
            page = self._said(page, Occasion.UPDATED, Reason(page.news), _named(page.told_to), words)
        if holder:
            return replace(page, repeat_at=0)
        fresh = tuple(target for target in self._targets(page) if target.receiver not in page.told_to)
        if fresh:
            page = self._said(page, Occasion.OPENED, Reason.HANDED_OVER, fresh, words, keep_news=True)
        if page.repeat_at and self.now >= page.repeat_at and page.repeats < MOST_REPEATS:
            page = replace(page, repeats=page.repeats + 1, repeat_at=self._repeat_at(route, page.repeat_at))
            page = self._said(page, Occasion.REPEATED, Reason.NOT_ACKNOWLEDGED, self._targets(page), words, keep_news=True)
        return page

    def _news_at(self, page: Page, route: Route) -> int:
        """When news may be told: at once, but of a group, and not of one that had ended, only so often."""
        if not route.group_by or not page.is_standing:
            return 0
        return page.told_at + round((route.group_interval_s or 0.0) * SECOND)

    def _repeat_at(self, route: Route, after: int) -> int:
        """The next time to repeat, counted from ``after``; from now on when that is past already. 0: never."""
        step = round((route.repeat_min or 0.0) * MINUTE)
        if not step:
            return 0
        return after + step if after + step > self.now else self.now + step

    def _due_at(self, page: Page, route: Route | None) -> int:
        if route is None or page.is_over:
            return 0
        if not page.told_at:
            return page.due_at if page.due_at > self.now else 0
        due = [page.repeat_at] if page.repeat_at and page.repeats < MOST_REPEATS else []
        due += [self._news_at(page, route)] if page.news else []
        return min(due, default=0)

    def _targets(self, page: Page) -> tuple[Target, ...]:
        return self.routing.targets(page.route, self.now)

    def _open_members(self, page: Page) -> list[Incident]:
        found = (self.known(name) for name in page.members if name not in page.ended)
        return [each for each in found if each is not None]

    def _said(
        self, page: Page, occasion: Occasion, reason: Reason, targets: Iterable[Target], words: list[Word], *, keep_news: bool = False
    ) -> Page:
        """Add a word, and the page as it is after it."""
        everyone = tuple(targets)
        known = [each for each in (self.known(name) for name in page.members) if each is not None]
        still = [each for each in known if each.id not in page.ended] or known
        if not still:
            return page
        after = replace(page, words=page.words + 1, news=page.news if keep_news else "")
        if everyone and occasion is not Occasion.RESOLVED:
            told_to = tuple(dict.fromkeys((*page.told_to, *(target.receiver for target in everyone))))
            after = replace(after, told_to=told_to, is_standing=True, closed_at=0)
            after = after if keep_news and page.told_at else replace(after, told_at=self.now)
            after = after if page.told_at else replace(after, severity=max(each.severity for each in still))
        others = tuple(each for each in known if each is not still[0])
        words.append(Word(after, occasion, reason, still[0], everyone, others))
        return after


def _named(receivers: Iterable[str]) -> tuple[Target, ...]:
    return tuple(Target(receiver) for receiver in receivers)


def _is_quiet(incident: Incident) -> bool:
    return incident.state is not IncidentState.OPEN or bool(incident.acknowledged_by) or hidden_by(incident) is not None


def _in_hand(incidents: Sequence[Incident]) -> bool:
    return bool(incidents) and all(each.acknowledged_by for each in incidents)


def _returned(previous: Incident | None) -> Reason | None:
    """Why an incident is told again that was hidden or over."""
    hidden = hidden_by(previous) if previous is not None else None
    if hidden is None:
        return None
    return Reason.MAINTENANCE_ENDED if hidden is Reason.MAINTENANCE_WINDOW else Reason.UN_SHELVED


def worth_a_word(incident: Incident, previous: Incident | None) -> Reason | None:
    """Why a revision is told to people who know the one before it: another cause, or other services that feel it."""
    if previous is None:
        return None
    if previous.root_cause != incident.root_cause:
        return Reason.EVIDENCE_REVISED
    if felt(previous) == felt(incident):
        return None
    revision = incident.revision
    return Reason.EVIDENCE_REVISED if revision <= EVERY_REVISION_UNTIL or revision & (revision - 1) == 0 else None


def felt(incident: Incident) -> frozenset[tuple[str, str]]:
    """Which service fares how, without the times."""
    return frozenset((impact.service, impact.state.value) for impact in incident.impacts)


# effects


def effects_of(word: Word, routing: Routing, at: int) -> tuple[Effect, ...]:
    """One notification for each receiver, if the route wants to hear of the occasion; ``at`` is the time of decision in UTC nanoseconds.

    The key of an opening is the same whenever it is decided; others hold the incident's revision, or the number of the word where a page
    is of several incidents, so a replay tells nobody twice.
    """
    page, route = word.page, routing.by_name.get(word.page.route)
    if route is not None and word.occasion not in _wanted(page, route):
        return ()
    suffix = {
        Occasion.OPENED: "opened",
        Occasion.REPEATED: f"repeated:{page.repeats}",
        Occasion.ESCALATED: f"escalated:{word.incident.escalation}",
    }.get(word.occasion, f"{word.occasion.value}:{f'w{page.words}' if page.group else f'r{word.incident.revision}'}")
    data = {
        **incident_data(word.incident),
        "acknowledged_by": plain(word.incident.acknowledged_by),
        "decision": word.reason.value,
        "route": page.route,
        "page": page.incident,
        "filed_severity": page.severity.name.lower(),
        **_group_data(word),
        **_escalation_data(word),
    }
    named = word.incident.id if word.escalated else page.incident
    return tuple(_notification(word, named, routing, each, suffix, data, at) for each in word.targets)


def _wanted(page: Page, route: Route) -> tuple[Occasion, ...]:
    always = (Occasion.ESCALATED, Occasion.RESOLVED) if page.is_escalated else (Occasion.ESCALATED,)
    return (*(route.events or ()), *always)


def _escalation_data(word: Word) -> dict[str, object]:
    if word.escalated is None:
        return {}
    return {
        "escalation": word.incident.escalation,
        "escalation_rule": word.escalated.rule,
        "unacknowledged_for": duration(word.escalated.unheeded_ns),
    }


def _group_data(word: Word) -> dict[str, object]:
    if not word.page.group:
        return {}
    everything = (word.incident, *word.others)
    listed = [
        {
            "incident": each.id,
            "state": "resolved" if each.id in word.page.ended else each.state.value,
            "severity": each.severity.name.lower(),
            "summary": headline(each),
        }
        for each in everything[:GROUPED]
    ]
    return {"group": plain(word.page.group), "grouped": listed, "grouped_total": len(everything)}


def _notification(word: Word, named: str, routing: Routing, target: Target, suffix: str, data: dict[str, object], at: int) -> Effect:
    lane = routing.lane(word.page.route, target.receiver)
    on_call = {"on_call": plain(target.person)} if target.person else {}
    return Effect(
        key=f"notify:{named}:{lane}:{suffix}",
        kind=EffectKind.NOTIFY,
        subject=word.page.incident,
        route=lane,
        decided_at=at,
        reason=word.reason.value,
        body={
            "receiver": target.receiver,
            "payload": {"type": f"incident.{word.occasion.value}", "timestamp": rfc3339(at), "data": {**data, **on_call}},
        },
    )
