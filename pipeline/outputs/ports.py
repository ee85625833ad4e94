"""What the outputs want of the obligations store, and the one method that an output is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.core.approval import Limits
from pipeline.core.effect import Effect, Receipt
from pipeline.core.ledger import Credit, Entry, Step
from pipeline.core.obligation import BookTicket, Hub, Stored, StoredCredit, StoredEffect, StoredOperation, StoredRemedy, TicketLink
from pipeline.core.operation import Answer, Operation
from pipeline.core.posting import Standing
from pipeline.core.remedy import RemedyState


@dataclass(frozen=True, slots=True)
class Done:
    """The effect took place; ``remote_id`` is the other side's name for it."""

    remote_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """It did not take place, or nobody knows; try later, not before ``after_s`` seconds when the other side asked for that.

    ``planned`` says that nothing failed: it is only not due yet.
    """

    detail: str
    after_s: float = 0.0
    planned: bool = False


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


class StandingPort(Protocol):
    """What stands in Alertmanagers."""

    def keep_standing(self, receiver: str, name: str, notification: dict[str, Any] | None) -> None:
        """Remember what stands under a name; ``None`` that nothing does."""

    def standing_notifications(self, receiver: str) -> list[dict[str, Any]]:
        """What stands at a receiver."""


class LedgerPort(Protocol):
    """The credit ledger."""

    def enter_credit(self, credit: Credit, at: int) -> Entry:
        """Add a credit, or answer the entry that has it. Raises ``AmountConflictError`` for another amount."""


class PostingPort(Protocol):
    """What is done about credits."""

    def claim_credits(self, person: str, limits: Mapping[str, Limits], at: int, leased_until: int, most: int) -> list[StoredCredit]:
        """Take approved credits that may be posted now; each is written down as being posted before anybody is called."""

    def claim_posted(self, at: int, leased_until: int, most: int) -> list[StoredCredit]:
        """Take posted credits that are to be read back."""

    def step_credit(self, step: Step, at: int, next_attempt_at: int = 0) -> Standing:
        """Take one step of a credit's life. Raises ``NotAllowedError``."""

    def postpone_credit(self, key: str, next_attempt_at: int, detail: str) -> None:
        """Plan the next look at a credit that was taken."""


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


class MessagePort(Protocol):
    """Messages to customers, as they were decided and as they went out."""

    def lane(self, route: str, subject: str) -> list[StoredEffect]:
        """The effects of one route and subject in the order of decision."""

    def sent_since(self, routes: Sequence[str], at: int) -> int:
        """How many effects of these routes went out to somebody since a time."""

    def put_effects(self, effects: Sequence[Effect], at: int) -> Stored:
        """Keep effects whose key is new."""

    def message_told(self, key: str) -> frozenset[str]:
        """Which contacts a message went to already."""

    def mark_message(self, key: str, contact: str, at: int, remote_id: str) -> None:
        """Remember that it went to a contact."""


class HubPort(Protocol):
    """Who has registered for events, and the outbox that they wait in."""

    def hubs(self, api: str = "") -> list[Hub]:
        """Registrations in force."""

    def hub(self, name: str) -> Hub | None:
        """The registration with this id, ended ones too."""

    def end_hub(self, name: str, at: int, detail: str) -> bool:
        """Tell them no more."""

    def put_effects(self, effects: Sequence[Effect], at: int) -> Stored:
        """Keep effects whose key is new."""

    def pending(self) -> dict[str, int]:
        """How many effects of each route have not ended."""


class RemedyPort(Protocol):
    """Remedies as they were proposed, decided, started and ended; and comments on their incidents."""

    def propose_remedy(self, new: StoredRemedy, said: Operation) -> StoredRemedy:
        """Keep a remedy once by its name, with what is said of it; as it stands."""

    def remedy(self, name: str) -> StoredRemedy | None:
        """The remedy of this name."""

    def move_remedy(
        self, name: str, came_from: RemedyState, following: Sequence[Effect] = (), *, said: Operation | None = None, **values: Any
    ) -> bool:
        """Write values if it still stands as ``came_from``, with what follows and what is said of it; false when somebody was faster."""

    def remedy_over(self, name: str, over_at: int, polled_at: int) -> None:
        """The incident of a remedy ended."""

    def remedy_starts(self, rule: str, since: int) -> list[tuple[int, str]]:
        """When a rule started its action since a time, and on which resource."""


class ObligationsPort(
    RemedyPort,
    MessagePort,
    HubPort,
    OutboxPort,
    TicketWatchPort,
    EndpointPort,
    StandingPort,
    LedgerPort,
    PostingPort,
    BookPort,
    OperationsPort,
    Protocol,
):
    """All of it: what :func:`pipeline.outputs.run_outputs` wants."""
