"""Topic ``effects`` into the outbox, and receipts out of it to topic ``receipts``."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline import wire
from pipeline.bus import ConsumerRecord, partition_of
from pipeline.core.effect import Effect, Receipt
from pipeline.core.ledger import canonical
from pipeline.core.reason import Reason
from pipeline.outputs.keeping import Consumer, Keeper
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.pause import pause
from pipeline.outputs.ports import OutboxPort

log = logging.getLogger(__name__)

KEY_LIMIT = 1_000
"""Characters; what the store's indexes hold."""
_BATCH = 500
_LATEST = 2**63


class Producer(Protocol):
    """What is asked of a producer; an aiokafka producer is one."""

    async def send_and_wait(self, topic: str, value: bytes, *, partition: int) -> object:
        """Send one message and wait until the broker has it."""


@dataclass(slots=True)
class Sorted:
    """Messages told apart: effects to keep, and dead letters for what cannot be kept."""

    effects: list[Effect] = field(default_factory=list)
    letters: list[wire.DeadLetter] = field(default_factory=list)


def why_unstorable(effect: Effect) -> str:
    """Why an effect cannot be kept as it is; empty when it can."""
    names = (effect.key, effect.subject, effect.route, effect.reason)
    if not effect.key or not effect.route:
        return "it has no key or no route"
    if not 0 <= effect.decided_at < _LATEST:
        return "its time is no time"
    if any(len(name) > KEY_LIMIT or "\0" in name or not name.isprintable() for name in names):
        return f"a name in it is longer than {KEY_LIMIT} characters or not printable"
    try:
        canonical(effect.body)
    except (TypeError, ValueError, RecursionError) as error:
        return f"its body is no JSON: {error}"
    return ""


def sort_messages(records: Sequence[ConsumerRecord], at: int) -> Sorted:
    """Decode messages; one that holds anything else, or an effect that cannot be kept, goes to ``dead.letters`` as it came."""
    result = Sorted()
    for record in records:
        try:
            effects = [value for value in wire.decode(record.value or b"") if _is_effect(value)]
        except wire.WireError as error:
            result.letters.append(letter_of(record, str(error), at))
            continue
        refusals = [why for effect in effects if (why := why_unstorable(effect))]
        result.effects += [effect for effect in effects if not why_unstorable(effect)]
        result.letters += [letter_of(record, refusals[0], at)] if refusals else []
    return result


def _is_effect(value: object) -> bool:
    if not isinstance(value, Effect):
        raise wire.WireError(f"a {type(value).__name__} among the effects")
    return True


def letter_of(record: ConsumerRecord, detail: str, at: int) -> wire.DeadLetter:
    """What is kept of a message that cannot be read."""
    return wire.DeadLetter(
        record.topic, record.partition, record.offset, Reason.MALFORMED.value, detail, at, record.key, record.value or b""
    )


class Intake:
    """Consumes effects into the outbox; a message is committed only once all its effects are kept.

    ``stored`` is called after each batch; ``clock`` answers UTC nanoseconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        producer: Producer,
        store: OutboxPort,
        metrics: OutputMetrics,
        *,
        stored: Callable[[], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._store = store
        self._metrics = metrics
        self._stored = stored
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set."""
        await Keeper(self._consumer, self._keep, "effects").run(stop)

    async def _keep(self, records: Sequence[ConsumerRecord]) -> None:
        """Effects that come again are known by their keys."""
        found = sort_messages(records, self._clock())
        for letter in found.letters:
            log.error("message %s/%d/%d refused: %s", letter.topic, letter.partition, letter.offset, letter.detail)
            await self._producer.send_and_wait(wire.Topic.DEAD_LETTERS.value, wire.encode([letter]), partition=letter.partition)
            self._metrics.unreadable.labels(letter.reason).inc()
        if not found.effects:
            return
        kept = await asyncio.to_thread(self._store.put_effects, found.effects, self._clock())
        self._metrics.effects.labels("any", "repeated").inc(kept.repeated)
        self._metrics.effects.labels("credit", "conflicting").inc(kept.conflicting)
        self._stored()


class ReceiptPublisher:
    """Sends receipts that the topic does not have, each at least once, in order for each subject."""

    def __init__(self, producer: Producer, store: OutboxPort, metrics: OutputMetrics, partitions: int) -> None:
        self.wake = asyncio.Event()
        self._producer = producer
        self._store = store
        self._metrics = metrics
        self._partitions = partitions

    async def run(self, stop: asyncio.Event, every_s: float = 0.5) -> None:
        """Publish until ``stop`` is set, then once more."""
        while not stop.is_set():
            await self._round()
            await pause(every_s, self.wake, stop)
            self.wake.clear()
        await self._round()

    async def _round(self) -> None:
        try:
            while await self._publish():
                pass
            self._metrics.set_pending(await asyncio.to_thread(self._store.pending))
        except Exception:
            log.exception("receipts wait in the store and are sent later (remedy: look at the broker and the database)")

    async def _publish(self) -> bool:
        rows = await asyncio.to_thread(self._store.unpublished, _BATCH)
        by_partition: dict[int, list[Receipt]] = {}
        for _, receipt in rows:
            by_partition.setdefault(partition_of(receipt.subject, self._partitions), []).append(receipt)
        for partition, receipts in by_partition.items():
            await self._producer.send_and_wait(wire.Topic.RECEIPTS.value, wire.encode(receipts), partition=partition)
        if rows:
            await asyncio.to_thread(self._store.mark_published, [row_id for row_id, _ in rows])
        return len(rows) == _BATCH
