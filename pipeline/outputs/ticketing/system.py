"""What a ticket system is to us: find, read, create, change. It decides nothing, keeps nothing, and tries nothing again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.core.ticket import TicketStatus
from pipeline.outputs.ports import Delivery

AUTHOR = "assurance-pipeline"
NOTES_READ = 50
"""Latest notes of a ticket that are read: those of ours that a kill may repeat, and those of people that are new, are among them."""

OURS = "ticket:"
"""How the keys of the effects begin by which our own notes are known."""

Json = dict[str, Any]


class CallFailedError(Exception):
    """A call that was not answered with success; ``delivery`` says what that means for the effect, ``status`` is HTTP's."""

    def __init__(self, delivery: Delivery, status: int) -> None:
        super().__init__(str(delivery))
        self.delivery = delivery
        self.status = status


@dataclass(frozen=True, slots=True)
class Draft:
    """What a ticket is to say, and the ``key`` by which it is found again.

    ``fields`` are its TMF621 fields (``name``, ``description``, ``severity`` and so on), texts made plain; ``continues`` is the id of the
    ticket that it follows, if any.
    """

    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    continues: str = ""

    @property
    def title(self) -> str:
        """One line."""
        return str(self.fields.get("name", self.key))

    @property
    def titled(self) -> str:
        """The line with the key, for systems that have no better place to keep it."""
        return f"{self.title} ({self.key})"

    @property
    def text(self) -> str:
        """The description, in lines; what it continues first."""
        text = str(self.fields.get("description", ""))
        return f"Continues {self.continues}.\n{text}" if self.continues else text

    @property
    def severity(self) -> str:
        """The severity's word in small letters."""
        return str(self.fields.get("severity", "")).lower()


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note to be written once: ``key`` is the effect's, ``at`` UTC nanoseconds; ``is_progress`` when the incident itself moved."""

    key: str
    text: str
    at: int
    is_progress: bool = True

    def told_with(self, draft: Draft | None) -> str:
        """The note for systems whose first description stays as it was: what has moved is told in full."""
        return f"{self.text}\n\n{draft.text}" if draft and self.is_progress else self.text


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a ticket, in one step: what it says, a note, a status; what is ``None`` stays.

    ``reason`` is the word for why its status changes, ``resolved_at`` when the incident ended (UTC nanoseconds; 0 is not yet).
    """

    draft: Draft | None = None
    note: NewNote | None = None
    status: TicketStatus | None = None
    reason: str = ""
    resolved_at: int = 0


@dataclass(frozen=True, slots=True)
class RemoteNote:
    """A note as its system has it. ``key`` is the effect's when it is one of ours. ``at`` is UTC nanoseconds, 0 when nobody tells."""

    id: str
    author: str = ""
    text: str = ""
    at: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class RemoteTicket:
    """A ticket as its system answered it.

    ``number`` is what people call it where that is not ``id``; ``changed_by`` who changed it last and ``assignee`` who works on it, where
    that is told; ``raw`` is whatever its system's own file wants to remember.
    """

    id: str
    status: TicketStatus
    etag: str = ""
    number: str = ""
    assignee: str = ""
    changed_by: str = ""
    raw: Any = None


class TicketSystem(Protocol):
    """One system. Each call raises ``CallFailedError``, or aiohttp's errors when there is no answer."""

    found_after_s: float
    """So many seconds after a ticket was made, :meth:`find` may not know it yet: its search lags behind."""

    async def find(self, key: str) -> RemoteTicket | None:
        """The ticket with this key."""

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """The ticket with this id; ``None`` when the system has it no more."""

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new ticket."""

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """Its latest notes (:data:`NOTES_READ`), oldest first."""

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """Write a change, the note first: who comes again finds it. Refused when somebody changed the ticket meanwhile, where told."""

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """The statuses to set one after the other; empty when it is there already, ``None`` when it cannot get there any more."""
