"""One call of a billing system's HTTP API: to the address that was checked, following nothing, its answer read by a shape."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec

from pipeline.outputs.address import AddressRefusedError, check_url
from pipeline.outputs.billing.port import CannotPostError, again, refused
from pipeline.outputs.http import AnswerTooLargeError, failure, whole
from pipeline.outputs.ports import Again, Refused
from pipeline.outputs.webhook import Sessions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Api:
    """The API at ``base``. ``headers`` go with every call and hold the credentials; they are not printed."""

    base: str
    sessions: Sessions
    allow_private: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def get(self, shape: type[T], path: str, query: Mapping[str, str] | None = None) -> T:
        """Read something. Raises ``CannotPostError``, or aiohttp's errors."""
        return await self._call(shape, "GET", path, query)

    async def post(self, shape: type[T], path: str, query: Mapping[str, str] | None = None, **sent: Any) -> T:
        """Send something: ``json`` or ``data``, and more ``headers``. Raises as :meth:`get`."""
        return await self._call(shape, "POST", path, query, **sent)

    async def send(self, path: str, data: bytes, headers: Mapping[str, str]) -> None:
        """Send something whose answer says no more than that it was taken. Raises as :meth:`get`."""
        await self._answered("POST", path, None, {"data": data, "headers": headers})

    async def _call(self, shape: type[T], method: str, path: str, query: Mapping[str, str] | None = None, **sent: Any) -> T:
        body = await self._answered(method, path, query, sent)
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.MsgspecError as error:
            raise again(f"the answer is not as the API is published: {error}") from error

    async def _answered(self, method: str, path: str, query: Mapping[str, str] | None, sent: dict[str, Any]) -> bytes:
        options = {**sent, "params": query, "headers": {**self.headers, **sent.get("headers", {})}}
        session = self.sessions.private if self.allow_private else self.sessions.public
        try:
            target = check_url(self.base.rstrip("/") + path, allow_private=self.allow_private)
            async with session.request(method, target, allow_redirects=False, **options) as response:
                if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                    raise await _failed(response)
                return await whole(response)
        except AddressRefusedError as error:
            raise refused(f"billing.url: {error}") from error
        except AnswerTooLargeError as error:
            raise again(str(error)) from error


async def _failed(response: aiohttp.ClientResponse) -> CannotPostError:
    outcome = await failure(response, time.time_ns())
    assert isinstance(outcome, Again | Refused)
    return CannotPostError(outcome)
