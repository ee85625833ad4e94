"""Hears questions on topic ``questions``: from now on, as far as the broker lets it. The schedule does without."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence

from pipeline import bus, wire
from pipeline.core.suspicion import Question

log = logging.getLogger(__name__)

Hear = Callable[[], AsyncIterator[Sequence[Question]]]
"""Begins to listen; the first answer, which may be empty, says that it can. Raises whatever its broker's library does."""


async def kafka_questions(bootstrap: str) -> AsyncIterator[Sequence[Question]]:
    """Questions of every partition that are asked from now on. Nothing is committed: an old question is not worth an answer.

    Raises ``LookupError`` while the topic is not declared; reading it would declare it with the broker's own number of partitions.
    """
    if not await bus.has_topic(bootstrap, wire.Topic.QUESTIONS):
        raise LookupError(f"topic {wire.Topic.QUESTIONS} is not there yet; the worker declares it")
    async with bus.reader(bootstrap, wire.Topic.QUESTIONS, from_start=False) as client:
        for place in client.assignment():
            await client.position(place)
        yield ()
        async for record in client:
            yield _read(record.value)


def _read(message: bytes) -> list[Question]:
    try:
        return [each for each in wire.decode(message) if isinstance(each, Question)]
    except wire.WireError as error:
        log.warning("a message of %s is passed over: %s", wire.Topic.QUESTIONS, error)
        return []
