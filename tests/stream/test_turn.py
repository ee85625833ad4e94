"""A turn is done wholly or not at all: whenever a worker is killed, whoever comes next finds the state and has said what it says."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import wire
from pipeline.core.event import Tick
from pipeline.stream import turn as module
from pipeline.stream.turn import SLOTS, Turn, Turns
from pipeline.wire import Topic
from tests.support.turns import Broker, LoggedTable


def never(error: BaseException) -> None:
    raise AssertionError(error)


def visible(table: LoggedTable) -> dict[bytes, bytes]:
    """The rows of the handlers, without the records of turns."""
    return {key: value for key, value in table.items() if b"|~|" not in key}


async def count(turns: Turns, number: int) -> None:
    """A handler that folds numbers: it keeps each, and their sum; it says each number that it did not know yet."""
    turn = await turns.begin(0)
    if turn.get(b"n%d" % number) is None:
        total = int(turn.get(b"sum") or b"0") + number
        turn.put(b"n%d" % number, b"seen")
        turn.put(b"sum", b"%d" % total)
        turn.send(Topic.EVENTS, 0, [Tick(number)])
        turn.send(Topic.OUTAGES, 1, [Tick(total)])
    await turns.complete(0, turn)


async def test_nothing_is_done_before_a_turn_is_complete() -> None:
    table, broker = LoggedTable({b"a": b"1"}), Broker()
    turns = Turns(table, broker.publish, never)
    turn = await turns.begin(0)
    turn.put(b"a", None)
    turn.put(b"b", b"2")
    turn.send(Topic.EVENTS, 3, [Tick(1)])
    assert (dict(table), broker.sent) == ({b"a": b"1"}, [])
    await turns.complete(0, turn)
    assert visible(table) == {b"b": b"2"}
    assert broker.sent == [("events", 3, wire.encode([Tick(1)]))]


def test_a_turn_reads_what_it_wrote() -> None:
    turn = Turn({b"a": b"1"})
    turn.put(b"b", b"2")
    turn.put(b"a", None)
    assert (turn.get(b"a"), turn.get(b"b"), turn.get(b"c")) == (None, b"2", None)


async def test_one_row_and_no_word_needs_no_record() -> None:
    """It cannot be half done."""
    table = LoggedTable()
    turns = Turns(table, Broker().publish, never)
    turn = await turns.begin(0)
    turn.put(b"a", b"1")
    await turns.complete(0, turn)
    assert dict(table) == {b"a": b"1"}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), numbers=st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True))
def test_killed_at_any_point_nothing_is_left_out(data: st.DataObject, numbers: list[int]) -> None:
    """Only a beginning of the changelog and any of the messages reach the broker; the messages that were not committed come again."""

    async def run() -> None:
        first_table, first_broker = LoggedTable(), Broker(at_once=False)
        first = Turns(first_table, first_broker.publish, never)
        for number in numbers:
            await count(first, number)
        reached = data.draw(st.lists(st.sampled_from(first_broker.sent), unique=True), label="messages that reached the broker")
        table = first_table.after(data.draw(st.integers(0, len(first_table.changelog)), label="changes that reached the changelog"))
        broker = Broker()
        second = Turns(table, broker.publish, never)
        for number in numbers:  # nothing was committed
            await count(second, number)
        undisturbed = Broker()
        calm = Turns(calm_table := LoggedTable(), undisturbed.publish, never)
        for number in numbers:
            await count(calm, number)
        assert visible(table) == visible(calm_table)
        assert {*reached, *broker.sent} == {*undisturbed.sent}

    asyncio.run(run())


async def test_what_was_acknowledged_is_not_sent_again() -> None:
    """But for the last turn before the kill, whose end nobody has written down."""
    table = LoggedTable()
    first = Turns(table, Broker().publish, never)
    for number in (1, 2, 3):
        await count(first, number)
        await asyncio.sleep(0)
    broker = Broker()
    await Turns(table, broker.publish, never).begin(0)
    assert [tick.at for tick in broker.values(Topic.EVENTS)] == [3]


async def test_what_was_not_acknowledged_is_sent_again_however_often_the_owner_changes() -> None:
    table = LoggedTable()
    first = Turns(table, Broker(at_once=False).publish, never)
    for number in (1, 2):
        await count(first, number)
    second = Turns(table, Broker(at_once=False).publish, never)
    await count(second, 3)
    broker = Broker()
    await Turns(table, broker.publish, never).begin(0)
    assert [tick.at for tick in broker.values(Topic.EVENTS)] == [1, 2, 3]


async def test_a_slow_broker_holds_up_the_turns_before_a_record_is_overwritten() -> None:
    table, broker = LoggedTable(), Broker(at_once=False)
    turns = Turns(table, broker.publish, never)
    for number in range(SLOTS):
        await count(turns, number + 1)
    waiting = asyncio.create_task(count(turns, 1000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    for future in broker.waiting[:2]:
        future.set_result(None)
    await waiting
    assert len([key for key in table if b"|~|" in key]) == SLOTS


@pytest.mark.parametrize("when", ["at once", "later"])
async def test_a_message_that_the_broker_refuses_is_told(when: str) -> None:
    """By raising when it is given, or when its acknowledgement fails."""
    lost: list[BaseException] = []
    broker = Broker(at_once=False)

    async def refuse(*message: object) -> "asyncio.Future[None]":
        raise OSError("no")

    turns = Turns(LoggedTable(), refuse if when == "at once" else broker.publish, lost.append)
    await count(turns, 1)
    if when == "later":
        broker.waiting[0].set_exception(OSError("no"))
    await asyncio.sleep(0)
    assert [str(error) for error in lost] == ["no"]


async def test_partitions_have_turns_of_their_own_and_come_back_as_the_changelog_has_them() -> None:
    """After a rebalance the partition may have been elsewhere: its last turns are looked up again."""
    table, broker = LoggedTable(), Broker(at_once=False)
    turns = Turns(table, broker.publish, never)
    await count(turns, 7)
    await turns.begin(1)
    assert len(broker.values(Topic.EVENTS)) == 1
    turns.forget_all()
    await turns.begin(0)
    assert [tick.at for tick in broker.values(Topic.EVENTS)] == [7, 7]


async def test_a_handler_without_state_records_nothing() -> None:
    broker = Broker()
    turns = Turns(None, broker.publish, never)
    for number in range(3 * SLOTS):
        turn = await turns.begin(0)
        turn.send(Topic.EVENTS, 0, [Tick(number)])
        await turns.complete(0, turn)
        await asyncio.sleep(0)
    assert [tick.at for tick in broker.values(Topic.EVENTS)] == list(range(3 * SLOTS))
    assert list(turn.items()) == []


def test_values_that_are_too_many_for_one_message_become_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, each under the limit."""
    monkeypatch.setattr(module, "MAX_MESSAGE", 100)
    turn = Turn({})
    ticks = [Tick(1_800_000_000_000_000_000 + number) for number in range(100)]
    turn.send(Topic.EVENTS, 0, ticks)
    assert max(len(data) for _, _, data in turn.messages) <= 100
    assert [tick for _, _, data in turn.messages for tick in wire.decode(data)] == ticks


async def test_a_turn_that_no_broker_would_take_as_one_record_is_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And said so: the worker goes on rather than fail for ever."""
    monkeypatch.setattr(module, "MAX_RECORD", 10)
    table, broker = LoggedTable(), Broker()
    await count(Turns(table, broker.publish, never), 1)
    assert dict(table) == visible(table) == {b"n1": b"seen", b"sum": b"1"}
    assert len(broker.sent) == 2
    assert "is not recorded" in caplog.text
