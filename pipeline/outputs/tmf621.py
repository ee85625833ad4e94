"""A client of TMF621 v4 trouble tickets: find, read, create, change; no retries and no decisions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from pipeline.core.ticket import TicketStatus
from pipeline.outputs.http import failure
from pipeline.outputs.ports import Again, Delivery

PATH = "/tmf-api/troubleTicket/v4/troubleTicket"
T = TypeVar("T")


class CallFailedError(Exception):
    """A call that was not answered with success; ``delivery`` says what that means for the effect, ``status`` is HTTP's."""

    def __init__(self, delivery: Delivery, status: int) -> None:
        super().__init__(str(delivery))
        self.delivery = delivery
        self.status = status


@dataclass(frozen=True, slots=True)
class RemoteTicket:
    """A ticket as its system answered it; ``notes`` are its notes verbatim, since a merge patch replaces the list."""

    id: str
    status: TicketStatus
    notes: tuple[dict[str, Any], ...]
    etag: str

    def has_note(self, note_id: str) -> bool:
        """Whether a note with this id was written before."""
        return any(note.get("id") == note_id for note in self.notes)


class _Answer(msgspec.Struct):
    id: str | int
    status: TicketStatus = TicketStatus.ACKNOWLEDGED
    note: list[dict[str, Any]] | None = None
    external_id: str | None = msgspec.field(default=None, name="externalId")


class TroubleTickets:
    """The trouble tickets at ``base`` (``http://host:port``). Raises ``CallFailedError``, or aiohttp's errors when there is no answer."""

    def __init__(self, session: aiohttp.ClientSession, base: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._session = session
        self._url = base.rstrip("/") + PATH
        self._clock = clock

    async def find(self, external_id: str) -> RemoteTicket | None:
        """The ticket with this ``externalId``; answers are checked, since a server may ignore a filter that it does not know."""
        async with self._session.get(self._url, params={"externalId": external_id}, allow_redirects=False) as response:
            found = await self._read(response, list[_Answer])
        return next((_ticket(answer, "") for answer in found if answer.external_id == external_id), None)

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """The ticket with this id; ``None`` when the system has it no more."""
        async with self._session.get(self._one(ticket_id), allow_redirects=False) as response:
            if response.status == HTTPStatus.NOT_FOUND:
                return None
            return await self._read_one(response)

    async def create(self, fields: dict[str, Any]) -> RemoteTicket:
        """A new ticket."""
        async with self._session.post(self._url, json=fields, allow_redirects=False) as response:
            return await self._read_one(response)

    async def change(self, ticket: RemoteTicket, fields: dict[str, Any]) -> RemoteTicket:
        """Write fields (JSON merge patch, RFC 7396), unless the ticket was changed since it was read."""
        headers = {"Content-Type": "application/merge-patch+json"} | ({"If-Match": ticket.etag} if ticket.etag else {})
        data = msgspec.json.encode(fields)
        async with self._session.patch(self._one(ticket.id), data=data, headers=headers, allow_redirects=False) as response:
            return await self._read_one(response)

    def _one(self, ticket_id: str) -> str:
        return f"{self._url}/{quote(ticket_id, safe='')}"

    async def _read_one(self, response: aiohttp.ClientResponse) -> RemoteTicket:
        return _ticket(await self._read(response, _Answer), response.headers.get("ETag", ""))

    async def _read(self, response: aiohttp.ClientResponse, shape: type[T]) -> T:
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise CallFailedError(await failure(response, self._clock()), response.status)
        try:
            return msgspec.json.decode(await response.read(), type=shape)
        except msgspec.MsgspecError as error:
            raise CallFailedError(Again(f"the ticket system's answer is no TMF621 v4: {error}"), response.status) from error


def _ticket(answer: _Answer, etag: str) -> RemoteTicket:
    return RemoteTicket(str(answer.id), answer.status, tuple(answer.note or ()), etag)
