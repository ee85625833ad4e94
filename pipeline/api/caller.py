"""Who may change something: tokens with a role, compared in constant time, with a limit on failures."""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from aiohttp import web

from pipeline.api.refusal import (
    NO_APPROVER,
    ONLY_READS,
    TOO_MANY_FAILURES,
    WITHOUT_APPROVERS,
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
        return self._of_role(request, ApiRole.OPERATOR, WITHOUT_OPERATORS, ONLY_READS)

    def approver(self, request: web.Request) -> str:
        """The name of the approver's token that the request carries; raises as :meth:`operator`."""
        return self._of_role(request, ApiRole.APPROVER, WITHOUT_APPROVERS, NO_APPROVER)

    def _of_role(self, request: web.Request, role: ApiRole, without: Refusal, other: Refusal) -> str:
        if not any(token.role is role for _, token in self._tokens):
            raise RefusedError(without)
        address = request.remote or ""
        self._failures.check(address)
        scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
        token = self.known(offered.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            self._failures.note(address)
            raise RefusedError(WRONG_TOKEN)
        if token.role is not role:
            raise RefusedError(other)
        return token.name


def _digest(text: str) -> bytes:
    """Of one length whatever the text, so that a comparison tells nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
