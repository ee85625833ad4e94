"""What cannot be handled becomes a dead letter with its origin and reason, and the stream goes on behind it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline import wire
from pipeline.core.event import Tick
from pipeline.stream.guard import TURN_VALUES, Guard, sender
from pipeline.stream.turn import Turn, Turns
from pipeline.wire import DeadLetter, Topic
from tests.support.turns import Broker, LoggedTable


@dataclass(frozen=True)
class Message:
    topic: str = "events"
    partition: int = 2
    offset: int = 41


@dataclass(frozen=True)
class Given:
    """An event as Faust gives it."""

    value: bytes
    key: bytes | None = b"key"
    message: Message = Message()


class Bench:
    """A guard with everything around it; ``letters`` are the dead letters, ``forgotten`` the partitions whose handler failed."""

    def __init__(self) -> None:
        self.letters: list[tuple[int, DeadLetter]] = []
        self.forgotten: list[int] = []
        self.broker = Broker()
        self.table = LoggedTable()
        self.turns = Turns(self.table, self.broker.publish, self.forgotten.append)  # type: ignore[arg-type]  # never called
        self.guard = Guard(self.turns, self._send, self.forgotten.append)

    async def _send(self, topic: Topic, partition: int, letters: Sequence[Any]) -> None:
        assert topic is Topic.DEAD_LETTERS
        self.letters += [(partition, letter) for letter in letters]

    async def give(self, value: bytes) -> None:
        await self.guard.run(Given(value), self.handle)

    @staticmethod
    def handle(partition: int, values: list[Tick], turn: Turn) -> None:
        turn.put(b"last", b"%d" % values[-1].at)
        turn.send(Topic.EVENTS, partition, values)
        if any(value.at == 13 for value in values):
            raise ZeroDivisionError("thirteen")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\xff not msgpack", "malformed"),
        (wire.encode([Tick(1)]).replace(b"\x01\xa4tick", b"\x02\xa4tick"), "message version 2"),
        (wire.encode([Tick(1)]).replace(b"tick", b"tock"), "unknown kind 'tock'"),
        (b"", "truncated"),
    ],
)
async def test_what_cannot_be_decoded_is_kept_with_its_origin(value: bytes, said: str) -> None:
    bench = Bench()
    await bench.give(value)
    ((partition, letter),) = bench.letters
    assert (partition, letter.topic, letter.partition, letter.offset) == (2, "events", 2, 41)
    assert (letter.key, letter.value, letter.reason) == (b"key", value, "undecodable")
    assert said in letter.detail or said in ("malformed", "truncated")
    assert letter.detail
    assert bench.forgotten == []


async def test_a_handler_that_fails_leaves_nothing_half_done() -> None:
    """Its state is to be read again, its message is kept, and none of what it had begun is written or sent."""
    bench = Bench()
    await bench.give(wire.encode([Tick(13)]))
    ((_, letter),) = bench.letters
    assert (letter.reason, letter.detail) == ("handler-failed", "ZeroDivisionError: thirteen")
    assert wire.decode(letter.value) == [Tick(13)]
    assert bench.forgotten == [2]
    assert (dict(bench.table), bench.broker.sent) == ({}, [])


async def test_the_stream_goes_on_behind_a_dead_letter() -> None:
    bench = Bench()
    for value in (b"?", wire.encode([Tick(13)]), wire.encode([Tick(14)])):
        await bench.give(value)
    assert len(bench.letters) == 2
    assert (await bench.turns.begin(2)).get(b"last") == b"14"
    assert bench.broker.values(Topic.EVENTS) == [Tick(14)]


async def test_a_large_message_is_handled_in_several_turns_in_order() -> None:
    bench = Bench()
    ticks = [Tick(100 + number) for number in range(2 * TURN_VALUES + 1)]
    await bench.give(wire.encode(ticks))
    assert len(bench.broker.sent) == 3
    assert bench.broker.values(Topic.EVENTS) == ticks
    assert bench.letters == []


async def test_a_sender_tells_what_the_broker_refused_and_sends_no_empty_message() -> None:
    lost: list[BaseException] = []
    broker = Broker(at_once=False)
    send = sender(broker.publish, lost.append)
    await send(Topic.EVENTS, 1, [])
    assert broker.sent == []
    await send(Topic.EVENTS, 1, [Tick(1)])
    broker.waiting[0].set_exception(OSError("no"))
    await asyncio.sleep(0)
    assert [str(error) for error in lost] == ["no"]
