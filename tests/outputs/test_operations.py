"""Operations that nobody could publish are published, and answers find their way into the audit trail, whatever is killed between."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.bus import partition_of
from pipeline.core.operation import Answer, Operation, OperationKind, Outcome
from pipeline.core.reason import Reason
from pipeline.obligations import Obligations
from pipeline.outputs.operations import GRACE_NS, AnswerIntake, OperationPublisher
from pipeline.wire import Topic, decode, encode

GIVEN = Operation("op-1", OperationKind.WINDOW_END, 1_000, "alice", "mw-1", "", via="cli")


class Producer:
    """Keeps what was sent; refuses the first ``refuses`` messages."""

    def __init__(self, refuses: int = 0) -> None:
        self.sent: list[tuple[str, int, list[Any]]] = []
        self.refuses = refuses

    async def send_and_wait(self, topic: str, value: bytes, *, partition: int) -> None:
        if self.refuses:
            self.refuses -= 1
            raise ConnectionError("no broker")
        self.sent.append((topic, partition, decode(value)))


class Consumer:
    """Gives its messages, and then ends the work."""

    def __init__(self, stop: asyncio.Event, values: Sequence[bytes]) -> None:
        self.stop = stop
        self.left = [[SimpleNamespace(topic="answers", partition=1, offset=n, key=None, value=value) for n, value in enumerate(values)]]
        self.committed = 0

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Any, Any]:
        assert (timeout_ms, max_records) > (0, 0)
        if self.left:
            return {"place": self.left.pop()}
        self.stop.set()
        return {}

    async def commit(self) -> None:
        self.committed += 1


async def test_what_was_kept_and_not_sent_is_sent_to_each_domain_and_once(store: Obligations) -> None:
    store.put_operation(GIVEN, ["east", "west"])
    producer = Producer()
    young = OperationPublisher(producer, store, 4, clock=lambda: 1_000 + GRACE_NS - 1)
    due = OperationPublisher(producer, store, 4, clock=lambda: 1_000 + GRACE_NS)
    assert [await young.publish(), await due.publish(), await due.publish()] == [0, 1, 0]
    wanted = [(Topic.EVENTS, partition_of(name, 4), [replace(GIVEN, domain=name)]) for name in ("east", "west")]
    assert producer.sent == wanted


async def test_a_broker_that_fails_between_two_domains_gets_both_again(store: Obligations) -> None:
    """An operation is marked only when every domain has it; it is done once in each, by its id."""
    store.put_operation(GIVEN, ["east", "west"])
    publisher = OperationPublisher(Producer(refuses=1), store, 4, clock=lambda: 10 * GRACE_NS)
    with pytest.raises(ConnectionError):
        await publisher.publish()
    assert await publisher.publish() == 1


async def test_answers_are_kept_and_what_is_none_becomes_a_dead_letter(store: Obligations) -> None:
    store.put_operation(GIVEN, ["east"])
    stop, producer = asyncio.Event(), Producer()
    answer = Answer(replace(GIVEN, domain="east"), Outcome.DONE, Reason.MAINTENANCE_ENDED, "over", 2_000)
    consumer = Consumer(stop, [b"nonsense", encode([GIVEN]), encode([answer])])
    await AnswerIntake(consumer, producer, store).run(stop)
    found = store.operation("op-1")
    assert found is not None
    assert (found.outcome, found.answers, consumer.committed) == ("done", (answer,), 1)
    assert [(topic, letter.offset) for topic, _, (letter,) in producer.sent] == [(Topic.DEAD_LETTERS, 0), (Topic.DEAD_LETTERS, 1)]
