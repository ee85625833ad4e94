"""What the obligations store remembers of effects, tickets and operations, as plain values. Times are UTC nanoseconds, 0 is not yet."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.core.effect import Effect
from pipeline.core.ledger import Entry, StepEntry
from pipeline.core.operation import Answer, Operation, Outcome
from pipeline.core.posting import Standing
from pipeline.core.remedy import RemedyState


class EffectState(StrEnum):
    """Where a stored effect stands; all but ``PENDING`` are final."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class StoredEffect:
    """An effect in the outbox. ``detail`` is what the last attempt met; ``remote_id`` the other side's name for the result."""

    effect: Effect
    state: EffectState
    attempts: int
    next_attempt_at: int
    created_at: int
    ended_at: int = 0
    remote_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch of effects: ``new`` ones, ``repeated`` keys, and keys that came again with another amount of money."""

    new: int = 0
    repeated: int = 0
    conflicting: int = 0


@dataclass(frozen=True, slots=True)
class StoredRemedy:
    """A remedy: proposed at, decided by whom, started and ended when; ``over_at`` is the incident's end, ``polled_at`` the last poll then.

    ``body`` is what proposed it (:func:`pipeline.core.remedy.remedies`).
    """

    name: str
    incident: str
    domain: str
    rule: str
    action: str
    resource: str
    state: RemedyState
    proposed_at: int
    detail: str = ""
    decided_by: str = ""
    decided_at: int = 0
    started_at: int = 0
    ended_at: int = 0
    over_at: int = 0
    polled_at: int = 0
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hub:
    """Who has registered for an API's events: where they are told, which ones (empty: all), by whose token, since when and until when."""

    id: str
    api: str
    callback: str
    query: str
    owner: str
    registered_at: int
    ended_at: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TicketLink:
    """Which ticket of which system an incident has. ``status``, ``etag`` and ``assignee`` are those last seen.

    ``number`` is what people call the ticket where that is not ``remote_id``; ``key`` the name by which it is found again; ``previous`` the
    ticket that it continues; ``domain`` the incident's. ``looked_at`` is when it was looked at for what people did, ``asked_at`` when its
    system last said that somebody did something.
    """

    incident: str
    system: str
    remote_id: str
    status: str
    etag: str = ""
    linked_at: int = 0
    updated_at: int = 0
    number: str = ""
    key: str = ""
    previous: str = ""
    assignee: str = ""
    domain: str = ""
    looked_at: int = 0
    asked_at: int = 0

    @property
    def called(self) -> str:
        """What people call the ticket."""
        return self.number or self.remote_id


@dataclass(frozen=True, slots=True)
class Note:
    """One remark on a ticket; append-only."""

    id: str
    author: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One step of a ticket's life."""

    status: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class BookTicket:
    """A ticket of the built-in ticket book. ``fields`` are its TMF621 fields as given; ``number`` is ``TT-000001``."""

    number: str
    external_id: str
    status: str
    fields: dict[str, Any]
    created_at: int
    updated_at: int
    revision: int = 1
    changes: tuple[StatusChange, ...] = ()
    notes: tuple[Note, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class StoredOperation:
    """What somebody did, for which domains, and what became of it so far; ``operation.domain`` is empty."""

    operation: Operation
    domains: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    is_published: bool = False

    @property
    def is_answered(self) -> bool:
        """Whether every domain has answered."""
        return {answer.operation.domain for answer in self.answers} >= set(self.domains)

    @property
    def refusals(self) -> tuple[Answer, ...]:
        """Answers of domains that refused."""
        return tuple(answer for answer in self.answers if answer.outcome is Outcome.REFUSED)

    @property
    def outcome(self) -> str:
        """``done``, ``refused`` (by every domain), ``partly`` done, or ``waiting`` for an answer."""
        if not self.is_answered:
            return "waiting"
        if not self.refusals:
            return Outcome.DONE.value
        return Outcome.REFUSED.value if len(self.refusals) == len(self.answers) else "partly"

    @property
    def verdict(self) -> Answer | None:
        """The answer to tell: a refusal if there is one; ``None`` before there is any."""
        return next(iter((*self.refusals, *self.answers)), None)


@dataclass(frozen=True, slots=True)
class StoredCredit:
    """A credit of the ledger, where it stands, what was done about it, and the work on its posting.

    ``detail`` says what holds it back, or what the last attempt met. ``posting_at`` is when it was first taken to be posted.
    """

    entry: Entry
    standing: Standing
    steps: tuple[StepEntry, ...] = ()
    posting_at: int = 0
    attempts: int = 0
    next_attempt_at: int = 0
    detail: str = ""
