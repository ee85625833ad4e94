"""A page: what one route is told of as one. An incident, or several of one group; it stands until the last of them is over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.core.escalation import Escalated
from pipeline.core.event import Severity
from pipeline.core.incident import Incident
from pipeline.core.reason import Reason
from pipeline.core.routing import Occasion, Routing, Target

NEVER = 1 << 62
"""Later than any time."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, named after its route and the first of its incidents. Times are UTC nanoseconds, 0 is not yet.

    ``members`` are the incidents that it is of, ``ended`` those of them that are over, or hidden. ``due_at`` is when it is to be looked at
    next (0: when there is news). ``news`` is why receivers are owed a word, empty when they are not. ``told_to`` are the receivers that
    know of it, and ``is_standing`` is what they believe. ``severity`` is that of the first word: what receivers file it under.
    ``words`` and ``repeats`` count what was said: keys are made of them. With ``is_escalated`` its receivers were told that nobody had
    acknowledged, so they are told of the end, too, whatever their route asks for.
    """

    route: str
    incident: str
    opened_at: int
    group: str = ""
    members: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    due_at: int = 0
    news: str = ""
    told_at: int = 0
    told_to: tuple[str, ...] = ()
    is_standing: bool = False
    severity: Severity = Severity.INDETERMINATE
    acknowledged_by: str = ""
    repeat_at: int = 0
    words: int = 0
    repeats: int = 0
    closed_at: int = 0
    is_escalated: bool = False

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.route}|{self.incident}"

    @property
    def is_over(self) -> bool:
        """Whether everything that it is of has ended."""
        return set(self.members) <= set(self.ended)


@dataclass(frozen=True, slots=True)
class Word:
    """One word to the receivers of a page: to whom, on which occasion, and why.

    ``incident`` is the one that it is told by, ``others`` the rest of its group. ``escalated`` says by which rule it was escalated.
    Without ``targets`` nobody is told, and ``reason`` says why not.
    """

    page: Page
    occasion: Occasion
    reason: Reason
    incident: Incident
    targets: tuple[Target, ...]
    others: tuple[Incident, ...] = ()
    escalated: Escalated | None = None


@dataclass(slots=True)
class Pages:
    """All pages of a domain, found by incident and by group. ``turn_at`` is when the clock may change who is told (0: to be looked up)."""

    rows: dict[str, Page] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    turn_at: int = 0
    _routing: Routing | None = None
    _of_incident: dict[str, dict[str, None]] = field(default_factory=dict)
    _of_group: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Page]) -> "Pages":
        """From stored rows."""
        found = cls()
        for row in rows:
            found._index(row)
        return found

    def follow(self, routing: Routing) -> None:
        """Work by this routing: when it is another than before, everything that is open is looked at again."""
        if routing is not self._routing:
            self._routing, self.turn_at = routing, 0

    def put(self, page: Page) -> None:
        """Store a page."""
        self.changed[page.name] = None
        self._index(page)

    def _index(self, page: Page) -> None:
        before = self.rows.get(page.name)
        for member in set(before.members) - set(page.members) if before is not None else ():
            self._of_incident[member].pop(page.name, None)
        self.rows[page.name] = page
        for member in page.members:
            self._of_incident.setdefault(member, {})[page.name] = None
        if page.group and not page.is_over:
            self._of_group[page.route, page.group] = page.name
        elif self._of_group.get((page.route, page.group)) == page.name:
            del self._of_group[page.route, page.group]
        if page.due_at:
            self.due[page.name] = page.due_at
        else:
            self.due.pop(page.name, None)

    def drop(self, page: Page) -> None:
        """Forget a page."""
        self.changed[page.name] = None
        del self.rows[page.name]
        self.due.pop(page.name, None)
        for member in page.members:
            names = self._of_incident.get(member, {})
            names.pop(page.name, None)
            if not names:
                self._of_incident.pop(member, None)
        if self._of_group.get((page.route, page.group)) == page.name:
            del self._of_group[page.route, page.group]

    def of_incident(self, incident: str) -> list[Page]:
        """Every page that an incident is a member of."""
        return [self.rows[name] for name in self._of_incident.get(incident, ())]

    def open_of_group(self, route: str, group: str) -> Page | None:
        """The page of a group that is not over."""
        name = self._of_group.get((route, group)) if group else None
        return self.rows[name] if name is not None else None

    def forget(self, before: int) -> None:
        """Forget pages that were closed before a time."""
        for page in [page for page in self.rows.values() if page.is_over and page.closed_at and page.closed_at < before]:
            self.drop(page)

    def next_due(self) -> Iterator[int]:
        """When pages are to be looked at."""
        yield from self.due.values()
