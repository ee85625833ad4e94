"""HTTP and JSON as all ticket systems are spoken to: one base, one way to prove who we are, one meaning of failure."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec

from pipeline.config.secret import Secret
from pipeline.outputs.http import failure, whole
from pipeline.outputs.ports import Again
from pipeline.outputs.ticketing.system import CallFailedError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with success, or 404: its body and its entity tag."""

    status: int
    body: bytes
    etag: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether what was asked for is not there."""
        return self.status == HTTPStatus.NOT_FOUND

    def read(self, shape: type[T]) -> T:
        """The body as a value of ``shape``. Raises ``CallFailedError``, which means again, for what is no such thing."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except msgspec.MsgspecError as error:
            raise CallFailedError(Again(f"the ticket system's answer is not understood: {error}"), self.status) from error


class Calls:
    """Calls to ``base`` (``https://host``, a path may follow) with ``headers``. ``clock`` answers UTC nanoseconds."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._session = session
        self._base = base.rstrip("/")
        self._headers = dict(headers or {})
        self._clock = clock

    async def __call__(  # one call with what HTTP has
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | list[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answered:
        """The answer; a redirect is a failure. Raises ``CallFailedError`` for what is neither success nor 404, and for 404 unless a GET.

        Raises ``AnswerTooLargeError`` for an answer that is none.
        """
        sent = {**self._headers, **(headers or {})}
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            sent["Content-Type"] = content_type
        url = self._base + path
        async with self._session.request(method, url, params=params, data=data, headers=sent, allow_redirects=False) as response:
            missing = response.status == HTTPStatus.NOT_FOUND and method == "GET"
            if not missing and not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                raise CallFailedError(await failure(response, self._clock()), response.status)
            return Answered(response.status, await whole(response), response.headers.get("ETag", ""))


def basic(user: str, secret: Secret) -> dict[str, str]:
    """The header of HTTP's basic authentication (RFC 7617)."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{secret.reveal()}".encode()).decode()}


def credentials(user: str, secret: Secret, token_form: str) -> dict[str, str]:
    """How we say who we are: a user with a password, or a token after what its system wants before it (``token_form``); or not at all."""
    if user:
        return basic(user, secret)
    between = "" if token_form.endswith("=") else " "
    return {"Authorization": f"{token_form}{between}{secret.reveal()}"} if secret else {}
