"""Who may ask: by which host name, with which method, with which token."""

import hmac
import ipaddress

from aiohttp import web

from pipeline.api.caller import Callers, token_of
from pipeline.api.refusal import NO_TOKEN, OTHER_HOST, OWN_VIEW_ONLY, READ_ONLY, RefusedError
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiRole, ApiSettings

METHODS = frozenset({"GET", "HEAD"})
CHANGING = frozenset({"POST", "PATCH", "DELETE"})
OWN_VIEW = frozenset({"/view", "/api/view"})
CUSTOMERS_OWN = OWN_VIEW | {"/console.css"}
"""All that a customer's token opens."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """Refuses what may not be asked, by the settings of the API; ``check`` looks at one request."""

    def __init__(self, settings: ApiSettings, callers: Callers | None = None) -> None:
        self._token = settings.token
        self._callers = callers or Callers(settings.tokens)
        self._hosts = hosts_of(settings)

    def check(self, request: web.Request) -> None:
        """Raises ``RefusedError``: 405 for a method that changes things, 421 for a foreign host name, 401 without the token.

        A customer's token is refused (403) everywhere but at its own view, whether the address exists or not. What may be changed asks
        for a token of its own (:meth:`pipeline.api.caller.Callers.operator`).
        """
        changes = _changes(request)
        if request.method not in METHODS and not changes:
            raise RefusedError(READ_ONLY)
        if self._hosts and host_name(request.headers.get("Host", "")) not in self._hosts:
            raise RefusedError(OTHER_HOST)
        given = token_of(request.headers.get("Authorization", ""))
        known = self._callers.known(given)
        if known is not None and known.role is ApiRole.CUSTOMER and (changes or request.path not in CUSTOMERS_OWN):
            raise RefusedError(OWN_VIEW_ONLY)
        if self._token and not changes and not self._may_read(given, by_role=known is not None):
            raise RefusedError(NO_TOKEN)

    def is_customers(self, request: web.Request) -> bool:
        """Whether a customer reads the answer: they carry a customer's token, or ask for what only such a one opens."""
        known = self._callers.known(token_of(request.headers.get("Authorization", "")))
        return request.path in OWN_VIEW if known is None else known.role is ApiRole.CUSTOMER

    def _may_read(self, given: str, *, by_role: bool) -> bool:
        return hmac.compare_digest(_bytes(given), _bytes(self._token.reveal())) or by_role


def _changes(request: web.Request) -> bool:
    """Whether this asks for a change where one can be asked for."""
    match = request.match_info
    return request.method in CHANGING and match.http_exception is None and match.route.method == request.method


def hosts_of(settings: ApiSettings) -> frozenset[str]:
    """The host names that are answered; empty means any.

    A page of another site can make its own name resolve to 127.0.0.1 and then read what listens there, with the reader's browser as the
    messenger (DNS rebinding). Only the ``Host`` header tells. Off loopback the token stands in the way of that.
    """
    listed = frozenset(name.lower() for name in settings.hosts)
    own = host_name(settings.listen)
    return listed | _LOOPBACK | {own} if is_loopback(own) else listed


def host_name(authority: str) -> str:
    """The host of ``host:port`` (RFC 9110, section 7.2), in small letters, without port, brackets or the root's dot."""
    host = authority.partition("]")[0].lstrip("[") if authority.startswith("[") else authority.partition(":")[0]
    return host.lower().removesuffix(".")


def check_exposure(listen: str, token: Secret) -> None:
    """Raises ``OSError`` when the console would face a network without asking who is there."""
    if not token and not is_loopback(host_name(listen)):
        raise OSError(
            f"api.listen is {listen}, which is not loopback: set api.token (for example env:ASSURE_API_TOKEN), or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
