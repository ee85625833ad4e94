"""What a replay reads: the journals merged by time; what is missing of them is told with what it means."""

import shutil
from pathlib import Path

import pytest

from collectors.journal import Journal
from pipeline.backtest import limit
from pipeline.backtest.heard import Account, Heard, heard, in_stretches, kept
from pipeline.backtest.past import Stretch
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.core.idle import TICK_NS
from pipeline.core.raw import RawPoll, RawTrap
from pipeline.core.resource import ResourceId
from tests.support.backtest import BEGIN, CUTS, LASTS, MINUTE, SECOND
from tests.support.datagrams import INTEGER, Var, v2_trap

INFORM = v2_trap("1.3.6.1.4.1.4711.0.1", [Var("1.3.6.1.4.1.4711.1.0", INTEGER, 5)], inform=True)


def read(settings: Settings, account: Account | None = None, starts_at: int = BEGIN) -> list[Heard]:
    return list(heard(settings, kept(settings), starts_at, BEGIN + LASTS, account or Account()))


def test_notifications_and_polls_come_in_the_order_in_which_they_were_heard(settings: Settings) -> None:
    """Each journal's in the order of its sequences, and a stretch takes what came since the tick before."""
    account = Account()
    came = read(settings, account)
    assert (account.notifications, account.polls, len(came)) == (41, 1080, 1121)
    assert [at for at, *_ in came] == sorted(at for at, *_ in came)
    for collector, kind in (("trap-1", RawTrap), ("poll-1", RawPoll)):
        own = [(sequence, item.sequence) for _, name, sequence, item in came if name == collector and isinstance(item, kind)]
        assert own == [(number, number) for number in range(1, len(own) + 1)]
    for until, inputs in in_stretches(came):
        assert until % TICK_NS == 0
        assert all(until - TICK_NS < getattr(item, "received_at", 0) + getattr(item, "polled_at", 0) <= until for item in inputs)


def test_a_clock_that_was_set_back_does_not_change_the_order_of_a_journal(settings: Settings, tmp_path: Path) -> None:
    """What came after is taken to have come no earlier."""
    moved = with_traps(settings, tmp_path, [(BEGIN + MINUTE, "192.0.2.1", INFORM[:-1] + b"\x07"), (BEGIN, "192.0.2.2", INFORM)])
    traps = [(at, sequence) for at, name, sequence, _ in read(moved) if name == "trap-1"]
    assert traps == [(BEGIN + MINUTE, 1), (BEGIN + MINUTE, 2)]


def test_an_inform_that_its_sender_repeats_is_heard_once_and_what_is_no_notification_is_counted(settings: Settings, tmp_path: Path) -> None:
    account = Account()
    said = [(BEGIN, "192.0.2.1", INFORM), (BEGIN + SECOND, "192.0.2.1", INFORM), (BEGIN + 2 * SECOND, "192.0.2.1", b"\x30\x03\x02\x01\x01")]
    moved = with_traps(settings, tmp_path, said)
    assert len([each for each in read(moved, account) if each[1] == "trap-1"]) == 1
    assert (account.repeated_informs, sum(account.refused.values())) == (1, 1)
    assert any("1 datagrams are no notification" in line for line in limit.unread(account))


def test_events_of_others_come_between(settings: Settings) -> None:
    """What the detectors or a storm guard said then is put among what was heard, at its time."""
    at = BEGIN + CUTS[0][1] + SECOND
    storm = Event("x", at, ResourceId("system/trap-1"), "storm", Signal.RAISE, Severity.WARNING, "", EventSource.SYSTEM, "", "trap-1", 1)
    (inputs,) = (inputs for _, inputs in in_stretches(read(settings), [(at, "trap-1", 1, storm)]) if storm in inputs)
    assert all(getattr(item, "polled_at", at) <= at + TICK_NS for item in inputs)


@pytest.mark.parametrize(
    ("starts_at", "warm_from", "told"),
    [
        (BEGIN + 20 * MINUTE, BEGIN + 15 * MINUTE, []),
        (BEGIN + 20 * MINUTE, BEGIN, ["known from polls at most"]),
        (BEGIN, BEGIN - MINUTE, ["the replay begins before that: nothing confirms"]),
    ],
)
def test_a_journal_that_no_longer_goes_back_far_enough_says_what_that_means(
    settings: Settings, tmp_path: Path, starts_at: int, warm_from: int, told: list[str]
) -> None:
    """The oldest segment of the polls has been retired; that a journal begins with its first record is no gap."""
    moved = with_traps(settings, tmp_path, [])
    folder = moved.journal_dir("poll-1")
    segments = sorted(folder.glob("*.segment"))
    segments[0].unlink()
    (polls,) = (each for each in kept(moved) if each.collects == "polls")
    assert BEGIN < polls.first_at < BEGIN + 15 * MINUTE
    found = [line for line in limit.gaps([polls], Stretch(starts_at, BEGIN + LASTS), warm_from) if line]
    assert len(found) == len(told)
    assert all(words in line for words, line in zip(told, found, strict=True)), found


def test_a_journal_that_is_not_here_says_what_that_means(settings: Settings, tmp_path: Path) -> None:
    moved = with_traps(settings, tmp_path, [])
    shutil.rmtree(moved.journal_dir("poll-1"))
    lines = list(limit.gaps(kept(moved), Stretch(BEGIN, BEGIN + LASTS), BEGIN))
    assert any("poll-1: nothing is in its journal here" in line and "outages stay unconfirmed" in line for line in lines)


def with_traps(settings: Settings, folder: Path, said: list[tuple[int, str, bytes]]) -> Settings:
    """A copy of the installation whose collector of traps heard this instead."""
    shutil.copytree(settings.data_dir.parent, folder / "moved")
    moved = load_settings(folder / "moved" / "assure.yaml")
    traps = moved.journal_dir("trap-1")
    shutil.rmtree(traps)
    with Journal(traps, segment_bytes=10_000, journal_bytes=100_000) as journal:
        if said:
            journal.append_many(said)
        journal.sync()
    return moved
