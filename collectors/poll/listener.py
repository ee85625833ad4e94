"""Hears on topic ``questions`` what is asked, and which partitions are this collector's: from now on, as far as the broker lets it."""

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from pipeline import bus, wire
from pipeline.core.suspicion import Question

log = logging.getLogger(__name__)

GROUP = "polls"
"""The consumer group of all poll collectors: it shares out the partitions, and with them the devices."""

_LOOK_MS = 250


@dataclass(frozen=True, slots=True)
class Heard:
    """Questions, or the partitions that are this collector's from now on."""

    questions: tuple[Question, ...] = ()
    partitions: frozenset[int] | None = None


Hear = Callable[[], AsyncIterator[Heard]]
"""Begins to listen; the first answer, which may be empty, says that it can. Raises whatever its broker's library does."""


async def kafka_questions(bootstrap: str) -> AsyncIterator[Heard]:
    """Questions of our partitions that are asked from now on. Nothing is committed: an old question is not worth an answer.

    Raises ``LookupError`` while the topic is not declared; reading it would declare it with the broker's own number of partitions.
    """
    if not await bus.has_topic(bootstrap, wire.Topic.QUESTIONS):
        raise LookupError(f"topic {wire.Topic.QUESTIONS} is not there yet; the worker declares it")
    told: list[frozenset[int]] = []
    async with bus.member(bootstrap, GROUP, wire.Topic.QUESTIONS, told.append) as client:
        while True:
            found = await client.getmany(timeout_ms=_LOOK_MS)
            if told:
                for place in client.assignment():
                    await client.position(place)
                yield Heard(partitions=told[-1])
                told.clear()
            for records in found.values():
                for record in records:
                    yield Heard(_read(record.value))


def _read(message: bytes) -> tuple[Question, ...]:
    try:
        return tuple(each for each in wire.decode(message) if isinstance(each, Question))
    except wire.WireError as error:
        log.warning("a message of %s is passed over: %s", wire.Topic.QUESTIONS, error)
        return ()
