"""An effect: an intended outward action with an idempotency key; a receipt: the proof that it was done."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EffectKind(StrEnum):
    """What is to be done, and by which output."""

    TICKET_OPEN = "ticket-open"
    TICKET_UPDATE = "ticket-update"
    TICKET_RESOLVE = "ticket-resolve"
    NOTIFY = "notify"
    CREDIT = "credit"
    MESSAGE = "message"
    REMEDY = "remedy"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Effect:
    """One intended action. ``key`` is the idempotency key: the same key is the same action, done once.

    ``subject`` is the incident or contract whose effects keep their order. ``route`` names the receiver (a ticket system or a notification
    route of the configuration). ``body`` is JSON-ready. ``reason`` is the word of :class:`pipeline.core.reason.Reason` that decided it.
    """

    key: str
    kind: EffectKind
    subject: str
    route: str
    decided_at: int
    reason: str
    body: dict[str, Any] = field(default_factory=dict)


class Outcome(StrEnum):
    """How an effect ended."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof of one effect: ``remote_id`` is the other side's name for it (a ticket number, a ledger entry)."""

    key: str
    kind: EffectKind
    subject: str
    route: str
    outcome: Outcome
    at: int
    remote_id: str = ""
    attempts: int = 1
    detail: str = ""
