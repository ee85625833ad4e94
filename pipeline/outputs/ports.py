"""What the outputs want of the obligations store, and the one method that an output is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.core.effect import Effect, Receipt
from pipeline.core.ledger import Credit, Entry
from pipeline.core.obligation import BookTicket, Stored, StoredEffect, StoredOperation, TicketLink
from pipeline.core.operation import Answer, Operation


@dataclass(frozen=True, slots=True)
class Done:
    """The effect took place; ``remote_id`` is the other side's name for it."""

    remote_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """It did not take place, or nobody knows; try later, not before ``after_s`` seconds when the other side asked for that."""

    detail: str
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never take place: the other side, or a rule of ours, says no."""

    detail: str


@dataclass(frozen=True, slots=True)
class Poison:
    """The effect itself cannot be understood."""

    detail: str


Delivery = Done | Again | Refused | Poison
"""How one attempt ended."""


class Output(Protocol):
    """Carries effects to one kind of receiver; knows nothing of retries, order or receipts."""

    async def deliver(self, effect: Effect) -> Delivery:
        """Do it once more; doing it twice must have the effect of once. Connection errors and timeouts may be raised: they mean again."""


class OutboxPort(Protocol):
    """The outbox, as delivery uses it. Synchronous; each call is one transaction."""

    def put_effects(self, effects: Sequence[Effect], at: int) -> Stored:
        """Keep effects whose key is new."""

    def claim(self, at: int, leased_until: int, per_route: int, busy: Mapping[str, int]) -> list[StoredEffect]:
        """Take what is due, of each route and subject only the first that has not ended."""

    def release(self) -> int:
        """Give up every lease."""

    def postpone(self, key: str, next_attempt_at: int, detail: str) -> None:
        """Plan the next attempt."""

    def finish(self, receipt: Receipt) -> None:
        """End an effect and keep its receipt."""

    def unpublished(self, limit: int) -> list[tuple[int, Receipt]]:
        """Receipts that the topic does not have yet."""

    def mark_published(self, ids: Sequence[int]) -> None:
        """Remember that the topic has these receipts."""

    def pending(self) -> dict[str, int]:
        """How many effects of each route have not ended."""


class LinkPort(Protocol):
    """Which ticket an incident has."""

    def put_link(self, new: TicketLink) -> None:
        """Keep a link, or what was newly seen of it."""

    def ticket_of(self, incident: str, system: str = "") -> TicketLink | None:
        """The ticket of an incident."""

    def ticket_tried_at(self, system: str, key: str) -> int:
        """When a ticket with this key was last asked for; 0 for never."""

    def try_ticket(self, system: str, key: str, at: int) -> None:
        """Remember that a ticket with this key is asked for now."""

    def forget_ticket_try(self, system: str, key: str) -> None:
        """A ticket with this key was certainly not made, or is known now."""


class TicketWatchPort(LinkPort, Protocol):
    """What looking at tickets wants: which are due, what is still to be done to them, and where what people did goes."""

    def tickets_to_look_at(self, system: str, looked_before: int, updated_after: int, limit: int = 50) -> list[TicketLink]:
        """Tickets that people may have changed."""

    def ticket_looked_at(self, seen: TicketLink, at: int) -> None:
        """Remember when a ticket was looked at."""

    def effects(self, subject: str, limit: int = 1000) -> list[StoredEffect]:
        """The effects of an incident."""

    def put_operation(self, given: Operation, domains: Sequence[str]) -> StoredOperation:
        """Keep what somebody did, once by its id; it is published later."""


class EndpointPort(Protocol):
    """Which receivers are gone."""

    def disable_endpoint(self, name: str, url: str, at: int, detail: str) -> None:
        """Send no more to this receiver at this URL."""

    def endpoint_gone(self, name: str, url: str) -> str | None:
        """Why this receiver is disabled, or ``None``."""


class LedgerPort(Protocol):
    """The credit ledger."""

    def enter_credit(self, credit: Credit, at: int) -> Entry:
        """Add a credit, or answer the entry that has it. Raises ``AmountConflictError`` for another amount."""


class BookPort(Protocol):
    """The built-in ticket book's rows."""

    def book_create(self, new: BookTicket) -> BookTicket | None:
        """Add a ticket; ``None`` when another has its ``external_id``."""

    def book_change(self, changed: BookTicket) -> BookTicket | None:
        """Write a ticket; ``None`` when somebody changed it since it was read."""

    def book_ticket(self, number: str) -> BookTicket | None:
        """The ticket with this number."""

    def book_find(self, external_id: str = "", status: str = "", offset: int = 0, limit: int = 100) -> tuple[int, list[BookTicket]]:
        """How many tickets match, and one page of them."""


class OperationsPort(Protocol):
    """What people did, as it is published and answered."""

    def unpublished_operations(self, given_before: int, limit: int) -> list[StoredOperation]:
        """Operations given before a time that the topic does not have yet, oldest first."""

    def mark_operations_published(self, names: Collection[str]) -> None:
        """Remember that the topic has these operations."""

    def answer_operations(self, answers: Sequence[Answer]) -> None:
        """Keep what became of operations, once for each domain."""


class ObligationsPort(OutboxPort, TicketWatchPort, EndpointPort, LedgerPort, BookPort, OperationsPort, Protocol):
    """All of it: what :func:`pipeline.outputs.run_outputs` wants."""
