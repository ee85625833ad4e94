"""What people do in tickets comes back: notes become comments on the incident, taking a ticket on becomes an acknowledgement.

A ticket is read anew each time; what a webhook says is only that it should be. What we wrote ourselves is told from the rest by its key,
and while something is still to be delivered to a ticket it is not looked at, so that no change of ours is taken for one of people.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import aiohttp

from pipeline.core.directory import DEFAULT_DOMAIN
from pipeline.core.obligation import EffectState, TicketLink
from pipeline.core.operation import COMMENT_LIMIT, Operation, OperationKind
from pipeline.core.ticket import FROM_TICKET, TicketStatus
from pipeline.core.wording import plain
from pipeline.outputs.pause import pause
from pipeline.outputs.ports import TicketWatchPort
from pipeline.outputs.ticketing.system import CallFailedError, RemoteNote, RemoteTicket, TicketSystem

log = logging.getLogger(__name__)

_NANO = 1_000_000_000
TICK_S = 1.0
STILL_S = 7 * 86_400.0
"""A ticket to which nothing has happened for so long is looked at only when its system says so."""
SOON_S = 5.0
"""A ticket to which something is still to be delivered is looked at again after so long."""
_TRUST_S = 30.0
"""After a system failed, it is left alone for so long."""
_NAME_LIMIT = 80
_KEPT_MAX = 20_000
"""Operations that are remembered as kept, so that the store is not asked to keep each note again at every look."""


class TicketWatch:
    """Looks at the tickets of ``name`` every ``every_s`` (0: only when told), as long as they are not final.

    ``user`` is who we are there. ``clock`` answers UTC nanoseconds.
    """

    def __init__(  # its parts, and how it is set
        self,
        name: str,
        system: TicketSystem,
        store: TicketWatchPort,
        every_s: float,
        user: str = "",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._name = name
        self._system = system
        self._store = store
        self._every_s = every_s
        self._user = user
        self._clock = clock
        self._kept: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop`` is set; a system that fails is left alone for a while."""
        while not stop.is_set():
            wait_s = TICK_S
            try:
                await self.look()
            except (CallFailedError, aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("tickets cannot be looked at for what people did: %s; again in %.0f s", error, _TRUST_S)
                wait_s = _TRUST_S
            except Exception:
                log.exception("looking at tickets failed in its own code; again in %.0f s", _TRUST_S)
                wait_s = _TRUST_S
            await pause(wait_s, stop)

    async def look(self) -> int:
        """Look at every ticket that is due; how many operations came of it."""
        now = self._clock()
        looked_before = now - int(self._every_s * _NANO) if self._every_s else 0
        updated_after = now - int(STILL_S * _NANO)
        due = await asyncio.to_thread(self._store.tickets_to_look_at, self._name, looked_before, updated_after)
        return sum([await self._look_at(link) for link in due])

    async def _look_at(self, link: TicketLink) -> int:
        soon = self._clock() - int((self._every_s - SOON_S) * _NANO)
        if not await self._is_settled(link):
            await asyncio.to_thread(self._store.ticket_looked_at, link, soon)
            return 0
        now = self._clock()
        ticket = await self._system.get(link.remote_id)
        if ticket is None:
            await asyncio.to_thread(self._store.ticket_looked_at, link, now)
            return 0
        notes = await self._system.notes(ticket)
        if not await self._is_settled(link):
            return 0
        operations = list(operations_of(link, ticket, notes, self._user, now))
        await asyncio.to_thread(self._keep, link, ticket, operations, now)
        return len(operations)

    async def _is_settled(self, link: TicketLink) -> bool:
        """Whether nothing of ours is under way to this ticket, and the link is as it was read."""
        return await asyncio.to_thread(self._settled, link)

    def _settled(self, link: TicketLink) -> bool:
        known = self._store.ticket_of(link.incident, link.system)
        if known is None or (known.remote_id, known.updated_at) != (link.remote_id, link.updated_at):
            return False
        ours = (stored for stored in self._store.effects(link.incident) if stored.effect.key.startswith(FROM_TICKET))
        return all(stored.state is not EffectState.PENDING for stored in ours)

    def _keep(self, link: TicketLink, ticket: RemoteTicket, operations: Sequence[Operation], now: int) -> None:
        """First what people did, by ids that are the same when it is done again; then what was seen."""
        if len(self._kept) > _KEPT_MAX:
            self._kept.clear()
        for operation in operations:
            if operation.id in self._kept:
                continue
            self._store.put_operation(operation, [link.domain or DEFAULT_DOMAIN])
            self._kept.add(operation.id)
        if (ticket.status.value, ticket.assignee) != (link.status, link.assignee):
            seen = replace(link, status=ticket.status.value, assignee=ticket.assignee, etag=ticket.etag, updated_at=now)
            self._store.put_link(seen)
        self._store.ticket_looked_at(link, now)


def operations_of(link: TicketLink, ticket: RemoteTicket, notes: Sequence[RemoteNote], user: str, now: int) -> Iterator[Operation]:
    """What people did in a ticket since ``link`` was seen, as operations on its incident; ``user`` is who we are there.

    Notes keep their own time; a status or assignee that changed is told as of ``now`` (UTC nanoseconds). The same is given the same id.
    """
    for note in notes:
        if not note.key and note.text.strip():
            at = min(note.at or now, now)
            yield _operation(link, f"note:{note.id}", OperationKind.COMMENT, at, note.author, _text(note.text))
    by = ticket.changed_by if ticket.changed_by != user else ""
    who = by or ticket.assignee or link.system
    since = f"{link.updated_at}"
    takes = ticket.assignee != "" and ticket.assignee not in {link.assignee, user}
    if takes:
        told = f"{link.called} is assigned to {plain(ticket.assignee, _NAME_LIMIT)}"
        yield _operation(link, f"assigned:{since}", OperationKind.ACK, now, ticket.assignee, told)
    if ticket.status.value != link.status:
        told = f"{link.called} is {ticket.status.value}, was {link.status}"
        works = ticket.status is TicketStatus.IN_PROGRESS and not takes
        yield _operation(link, f"status:{since}", OperationKind.ACK if works else OperationKind.COMMENT, now, who, told)


def _operation(link: TicketLink, name: str, kind: OperationKind, at: int, who: str, text: str) -> Operation:  # an operation's parts
    return Operation(
        id=f"{FROM_TICKET}{link.system}:{link.remote_id}:{name}",
        kind=kind,
        at=at,
        operator=FROM_TICKET + (plain(who, _NAME_LIMIT) or link.system),
        target=link.incident,
        domain="",
        text=text[:COMMENT_LIMIT],
        via="ticket",
    )


def _text(text: str) -> str:
    """A person's note, made plain line by line; as much of it as a comment holds."""
    lines = [plain(line) for line in text.splitlines()]
    told = "\n".join(line for line in lines if line)
    return told if len(told) <= COMMENT_LIMIT else told[: COMMENT_LIMIT - 1] + "\u2026"
