"""What came from the network becomes events: on the partition of their domain, in order, with the same ids for every replay."""

from pipeline.bus import partition_of
from pipeline.core.event import Signal, StateReport
from pipeline.core.polling import PollState
from pipeline.core.profile import GENERIC_NAME
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTrap, SnmpVersion
from pipeline.stream.edge import PollHandler, TrapHandler
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import Turn
from pipeline.wire import Topic
from tests.stream.conftest import PARTITIONS, Desk, Known
from tests.support.fibre_cut import SECOND, about_fibre, decoded
from tests.support.polls import table_of
from tests.support.turns import partitions_in, sent_in

BEGIN = 1_795_435_200 * SECOND


def poll(device: str, seconds: float, oper: tuple[int, ...] = (1, 1), outcome: PollOutcome = PollOutcome.ANSWERED) -> RawPoll:
    """A poll of the first two interfaces."""
    answered = outcome is PollOutcome.ANSWERED
    table = table_of((1, 2), oper_status=oper, admin_status=(1, 1), in_octets=(int(seconds * 1_000_000),) * 2)
    tables = {INTERFACES: table} if answered else {}
    at = BEGIN + int(seconds * SECOND)
    return RawPoll("poll-1", int(seconds * 10), at, device, outcome, int(seconds * 100) + 1000, 1.0, GENERIC_NAME, tables)


def test_traps_become_events_in_order_on_the_partition_of_their_domain(source: Known) -> None:
    turn = Turn({})
    traps = decoded(about_fibre("f-ams-rtm-1") + about_fibre("f-ams-rtm-1", up=True), BEGIN)
    TrapHandler(source, PARTITIONS).handle(3, traps, turn)
    events = sent_in(turn, Topic.EVENTS)
    assert [event.id for event in events] == [f"trap-1:{trap.sequence}:0" for trap in traps]
    assert [event.signal for event in events] == [Signal.RAISE] * 13 + [Signal.CLEAR] * 13
    assert partitions_in(turn, Topic.EVENTS) == [partition_of("default", PARTITIONS)]
    assert turn.rows == {}


def test_the_same_traps_become_the_same_events(source: Known) -> None:
    """Whenever they are read again, and by whichever worker."""
    traps = decoded(about_fibre("f-ams-rtm-1"), BEGIN)
    first, second = Turn({}), Turn({})
    TrapHandler(source, PARTITIONS).handle(0, traps, first)
    TrapHandler(source, PARTITIONS).handle(0, traps, second)
    assert first.messages == second.messages


def test_a_notification_that_no_rule_knows_from_a_sender_that_nobody_declared_is_an_event(source: Known) -> None:
    turn = Turn({})
    TrapHandler(source, PARTITIONS).handle(
        0, [RawTrap("trap-1", 1, BEGIN, "192.0.2.9", SnmpVersion.V2C, "1.3.6.1.4.1.99999.0.1", ())], turn
    )
    (event,) = sent_in(turn, Topic.EVENTS)
    assert (event.resource, event.alarm_type, event.signal) == ("unknown/192.0.2.9", "unknown-notification", Signal.NOTIFY)


async def test_polls_become_indicators_and_a_report_of_what_was_seen(source: Known, desk: Desk) -> None:
    handler = PollHandler(source, Keyed(PollState), PARTITIONS)
    turn = await desk.give(handler.handle, 2, [poll("ams-p1", 0, oper=(1, 2))])
    (report,) = sent_in(turn, Topic.EVENTS)
    assert isinstance(report, StateReport)
    assert report.up == ("interface/ams-p1/et-0/0/0",)
    assert report.down == ("interface/ams-p1/et-0/0/1",)
    assert partitions_in(turn, Topic.EVENTS) == [partition_of("default", PARTITIONS)]
    assert partitions_in(turn, Topic.KPIS) in ([], [2])


async def test_a_rate_needs_the_poll_before_also_when_both_are_in_one_message(source: Known, desk: Desk) -> None:
    handler = PollHandler(source, Keyed(PollState), PARTITIONS)
    together = await desk.give(handler.handle, 2, [poll("ams-p1", 10), poll("ams-p1", 20)])
    other, apart = Desk(), []
    for each in (poll("ams-p1", 10), poll("ams-p1", 20)):
        apart += sent_in(await other.give(handler.handle, 2, [each]), Topic.KPIS)
    assert sent_in(together, Topic.KPIS) == apart
    assert any(batch.good(kpi)[0] > 0 for batch in apart for kpi in batch.columns if kpi.startswith("in_"))


async def test_a_poll_that_was_handled_says_nothing_again(source: Known, desk: Desk) -> None:
    handler = PollHandler(source, Keyed(PollState), PARTITIONS)
    await desk.give(handler.handle, 2, [poll("ams-p1", 10)])
    assert (await desk.give(handler.handle, 2, [poll("ams-p1", 10)])).messages == []
    assert (await desk.give(handler.handle, 2, [poll("ams-p1", 5)])).messages == []


async def test_a_poll_without_answer_is_told_too(source: Known, desk: Desk) -> None:
    handler = PollHandler(source, Keyed(PollState), PARTITIONS)
    turn = await desk.give(handler.handle, 2, [poll("ams-p1", 10, outcome=PollOutcome.TIMEOUT)])
    assert [report.reachable for report in sent_in(turn, Topic.EVENTS)] == [False]
