"""What stands around every agent's body: a message that cannot be handled becomes a dead letter, and the partition goes on."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from prometheus_client import Counter, Histogram

from pipeline.core.reason import Reason
from pipeline.stream.turn import Turn, Turns
from pipeline.wire import DeadLetter, Topic, WireError, decode, encode

log = logging.getLogger(__name__)

MESSAGES = Counter("assure_stream_messages_total", "Messages handled by the worker", ["topic", "outcome"])
SECONDS = Histogram("assure_stream_seconds", "Seconds to handle one message", ["topic"], buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3))

Send = Callable[[Topic, int, Sequence[Any]], Awaitable[None]]
"""Publishes values of one kind as one message to a partition of a topic."""

Handler = Callable[[int, list[Any], Turn], None]
"""Handles values that came on a partition: what it wants done, it puts into the turn."""

TURN_VALUES = 256
"""A message of more values is handled in several turns, so that no turn's record becomes larger than a broker takes."""


class Delivered(Protocol):
    """What the guard needs to know of a Faust event."""

    key: bytes | None
    value: bytes
    message: Any


class Guard:
    """Runs handlers. ``on_failure`` is told the partition whose handler failed, so that half-changed state can be dropped.

    Dead letters go out by ``send``, everything else in turns.
    """

    def __init__(self, turns: Turns, send: Send, on_failure: Callable[[int], None] = lambda _: None) -> None:
        self._turns = turns
        self._send = send
        self._on_failure = on_failure

    async def run(self, event: Delivered, handler: Handler) -> None:
        """Decode the message and handle it; if either fails, keep it as a dead letter with the reason."""
        topic, partition = event.message.topic, event.message.partition
        began = time.perf_counter()
        try:
            values = decode(event.value)
            for first in range(0, len(values), TURN_VALUES):
                turn = await self._turns.begin(partition)
                handler(partition, values[first : first + TURN_VALUES], turn)
                await self._turns.complete(partition, turn)
        except WireError as error:
            await self._bury(event, Reason.UNDECODABLE, str(error))
        except Exception as error:
            log.exception("a message of %s cannot be handled; it is kept in %s", topic, Topic.DEAD_LETTERS)
            self._on_failure(partition)
            await self._bury(event, Reason.HANDLER_FAILED, f"{type(error).__name__}: {error}")
        else:
            MESSAGES.labels(topic, "handled").inc()
        SECONDS.labels(topic).observe(time.perf_counter() - began)

    async def _bury(self, event: Delivered, reason: Reason, detail: str) -> None:
        message = event.message
        MESSAGES.labels(message.topic, reason.value).inc()
        letter = DeadLetter(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            reason=reason.value,
            detail=detail[:2000],
            at=time.time_ns(),
            key=event.key,
            value=event.value,
        )
        await self._send(Topic.DEAD_LETTERS, message.partition, [letter])


def sender(publish: Callable[..., Awaitable[Any]], on_lost: Callable[[BaseException], None]) -> Send:
    """A :data:`Send` over Faust's producer: ``publish(topic, key, value, partition, timestamp, headers)``.

    A send that the broker never acknowledged calls ``on_lost``, which must end the process: offsets may not be committed past it.
    """

    def acknowledged(future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            on_lost(error)

    async def send(topic: Topic, partition: int, items: Sequence[Any]) -> None:
        if items:
            future = asyncio.ensure_future(await publish(topic.value, None, encode(items), partition, None, None))
            future.add_done_callback(acknowledged)

    return send
