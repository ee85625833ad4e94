"""The audit trail's two ways: operations that nobody could publish are published, and answers are kept."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from pipeline import wire
from pipeline.bus import ConsumerRecord, operation_messages
from pipeline.core.operation import Answer
from pipeline.outputs.intake import Producer, letter_of
from pipeline.outputs.keeping import Consumer, Keeper
from pipeline.outputs.pause import pause
from pipeline.outputs.ports import OperationsPort

log = logging.getLogger(__name__)

GRACE_NS = 2_000_000_000
"""Whoever keeps an operation publishes it too; only after this long it is taken to have failed."""
_BATCH = 100
_PAUSE_S = 1.0


class OperationPublisher:
    """Sends operations that were kept and not sent, in their order: whoever kept them was killed, or had no broker.

    One that was sent and not marked so is sent again: operations have ids, and are done once.
    """

    def __init__(self, producer: Producer, store: OperationsPort, partitions: int, clock: Callable[[], int] = time.time_ns) -> None:
        self._producer = producer
        self._store = store
        self._partitions = partitions
        self._clock = clock

    async def run(self, stop: asyncio.Event, every_s: float = _PAUSE_S) -> None:
        """Look once a second until ``stop`` is set."""
        while not stop.is_set():
            try:
                await self.publish()
            except Exception:
                log.exception("operations wait in the store and are sent later (remedy: look at the broker and the database)")
            await pause(every_s, stop)

    async def publish(self) -> int:
        """Send what is overdue; how many."""
        found = await asyncio.to_thread(self._store.unpublished_operations, self._clock() - GRACE_NS, _BATCH)
        for stored in found:
            for partition, message in operation_messages(stored.operation, stored.domains, self._partitions):
                await self._producer.send_and_wait(wire.Topic.EVENTS.value, message, partition=partition)
            await asyncio.to_thread(self._store.mark_operations_published, [stored.operation.id])
        return len(found)


class AnswerIntake:
    """Keeps answers of the stream beside their operations; a message is committed once it is kept."""

    def __init__(self, consumer: Consumer, producer: Producer, store: OperationsPort) -> None:
        self._consumer = consumer
        self._producer = producer
        self._store = store

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set."""
        await Keeper(self._consumer, self._keep, "answers").run(stop)

    async def _keep(self, records: Sequence[ConsumerRecord]) -> None:
        answers: list[Answer] = []
        for record in records:
            found = _answers_of(record)
            if isinstance(found, str):
                log.error("message %s/%d/%d refused: %s", record.topic, record.partition, record.offset, found)
                letter = letter_of(record, found, time.time_ns())
                await self._producer.send_and_wait(wire.Topic.DEAD_LETTERS.value, wire.encode([letter]), partition=record.partition)
            else:
                answers += found
        await asyncio.to_thread(self._store.answer_operations, answers)


def _answers_of(record: ConsumerRecord) -> list[Answer] | str:
    """The answers in a message, or why there are none to be had."""
    try:
        values = wire.decode(record.value or b"")
    except wire.WireError as error:
        return str(error)
    return values if all(isinstance(value, Answer) for value in values) else f"a {type(values[0]).__name__} among the answers"
