"""Who may change something: tokens with a role, compared in constant time, with a limit on failures."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from pipeline.api.refusal import (
    NO_APPROVER,
    NO_CUSTOMER,
    NO_TOKEN,
    ONLY_READS,
    TOO_MANY_FAILURES,
    WITHOUT_APPROVERS,
    WITHOUT_CUSTOMERS,
    WITHOUT_OPERATORS,
    WRONG_TOKEN,
    Refusal,
    RefusedError,
)
from pipeline.config.settings import ApiRole, ApiTokenSettings

MOST_FAILURES = 10
WINDOW_S = 60.0
MOST_ADDRESSES = 1_000


class Failures:
    """Counts wrong tokens by the address that they came from: after ten within a minute nothing more is looked at for the rest of it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, list[float]] = {}

    def check(self, address: str) -> None:
        """Raises ``RefusedError`` (429) for an address that has failed too often."""
        if len(self._latest(address)) >= MOST_FAILURES:
            raise RefusedError(TOO_MANY_FAILURES)

    def note(self, address: str) -> None:
        """One more failure; of addresses that are too many, the one that failed longest ago is forgotten."""
        times = self._latest(address)
        self._seen.pop(address, None)
        self._seen[address] = [*times, self._clock()][-MOST_FAILURES:]
        if len(self._seen) > MOST_ADDRESSES:
            del self._seen[next(iter(self._seen))]

    def _latest(self, address: str) -> list[float]:
        since = self._clock() - WINDOW_S
        return [at for at in self._seen.get(address, ()) if at > since]


class Callers:
    """Finds who calls by the bearer token of a request (RFC 6750); nothing that a browser sends by itself counts."""

    def __init__(self, tokens: Sequence[ApiTokenSettings], failures: Failures | None = None) -> None:
        self._tokens = [(_digest(token.secret.reveal()), token) for token in tokens if token.secret]
        self._failures = failures or Failures()

    def known(self, offered: str) -> ApiTokenSettings | None:
        """The token that was offered; every known one is compared, whichever it is."""
        given, found = _digest(offered), None
        for digest, token in self._tokens:
            if hmac.compare_digest(given, digest):
                found = token
        return found if offered else None

    def operator(self, request: web.Request) -> str:
        """The name of the operator's token that the request carries.

        Raises ``RefusedError``: 403 where no operator is known or the token's role is another, 401 for another token or none, 429 after too
        many.
        """
        return self._asked(request, _bearer(request), _OPERATOR).name

    def approver(self, request: web.Request) -> str:
        """The name of the approver's token that the request carries; raises as :meth:`operator`."""
        return self._asked(request, _bearer(request), _APPROVER).name

    def customer(self, request: web.Request) -> str:
        """The customer whose token the request carries; raises as :meth:`operator`.

        Nothing is changed by it, so what a browser sends by itself (``Basic``) counts here.
        """
        return self._asked(request, token_of(request.headers.get("Authorization", "")), _CUSTOMER).customer

    def _asked(self, request: web.Request, offered: str, asks: "_Asks") -> ApiTokenSettings:
        if not any(token.role is asks.role for _, token in self._tokens):
            raise RefusedError(asks.without)
        address = request.remote or ""
        self._failures.check(address)
        token = self.known(offered)
        if token is None:
            if offered:  # a browser asks once without a token before it asks its user
                self._failures.note(address)
            raise RefusedError(asks.wrong)
        if token.role is not asks.role:
            raise RefusedError(asks.other)
        return token


class _Asks(NamedTuple):
    """A role that is wanted, and the refusals: nobody has it, the token has another, there is no such token."""

    role: ApiRole
    without: Refusal
    other: Refusal
    wrong: Refusal


_OPERATOR = _Asks(ApiRole.OPERATOR, WITHOUT_OPERATORS, ONLY_READS, WRONG_TOKEN)
_APPROVER = _Asks(ApiRole.APPROVER, WITHOUT_APPROVERS, NO_APPROVER, WRONG_TOKEN)
_CUSTOMER = _Asks(ApiRole.CUSTOMER, WITHOUT_CUSTOMERS, NO_CUSTOMER, NO_TOKEN)


def _bearer(request: web.Request) -> str:
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    return offered.strip() if scheme.lower() == "bearer" else ""


def token_of(authorization: str) -> str:
    """The token of ``Bearer``, or the password of ``Basic`` (for browsers; any user name). Empty when there is none."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""


def _digest(text: str) -> bytes:
    """Of one length whatever the text, so that a comparison tells nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
