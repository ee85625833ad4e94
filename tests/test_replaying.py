"""Replay: what differs goes back on the topic under its identity, in order, and what was refused and is understood now is let out once."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from collectors.journal import Journal, JournalReader
from collectors.publish import SendError
from collectors.trap import quarantine
from collectors.trap.conservation import conservation
from collectors.trap.decode import TrapDecoder
from collectors.trap.quarantine import Quarantine
from pipeline.bus import partition_of
from pipeline.core.raw import RawTrap
from pipeline.journaled import Found, Wanted, decoded, select
from pipeline.replaying import IN_QUARANTINE, NO_RULE, NOT_STORED, Chosen, Difference, Scope, Told, choose, publish, stored_by_sequence
from tests.support.collecting import FakeBroker
from tests.support.datagrams import LINK_DOWN, v2_trap

EVERYTHING = Wanted(0, 1 << 62)
PARTITIONS = 4
THEN = TrapDecoder("trap-1", [b"public"])
NOW = TrapDecoder("trap-1", [b"public", b"newly-listed"])
"""A community that was not listed when its traps came is listed by now."""
KNOWN = Told("link-down", "raise", "link", "major", "interface/pe1/7", "")
UNKNOWN = Told("", "raise", "unknown-notification", "warning", "device/pe1", LINK_DOWN)
LISTED, UNLISTED = v2_trap(community=b"public"), v2_trap(community=b"newly-listed")
SOURCES = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine datagrams of three senders, of which the last waits; every third was refused for its community."""
    with Journal(tmp_path, segment_bytes=10_000, journal_bytes=100_000) as journal, Quarantine(tmp_path, quarantine_bytes=100_000) as aside:
        journal.append_many([(1_000 + place, SOURCES[place // 3], UNLISTED if place % 3 == 2 else LISTED) for place in range(9)])
        journal.sync()
        outcomes = [(record, decoded(THEN, Found("trap-1", record))) for record in journal.read_from(1) if record.sequence < 9]
        aside.put([(record, error) for record, error in outcomes if not isinstance(error, RawTrap)])
        journal.acknowledge(8)
    return tmp_path


def look(folder: Path, before: Told | None = KNOWN, after: Told = KNOWN, *, everything: bool = False) -> tuple[Chosen, Difference]:
    """What a replay would do when the history has ``before`` for all that was published, and the rules now say ``after``."""

    def history(traps: Sequence[RawTrap]) -> Mapping[int, Told]:
        there = {trap.sequence for trap in traps} - ({kept.sequence for kept in quarantine.read(folder)} - quarantine.replayed(folder))
        return dict.fromkeys(there, before) if before else {}

    difference = Difference()
    scope = Scope(JournalReader(folder).acknowledged, quarantine.replayed(folder), everything)
    return choose(found(folder), NOW, history, lambda traps: [after] * len(traps), scope, difference), difference


def found(folder: Path) -> Iterator[Found]:
    return select(folder, "trap-1", EVERYTHING, lambda damage: pytest.fail(str(damage)))


async def apply(folder: Path, broker: FakeBroker, sequences: set[int]) -> list[int]:
    """Publish these again; gives what the pace was told."""
    told: list[int] = []

    async def pace(count: int) -> None:
        told.append(count)

    chosen = (each for each in found(folder) if each.record.sequence in sequences)
    async with broker.connect() as sender:
        await publish(chosen, folder, NOW, sender, PARTITIONS, pace)
    return told


async def test_what_was_refused_and_is_understood_now_is_let_out_once(folder: Path) -> None:
    """The sums move with it, and a second replay has nothing to do."""
    chosen, difference = look(folder)
    assert (chosen.read, chosen.waiting, chosen.sequences) == (9, 1, {3, 6})
    assert (difference.differing, difference.before[IN_QUARANTINE], difference.after["link-down"]) == (2, 2, 8)
    broker = FakeBroker()
    before = conservation(folder)
    assert await apply(folder, broker, chosen.sequences) == [2]
    assert [(trap.collector, trap.sequence, trap.received_at) for trap in broker.traps()] == [("trap-1", 3, 1_002), ("trap-1", 6, 1_005)]
    after = conservation(folder)
    assert (after["published"], after["quarantined"]) == (before["published"] + 2, before["quarantined"] - 2) == (8, 0)
    assert after["journaled"] == after["published"] + after["absorbed"] + after["quarantined"] + after["waiting"] == 9
    again, nothing = look(folder)
    assert (again.sequences, nothing.differing) == (set(), 0)


async def test_a_broker_that_is_away_leaves_everything_as_it_was(folder: Path) -> None:
    """What may be published is not counted as published before the broker has said so."""
    broker = FakeBroker()
    broker.fail_after = 1
    with pytest.raises(SendError):
        await apply(folder, broker, {3, 6})
    assert quarantine.replayed(folder) == frozenset()
    assert await apply(folder, broker, {3, 6}) == [2]
    assert quarantine.replayed(folder) == {3, 6}
    assert broker.sequences() == [3, 6]


async def test_each_senders_notifications_keep_their_order_on_their_partition(folder: Path) -> None:
    chosen, _ = look(folder, everything=True)
    assert chosen.sequences == set(range(1, 9))  # all but what waits
    broker = FakeBroker()
    await apply(folder, broker, chosen.sequences)
    for source in SOURCES:
        heard = [trap.sequence for trap in broker.traps() if trap.source == source]
        assert heard == sorted(heard)
    by_sequence = {trap.sequence: trap for trap in broker.traps()}
    assert {message.partition for messages in broker.rounds for message in messages} == {
        partition_of(trap.source, PARTITIONS) for trap in by_sequence.values()
    }


@pytest.mark.parametrize(
    ("before", "after", "differing", "oids"),
    [
        pytest.param(KNOWN, KNOWN, 0, ({}, {}, {}), id="the same"),
        pytest.param(UNKNOWN, KNOWN, 6, ({LINK_DOWN: 6}, {}, {}), id="now known"),
        pytest.param(KNOWN, UNKNOWN, 6, ({}, {LINK_DOWN: 6}, {LINK_DOWN: 2}), id="known no longer; unknown: what was in quarantine"),
        pytest.param(UNKNOWN, UNKNOWN, 0, ({}, {}, {LINK_DOWN: 8}), id="still unknown"),
        pytest.param(KNOWN, KNOWN._replace(severity="minor"), 6, ({}, {}, {}), id="severity"),
        pytest.param(None, KNOWN, 0, ({}, {}, {}), id="the history has it not: another matter than a difference"),
    ],
)
def test_a_difference_is_what_alarms_would_notice(
    folder: Path, before: Told | None, after: Told, differing: int, oids: tuple[dict[str, int], dict[str, int], dict[str, int]]
) -> None:
    """Beside the two of the quarantine, which were no events at all."""
    chosen, difference = look(folder, before, after)
    assert difference.differing == len(chosen.sequences) == differing + 2
    assert (difference.now_known, difference.now_unknown, difference.still_unknown) == oids
    assert difference.missing == difference.before[NOT_STORED] == (6 if before is None else 0)


def test_rules_are_told_by_how_much_they_change() -> None:
    difference = Difference()
    difference.before.update({"a": 5, NO_RULE: 7})
    difference.after.update({"a": 6, "b": 6})
    assert list(difference.rules) == [(NO_RULE, 7, 0), ("b", 0, 6), ("a", 5, 6)]


def test_of_two_events_of_one_notification_the_one_with_a_rule_counts() -> None:
    """An earlier replay moved it to another resource, and left the old event beside it."""
    rows = [{"sequence": 4, **told._asdict()} for told in (KNOWN, UNKNOWN)]
    assert stored_by_sequence(rows) == stored_by_sequence(reversed(rows)) == {4: KNOWN}


def test_a_mark_that_was_cut_short_marks_nothing_else(folder: Path) -> None:
    """A power cut in the middle of a line costs that line, and not the next one."""
    quarantine.mark_replayed(folder, [3])
    with (folder / quarantine.FOLDER / quarantine.REPLAYED).open("a") as file:
        file.write("000000000")
    assert quarantine.replayed(folder) == {3}
    quarantine.mark_replayed(folder, [6])
    assert quarantine.replayed(folder) == {3, 6}
