"""Answers that are not what was asked for: each a status, a plain title and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller is told. ``text`` never holds what the program knows of itself: no trace, no address, no statement."""

    status: int
    title: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class RefusedError(Exception):
    """Ends a request with a :class:`Refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.title)
        self.refusal = refusal


def bad_question(text: str) -> RefusedError:
    """A parameter that is not understood."""
    return RefusedError(Refusal(400, "This question is not understood", text))


def bad_body(problems: Sequence[str]) -> RefusedError:
    """What is to be done is not understood; every problem is told."""
    return RefusedError(Refusal(400, "This cannot be done", "; ".join(problems) + ".", problems=tuple(problems)))


def unknown(text: str) -> RefusedError:
    """Nothing has that name."""
    return RefusedError(Refusal(404, "Not found", text))


STORE_DOWN = Refusal(
    503,
    "A store does not answer",
    "The history (ClickHouse) or the database of obligations cannot be read at the moment. Nothing is lost: what happens is kept and shown "
    "when it answers again. `assure doctor` says which one it is.",
    {"Retry-After": "5"},
)
FAILED = Refusal(500, "Something went wrong here", "The log of the part `api` has the details. Other pages may work.")
NO_TOKEN = Refusal(
    401,
    "A token is asked for",
    "Send it as `Authorization: Bearer TOKEN`; in a browser, give it as the password with any user name.",
    {"WWW-Authenticate": 'Basic realm="assure", charset="UTF-8"'},
)
READ_ONLY = Refusal(405, "This is read-only", "Only GET and HEAD are answered; nothing can be changed here.", {"Allow": "GET, HEAD"})
WITHOUT_OPERATORS = Refusal(
    403,
    "Nobody may change anything here",
    "No token has the role operator. List one under `api.tokens` of the settings: "
    "{name: noc, role: operator, secret: file:secrets/noc-token}.",
)
WRONG_TOKEN = Refusal(
    401,
    "An operator's token is asked for",
    "Send one of `api.tokens` as `Authorization: Bearer TOKEN`.",
    {"WWW-Authenticate": 'Bearer realm="assure"'},
)
ONLY_READS = Refusal(403, "This token only reads", "Its role in `api.tokens` of the settings is not operator, which this wants.")
WITHOUT_APPROVERS = Refusal(
    403,
    "Nobody may approve credits here",
    "No token has the role approver. List one under `api.tokens` of the settings: "
    "{name: ann, role: approver, secret: file:secrets/ann-token}.",
)
NO_APPROVER = Refusal(
    403, "This token approves nothing", "Its role in `api.tokens` of the settings is another; to decide about credits it must be approver."
)
OWN_VIEW_ONLY = Refusal(403, "This token opens one page", "A customer's token reads the customer's own view: /view, or /api/view for JSON.")
WITHOUT_CUSTOMERS = Refusal(
    403,
    "No customer has a view here",
    "No token has the role customer. List one under `api.tokens` of the settings: "
    "{name: acme-portal, role: customer, customer: acme, secret: file:secrets/acme-token}. Staff read /customers/NAME/view.",
)
NO_CUSTOMER = Refusal(
    403, "This token is of no customer", "Staff read a customer's view at /customers/NAME/view, or /api/customers/NAME/view."
)
TOO_MANY_FAILURES = Refusal(429, "Too many wrong tokens", "Nothing from this address is looked at for a minute.", {"Retry-After": "60"})
OTHER_HOST = Refusal(
    421,
    "Not by this name",
    "The console is not called by this host name. Use the address that it listens on, or list the name in `api.hosts` of the settings.",
)


def for_customer(refusal: Refusal) -> Refusal:
    """The same for a customer, who is told nothing of what fails within."""
    return Refusal(refusal.status, *_NOT_NOW, refusal.headers) if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else refusal


_NOT_NOW = ("Your services cannot be shown at the moment", "This says nothing of the services themselves. Please try again in a minute.")


def of_http(error: web.HTTPException) -> Refusal:
    """What the web library refuses by itself, in our words."""
    if error.status == HTTPStatus.NOT_FOUND:
        return Refusal(404, "Not found", "There is no such page.")
    return Refusal(error.status, HTTPStatus(error.status).phrase, "This request is not answered.")
