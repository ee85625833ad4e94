"""The obligations store as one object: each method is one transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipeline.core.effect import Effect, Receipt
from pipeline.core.obligation import (
    BookTicket,
    EffectState,
    Hub,
    Stored,
    StoredEffect,
    StoredOperation,
    StoredRemedy,
    TicketLink,
)
from pipeline.core.operation import Answer, Operation, OperationKind
from pipeline.core.remedy import RemedyState
from pipeline.obligations import book, hub, link, message, operation, outbox, remedy, standing
from pipeline.obligations.engine import reading, writing
from pipeline.obligations.ledger_store import LedgerStore

MOST_HUBS = 50


class Obligations(LedgerStore):
    """Ticket links, receipts, credits, approvals and what people did: opened as :class:`OpenedStore` says."""

    # the outbox

    def put_effects(self, effects: Sequence[Effect], at: int) -> Stored:
        """Keep effects; a key that is there is not kept again. A credit that comes again with another amount leaves a refused receipt."""
        with writing(self._engine) as connection:
            return outbox.put(connection, effects, at)

    def claim(self, at: int, leased_until: int, per_route: int, busy: Mapping[str, int]) -> list[StoredEffect]:
        """Take what is due: of each route at most ``per_route`` less its number in ``busy``, of each subject in a route only the first.

        The order within a route and subject is that of decision; other subjects and routes do not wait for it.
        """
        with reading(self._engine) as connection:
            free = {route: places for route in outbox.due_routes(connection, at) if (places := per_route - busy.get(route, 0)) > 0}
        if not free:
            return []
        with writing(self._engine) as connection:
            return [one for route, places in free.items() for one in outbox.claim(connection, route, places, at, leased_until)]

    def release(self) -> int:
        """Give up every lease (a process that died held them); answers how many. Only for the one process that delivers."""
        with writing(self._engine) as connection:
            return outbox.release(connection)

    def postpone(self, key: str, next_attempt_at: int, detail: str) -> None:
        """Plan the next attempt of a claimed effect."""
        with writing(self._engine) as connection:
            outbox.postpone(connection, key, next_attempt_at, detail)

    def finish(self, receipt: Receipt) -> None:
        """End an effect and keep its receipt, together."""
        with writing(self._engine) as connection:
            outbox.finish(connection, receipt)

    def revive(self, key: str) -> bool:
        """Try a dead or refused effect again; false when there is none of this key. Refused credits and remedies stay so."""
        with writing(self._engine) as connection:
            return outbox.revive(connection, key)

    def unpublished(self, limit: int) -> list[tuple[int, Receipt]]:
        """Receipts that the topic does not have yet, each with its row number."""
        with reading(self._engine) as connection:
            return outbox.unpublished(connection, limit)

    def mark_published(self, ids: Sequence[int]) -> None:
        """Remember that the topic has these receipts."""
        with writing(self._engine) as connection:
            outbox.mark_published(connection, ids)

    def effect(self, key: str) -> StoredEffect | None:
        """The effect with this key."""
        with reading(self._engine) as connection:
            return outbox.effect_of(connection, key)

    def effects(self, subject: str, limit: int = 1000) -> list[StoredEffect]:
        """The effects of one incident or contract, in the order of decision."""
        with reading(self._engine) as connection:
            return outbox.effects(connection, subject, limit)

    def lane(self, route: str, subject: str) -> list[StoredEffect]:
        """The effects of one route and subject in the order of decision."""
        with reading(self._engine) as connection:
            return outbox.lane(connection, route, subject)

    def dead_letters(self, limit: int = 100) -> list[StoredEffect]:
        """Effects that were given up, newest first; ``detail`` says why."""
        with reading(self._engine) as connection:
            return outbox.ended_as(connection, EffectState.DEAD, limit)

    def refused(self, limit: int = 100) -> list[StoredEffect]:
        """Effects to which the other side, or a rule of ours, said no, newest first."""
        with reading(self._engine) as connection:
            return outbox.ended_as(connection, EffectState.REFUSED, limit)

    def pending(self) -> dict[str, int]:
        """How many effects of each route have not ended."""
        with reading(self._engine) as connection:
            return outbox.pending_by_route(connection)

    def receipts(self, subject: str = "", limit: int = 100) -> list[Receipt]:
        """The latest receipts, newest first; of one incident or contract when ``subject`` is given."""
        with reading(self._engine) as connection:
            return outbox.receipts(connection, subject, limit)

    def last_notified(self) -> list[Receipt]:
        """The last receipt of every route by which receivers of notifications are told, the oldest first."""
        with reading(self._engine) as connection:
            return outbox.last_notified(connection)

    # receivers and ticket links

    def disable_endpoint(self, name: str, url: str, at: int, detail: str) -> None:
        """Send no more to this receiver at this URL."""
        with writing(self._engine) as connection:
            link.disable_endpoint(connection, name, url, at, detail)

    def enable_endpoint(self, name: str) -> bool:
        """Send to a disabled receiver again; false when it was not disabled."""
        with writing(self._engine) as connection:
            return link.enable_endpoint(connection, name)

    def endpoint_gone(self, name: str, url: str) -> str | None:
        """Why this receiver is disabled, or ``None``."""
        with reading(self._engine) as connection:
            return link.endpoint_gone(connection, name, url)

    def keep_standing(self, receiver: str, name: str, notification: dict[str, Any] | None) -> None:
        """Remember what stands in an Alertmanager under a name; ``None`` that nothing does."""
        with writing(self._engine) as connection:
            standing.keep(connection, receiver, name, notification)

    def standing_notifications(self, receiver: str) -> list[dict[str, Any]]:
        """What stands in an Alertmanager."""
        with reading(self._engine) as connection:
            return standing.all_of(connection, receiver)

    def put_link(self, new: TicketLink) -> None:
        """Keep which ticket an incident has, or what was newly seen of it."""
        with writing(self._engine) as connection:
            link.put_link(connection, new)

    def ticket_of(self, incident: str, system: str = "") -> TicketLink | None:
        """The ticket of an incident, in one system or in any."""
        with reading(self._engine) as connection:
            return link.link_of(connection, system, incident)

    def tickets_of(self, incidents: Collection[str]) -> dict[str, TicketLink]:
        """The tickets of these incidents (a few thousand at most), by incident, in any system."""
        with reading(self._engine) as connection:
            return link.links_of(connection, incidents)

    def tickets(self, limit: int = 100) -> list[TicketLink]:
        """The latest ticket links, newest first."""
        with reading(self._engine) as connection:
            return link.links(connection, limit)

    # messages to customers

    def sent_since(self, routes: Sequence[str], at: int) -> int:
        """How many effects of these routes went out to somebody since a time."""
        with reading(self._engine) as connection:
            return message.sent_since(connection, routes, at)

    def messages(self, incident: str = "", limit: int = 100) -> list[StoredEffect]:
        """Messages to customers that were decided, newest first; those of incidents whose id begins so."""
        with reading(self._engine) as connection:
            return message.decided(connection, incident, limit)

    def message_told(self, key: str) -> frozenset[str]:
        """The contacts that a message went to."""
        with reading(self._engine) as connection:
            return message.told(connection, key)

    def mark_message(self, key: str, contact: str, at: int, remote_id: str) -> None:
        """Remember that a message went to a contact."""
        with writing(self._engine) as connection:
            message.mark(connection, key, contact, at, remote_id)

    def messages_told(self, routes: Sequence[str], limit: int = 100) -> list[tuple[str, str, int]]:
        """The latest messages of these routes that went to a contact: key, incident, when (UTC nanoseconds); newest first."""
        with reading(self._engine) as connection:
            return message.told_to(connection, routes, limit)

    # remedies

    def propose_remedy(self, new: StoredRemedy, said: Operation) -> StoredRemedy:
        """Keep a remedy once by its name, with what is said of it; as it stands."""
        with writing(self._engine) as connection:
            operation.put(connection, said, [said.domain])
            return remedy.propose(connection, new)

    def remedy(self, name: str) -> StoredRemedy | None:
        """The remedy of this name."""
        with reading(self._engine) as connection:
            return remedy.get(connection, name)

    def move_remedy(
        self, name: str, came_from: RemedyState, following: Sequence[Effect] = (), *, said: Operation | None = None, **values: Any
    ) -> bool:
        """Write values if it still stands as ``came_from``, with the effects that follow from it and what is said of it.

        False when somebody was faster; then nothing follows, and nothing is said.
        """
        with writing(self._engine) as connection:
            moved = remedy.move(connection, name, came_from, values)
            if moved and following:
                outbox.put(connection, following, following[0].decided_at)
            if moved and said is not None:
                operation.put(connection, said, [said.domain])
            return moved

    def remedy_over(self, name: str, over_at: int, polled_at: int) -> None:
        """The incident of a remedy ended."""
        with writing(self._engine) as connection:
            remedy.over(connection, name, over_at, polled_at)

    def remedy_starts(self, rule: str, since: int) -> list[tuple[int, str]]:
        """When a rule started its action since a time, and on which resource."""
        with reading(self._engine) as connection:
            return remedy.starts(connection, rule, since)

    def remedies(self, incident: str = "", limit: int = 100) -> list[StoredRemedy]:
        """The latest remedies, newest first; of one incident, or all."""
        with reading(self._engine) as connection:
            return remedy.latest(connection, incident, limit)

    def tickets_to_look_at(self, system: str, looked_before: int, updated_after: int, limit: int = 50) -> list[TicketLink]:
        """Tickets that people may have changed: looked at longest ago first, those told of since among them."""
        with reading(self._engine) as connection:
            return link.to_look_at(connection, system, looked_before, updated_after, limit)

    def ticket_looked_at(self, seen: TicketLink, at: int) -> None:
        """Remember when a ticket was looked at for what people did."""
        with writing(self._engine) as connection:
            link.looked(connection, seen, at)

    def ask_ticket(self, system: str, name: str, at: int) -> bool:
        """Have a ticket looked at soon, by its id or number; false when no incident has it."""
        with writing(self._engine) as connection:
            return link.ask(connection, system, name, at)

    def ticket_tried_at(self, system: str, key: str) -> int:
        """When a ticket with this key was last asked for; 0 for never."""
        with reading(self._engine) as connection:
            return link.tried_at(connection, system, key)

    def try_ticket(self, system: str, key: str, at: int) -> None:
        """Remember that a ticket with this key is asked for now."""
        with writing(self._engine) as connection:
            link.try_ticket(connection, system, key, at)

    def forget_ticket_try(self, system: str, key: str) -> None:
        """A ticket with this key was certainly not made, or is known now."""
        with writing(self._engine) as connection:
            link.forget_try(connection, system, key)

    # what people did

    def put_operation(self, given: Operation, domains: Sequence[str]) -> StoredOperation:
        """Keep an operation for these domains, once by its id; as it stands."""
        with writing(self._engine) as connection:
            return operation.put(connection, given, domains)

    def answer_operations(self, answers: Sequence[Answer]) -> None:
        """Keep what became of operations, once for each domain."""
        with writing(self._engine) as connection:
            operation.answer(connection, answers)

    def operation(self, name: str) -> StoredOperation | None:
        """The operation with this id, and its answers so far."""
        with reading(self._engine) as connection:
            return operation.get(connection, name)

    def operations(self, target: str = "", kinds: Collection[OperationKind] = (), limit: int = 100) -> list[StoredOperation]:
        """The latest operations, newest first; of one target, of some kinds, or all."""
        with reading(self._engine) as connection:
            return operation.latest(connection, target, kinds, limit)

    def unpublished_operations(self, given_before: int, limit: int) -> list[StoredOperation]:
        """Operations given before a time that the topic does not have yet, oldest first."""
        with reading(self._engine) as connection:
            return operation.unpublished(connection, given_before, limit)

    def mark_operations_published(self, names: Collection[str]) -> None:
        """Remember that the topic has these operations."""
        with writing(self._engine) as connection:
            operation.mark_published(connection, names)

    # who is told of events

    def register_hub(self, new: Hub) -> bool:
        """Keep a registration for events; false when there are :data:`MOST_HUBS` already."""
        with writing(self._engine) as connection:
            return hub.add(connection, new, MOST_HUBS)

    def hubs(self, api: str = "") -> list[Hub]:
        """Registrations in force, of one API or of all."""
        with reading(self._engine) as connection:
            return hub.in_force(connection, api)

    def hub(self, name: str) -> Hub | None:
        """The registration with this id, ended ones too."""
        with reading(self._engine) as connection:
            return hub.get(connection, name)

    def end_hub(self, name: str, at: int, detail: str) -> bool:
        """Tell them no more; false when there is no such registration in force."""
        with writing(self._engine) as connection:
            return hub.end(connection, name, at, detail)

    # the built-in ticket book

    def book_create(self, new: BookTicket) -> BookTicket | None:
        """Add a ticket and give it a number; ``None`` when another has its ``external_id``."""
        with writing(self._engine) as connection:
            return book.create(connection, new)

    def book_change(self, changed: BookTicket) -> BookTicket | None:
        """Write a ticket read at revision ``changed.revision``; ``None`` when somebody changed it since."""
        with writing(self._engine) as connection:
            return book.change(connection, changed)

    def book_ticket(self, number: str) -> BookTicket | None:
        """The ticket with this number."""
        with reading(self._engine) as connection:
            return book.get(connection, number)

    def book_find(self, external_id: str = "", status: str = "", offset: int = 0, limit: int = 100) -> tuple[int, list[BookTicket]]:
        """How many tickets match, and one page of them."""
        with reading(self._engine) as connection:
            return book.find(connection, external_id, status, offset, limit)
