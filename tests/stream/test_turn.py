"""A turn is done wholly or not at all: whenever a worker is killed, whoever comes next finds the state and has said what it says."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import wire
from pipeline.core.event import Tick
from pipeline.stream import turn as module
from pipeline.stream.turn import SLOTS, Turn, TurnRow, Turns
from pipeline.wire import Topic
from tests.support.turns import Broker, LoggedTable


def never(error: BaseException) -> None:
    raise AssertionError(error)


def without_records(rows: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The rows of the handlers, without the records of turns."""
    return {key: value for key, value in rows if b"|~|" not in key}


async def visible(turns: Turns) -> dict[bytes, bytes]:
    """The rows that the next turn will read."""
    return without_records((await turns.begin(0)).items())


async def successor(table: LoggedTable) -> dict[bytes, bytes]:
    """The rows that whoever takes the partition over will read."""
    return await visible(Turns(table.after(len(table.changelog)), Broker().publish, never))


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
    assert await visible(turns) == await successor(table) == {b"b": b"2"}
    assert broker.sent == [("events", 3, wire.encode([Tick(1)]))]


def test_a_turn_reads_what_it_wrote() -> None:
    turn = Turn({b"a": b"1"})
    turn.put(b"b", b"2")
    turn.put(b"a", None)
    assert (turn.get(b"a"), turn.get(b"b"), turn.get(b"c")) == (None, b"2", None)


async def test_a_row_that_changes_in_every_turn_is_written_by_itself_once_in_a_round_of_records() -> None:
    """And nobody sees less than all of it at any time."""
    table = LoggedTable()
    turns = Turns(table, Broker().publish, never)
    for number in range(3 * SLOTS):
        turn = await turns.begin(0)
        turn.put(b"a", b"%d" % number)
        await turns.complete(0, turn)
        assert await visible(turns) == await successor(table) == {b"a": b"%d" % number}
    assert [key for key, _ in table.changelog].count(b"a") == 2


async def test_a_row_that_was_removed_stays_so() -> None:
    table = LoggedTable({b"a": b"1"})
    turns = Turns(table, Broker().publish, never)
    for number in range(SLOTS + 1):
        turn = await turns.begin(0)
        turn.put(b"a" if number == 0 else b"b", None)
        await turns.complete(0, turn)
        assert await visible(turns) == await successor(table) == {}
    assert b"a" not in table


async def test_records_of_a_program_that_wrote_every_row_at_once_are_read_as_it_meant_them() -> None:
    """Of its records only the last one's rows may be missing; those of older ones may have changed since."""
    old = [TurnRow(number, number - 1, ((b"a", b"%d" % number), (b"c", b"%d" % number)), ()) for number in (4, 5)]
    records = {b"0|~|turn|%d" % row.sequence: wire.pack(row) for row in old}
    assert await successor(LoggedTable({b"a": b"4", b"b": b"6"} | records)) == {b"a": b"5", b"b": b"6", b"c": b"5"}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), numbers=st.lists(st.integers(1, 50), min_size=1, max_size=12, unique=True), slots=st.sampled_from([2, 3, SLOTS]))
def test_killed_at_any_point_nothing_is_left_out(data: st.DataObject, numbers: list[int], slots: int) -> None:
    """Only a beginning of the changelog and any of the messages reach the broker; the messages that were not committed come again."""

    async def run() -> None:
        few = slots < len(numbers)  # then a turn waits for the broker
        first_table, first_broker = LoggedTable(), Broker(at_once=few)
        first = Turns(first_table, first_broker.publish, never, slots)
        for number in numbers:
            await count(first, number)
        some = st.just(first_broker.sent) if few else st.lists(st.sampled_from(first_broker.sent), unique=True)
        reached = data.draw(some, label="messages that reached the broker")
        table = first_table.after(data.draw(st.integers(0, len(first_table.changelog)), label="changes that reached the changelog"))
        broker = Broker()
        second = Turns(table, broker.publish, never, slots)
        for number in numbers:  # nothing was committed
            await count(second, number)
        undisturbed = Broker()
        calm = Turns(LoggedTable(), undisturbed.publish, never)
        for number in numbers:
            await count(calm, number)
        assert await visible(second) == await visible(calm)
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
    assert without_records(table.items()) == await successor(table) == {b"n1": b"seen", b"sum": b"1"}
    assert len(broker.sent) == 2
    assert "is not recorded" in caplog.text
