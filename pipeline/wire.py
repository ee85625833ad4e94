"""Domain values <-> message bytes: the one codec.

A message is a batch of values of one kind for one partition: msgpack of ``[version, kind, [value…]]``. A reader that meets another
version or an unknown kind refuses the message by name (it goes to ``dead.letters``) and never guesses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from pipeline.core.alarm import AlarmChange
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.claim import ClaimRow
from pipeline.core.effect import Effect, Receipt
from pipeline.core.evaluation import Evaluation
from pipeline.core.event import Event, StateReport, Tick
from pipeline.core.exclusion import ExclusionRow
from pipeline.core.incident import Incident
from pipeline.core.kpi import KpiBatch
from pipeline.core.operation import Answer, Operation
from pipeline.core.outage import Outage
from pipeline.core.raw import RawPoll, RawTrap
from pipeline.core.rollup import Part
from pipeline.core.settle import Settle
from pipeline.core.suspicion import Question
from pipeline.core.window import WindowRow

VERSION = 1
T = TypeVar("T")


class Topic(StrEnum):
    """Every topic. Keys are told in the README of this folder."""

    RAW_TRAPS = "raw.traps"
    RAW_POLLS = "raw.polls"
    EVENTS = "events"
    ALARMS = "alarms"
    INCIDENTS = "incidents"
    OUTAGES = "outages"
    KPIS = "kpis"
    ROLLUPS = "rollups"
    QUESTIONS = "questions"
    EVALUATIONS = "evaluations"
    EFFECTS = "effects"
    RECEIPTS = "receipts"
    ANSWERS = "answers"
    DEAD_LETTERS = "dead.letters"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled: where it was, why, and its bytes, so that it can be replayed after the mend."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    at: int
    key: bytes | None
    value: bytes


KINDS: dict[str, type[Any]] = {
    "trap": RawTrap,
    "poll2": RawPoll,
    "event": Event,
    "report": StateReport,
    "tick": Tick,
    "alarm": AlarmChange,
    "incident": Incident,
    "outage": Outage,
    "settle": Settle,
    "kpi2": KpiBatch,
    "anomaly": AnomalyBatch,
    "rollup-part": Part,
    "question": Question,
    "evaluation": Evaluation,
    "effect": Effect,
    "receipt": Receipt,
    "operation": Operation,
    "answer": Answer,
    "window": WindowRow,
    "exclusion": ExclusionRow,
    "claim": ClaimRow,
    "dead-letter": DeadLetter,
}
"""Kind on the wire -> type in the code. A kind is never given another meaning: a new form is a new kind."""

_KIND_OF = {value_type: kind for kind, value_type in KINDS.items()}


class WireError(ValueError):
    """A message that this version cannot read; the text says which version, kind or field."""


class _Envelope(msgspec.Struct, array_like=True, frozen=True):
    version: int
    kind: str
    items: msgspec.Raw


_encode = msgspec.msgpack.Encoder().encode
_decode_envelope = msgspec.msgpack.Decoder(_Envelope).decode
_decoders: dict[str, Callable[[msgspec.Raw], list[Any]]] = {
    kind: msgspec.msgpack.Decoder(list[value_type]).decode  # type: ignore[valid-type]  # built from the table above
    for kind, value_type in KINDS.items()
}


def encode(items: Sequence[Any]) -> bytes:
    """Pack values of one type into one message. Raises ``WireError`` for an empty batch or a type that has no kind."""
    if not items:
        raise WireError("an empty batch has no kind")
    kind = _KIND_OF.get(type(items[0]))
    if kind is None:
        raise WireError(f"{type(items[0]).__name__} has no kind on the wire")
    return _encode((VERSION, kind, items))


def decode(data: bytes) -> list[Any]:
    """Unpack one message into values of one type. Raises ``WireError`` with the reason."""
    try:
        envelope = _decode_envelope(data)
        if envelope.version != VERSION:
            raise WireError(f"message version {envelope.version}, this program reads {VERSION}")
        decoder = _decoders.get(envelope.kind)
        if decoder is None:
            raise WireError(f"unknown kind {envelope.kind!r}")
        return decoder(envelope.items)
    except msgspec.MsgspecError as error:
        raise WireError(str(error)) from error


def pack(value: Any) -> bytes:
    """One value to bytes, for a table row whose type the reader knows."""
    return _encode(value)


def unpacker(value_type: type[T]) -> Callable[[bytes], T]:
    """A function that reads what :func:`pack` wrote for ``value_type``."""
    return msgspec.msgpack.Decoder(value_type).decode


def to_json(value: Any) -> bytes:
    """One value as JSON, for people and HTTP."""
    return msgspec.json.encode(value)
