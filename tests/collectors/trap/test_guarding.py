"""The storm guard in a running collector: what it holds survives restarts, what it absorbs is counted, and storms are told of."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.journal import JournalReader
from collectors.trap import guarded
from collectors.trap.conservation import conservation
from collectors.trap.guarded import FILES, Guarded, GuardedFile
from pipeline.config.rule_set import load_rule_set
from pipeline.config.settings import GuardSettings
from pipeline.core.directory import Directory
from pipeline.core.event import EventSource, Signal
from pipeline.core.inventory import Device, Inventory
from pipeline.core.knowledge import Knowledge
from pipeline.core.topology import Topology
from tests.core.test_normalize import DIRECTORY, MIBS, ROOT, RULES
from tests.support.collecting import Collecting, FakeBroker, collecting, until
from tests.support.datagrams import INTEGER, LINK_DOWN, Var, v2_trap
from tests.support.usm import Sender, pdu, user
from tests.support.usm import link_down as v3_link_down

LINK_UP = "1.3.6.1.6.3.1.1.5.4"
SOURCE = "127.20.0.1"
PATIENT = GuardSettings(object_per_s=0.001, object_burst=1, compact_s=3_600, rearm_s=3_600)
"""Holds the second notification of an object until somebody lets go of it."""
QUICK = replace(PATIENT, compact_s=0.05, rearm_s=0.2)


def link(port: int, oid: str = LINK_DOWN, *, uptime: int = 1, inform: bool = False, request_id: int = 1) -> bytes:
    return v2_trap(oid, [Var(f"1.3.6.1.2.1.2.2.1.1.{port}", INTEGER, port)], uptime=uptime, inform=inform, request_id=request_id)


def sums(folder: Path) -> dict[str, int]:
    told = conservation(folder)
    assert told["journaled"] == told["published"] + told["absorbed"] + told["quarantined"] + told["waiting"]
    return told


async def journaled(running: Collecting, count: int) -> None:
    await until(lambda: running.count("journal_last_sequence") == count, f"{count} journaled")


async def test_a_storm_ends_in_the_last_state_and_every_datagram_is_accounted_for(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, guard=QUICK) as running:
        for place in range(50):
            running.send(link(1, uptime=place), link(2, uptime=place))
        running.send(link(1, uptime=99), link(2, uptime=99))
        await until(lambda: sums(tmp_path)["waiting"] == 0 and sums(tmp_path)["journaled"] == 102, "all decided")
        assert running.count("traps_absorbed_total", reason="storm") == sums(tmp_path)["absorbed"] > 0
    last = {trap.varbinds: trap for trap in broker.traps()}
    assert [trap.uptime_ticks for trap in last.values()] == [99, 99]
    assert len(broker.traps()) + sum(trap.repeats for trap in broker.traps()) == 102


async def test_what_is_held_when_the_collector_stops_is_published(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, guard=PATIENT) as running:
        running.send(link(1, uptime=1), link(1, uptime=2), link(1, uptime=3))
        await until(lambda: running.count("traps_held") == 1, "the last is held")
        await until(lambda: sums(tmp_path)["waiting"] == 1, "and the sums on disk say so")
    assert [(trap.uptime_ticks, trap.repeats) for trap in broker.traps()] == [(1, 0), (3, 1)]
    assert sums(tmp_path) | {"bytes": 0} == sums(tmp_path) | {"bytes": 0, "published": 2, "absorbed": 1, "waiting": 0}


async def test_what_is_held_when_the_collector_is_killed_is_held_by_the_next_and_published_once(tmp_path: Path) -> None:
    """A copy of the folder as it lay on disk in the storm is what a kill -9 leaves."""
    broker, alive, killed = FakeBroker(), tmp_path / "alive", tmp_path / "killed"
    async with collecting(alive, broker, guard=PATIENT) as running:
        running.send(link(1, uptime=1), link(1, uptime=2), link(1, uptime=3), link(2, uptime=4), link(2, uptime=5))
        await until(lambda: len(guarded.read(alive).held) == 2, "two are held, as the file says")
        shutil.copytree(alive, killed)
    assert (sums(killed)["waiting"], sums(killed)["absorbed"]) == (2, 2)
    after = FakeBroker()
    async with collecting(killed, after, guard=replace(PATIENT, compact_s=0.05)) as running:
        running.send(link(3, uptime=6))
        await until(lambda: sums(killed)["waiting"] == 0 and sums(killed)["journaled"] == 6, "all decided")
    assert sorted((trap.uptime_ticks, trap.repeats) for trap in after.traps()) == [(3, 1), (5, 1), (6, 0)]


async def test_a_broker_that_is_away_in_a_storm_costs_nothing(tmp_path: Path) -> None:
    """Rounds that fail are sent again as they were: nothing is absorbed twice, and nothing that was absorbed comes back."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker, guard=QUICK) as running:
        for turn in range(5):
            broker.fail_after = 0
            for place in range(20):
                running.send(link(1, (LINK_DOWN, LINK_UP)[place % 2], uptime=100 * turn + place))
            await until(lambda: broker.fail_after is None, "a round failed")
        await until(lambda: sums(tmp_path)["waiting"] == 0 and sums(tmp_path)["journaled"] == 100, "all decided")
    published = broker.traps()
    assert len(published) + sum(trap.repeats for trap in published) == 100
    assert [trap.sequence for trap in published] == sorted({trap.sequence for trap in published})
    assert published[-1].uptime_ticks == 419


async def test_an_inform_that_its_sender_repeats_counts_once_and_is_answered_each_time(tmp_path: Path) -> None:
    """Over a restart too. Another request-id, or other variables, is another INFORM."""
    broker = FakeBroker()
    asked = link(1, inform=True)
    for turn in (1, 2):
        async with collecting(tmp_path, broker) as running:
            running.send(asked, asked, asked)
            await journaled(running, 3 * turn)
            await until(lambda turn=turn: sums(tmp_path)["absorbed"] == 3 * turn - 1, "repeats are absorbed")
            assert running.count("informs_answered_total") == 3
            assert running.count("traps_absorbed_total", reason="repeated-inform") == (2, 3)[turn - 1]
    async with collecting(tmp_path, broker) as running:
        running.send(link(1, inform=True, request_id=2), link(2, inform=True))
        await until(lambda: sums(tmp_path)["published"] == 3, "others are published")
    assert [trap.sequence for trap in broker.traps()] == [1, 7, 8]


async def test_a_repeated_v3_inform_counts_once_though_its_bytes_differ(tmp_path: Path) -> None:
    """A sender may encrypt the same request anew; what was absorbed before a restart is known after it."""
    broker = FakeBroker()
    for boots in (1, 2):
        async with collecting(tmp_path, broker, users=(user(),)) as running:
            security = running.collector._security
            assert security is not None
            sender = Sender(engine=security.engine.engine_id, boots=boots, time=0, reportable=True)
            running.send(sender.send(pdu(1, tag=0xA6), 5), sender.send(pdu(1, tag=0xA6), 6))
            await until(lambda boots=boots: sums(tmp_path)["absorbed"] == 2 * boots - 1, "repeats are absorbed")
    assert len(broker.traps()) == 1


async def test_what_v3_knows_of_its_senders_survives_a_kill_in_a_storm(tmp_path: Path) -> None:
    """What is held was judged; what comes after a restart is judged by all that came before, held or not."""
    broker, alive, killed = FakeBroker(), tmp_path / "alive", tmp_path / "killed"
    async with collecting(alive, broker, guard=PATIENT, users=(user(),)) as running:
        running.send(v3_link_down(1, Sender(boots=5)), v3_link_down(1, Sender(boots=5, time=1_001)), v3_link_down(2, Sender(boots=6)))
        await until(lambda: len(guarded.read(alive).held) == 2, "two are held")
        shutil.copytree(alive, killed)
    after = FakeBroker()
    async with collecting(killed, after, guard=replace(PATIENT, compact_s=0.05), users=(user(),)) as running:
        running.send(v3_link_down(3, Sender(boots=5, time=9_000)))
        await until(lambda: sums(killed)["waiting"] == 0 and sums(killed)["journaled"] == 4, "all decided")
        assert running.count("traps_quarantined_total", reason="not-in-time-window") == 1
    assert [(trap.sequence, trap.authenticated) for trap in after.traps()] == [(2, True), (3, True)]


async def test_a_storm_raises_one_alarm_about_its_device_and_clears_it(tmp_path: Path) -> None:
    broker = FakeBroker()
    calm = GuardSettings(source_per_s=5, source_burst=10, rearm_s=0.2, compact_s=0.05)
    async with collecting(tmp_path, broker, guard=calm) as running:
        for place in range(60):
            running.send(link(place % 30, uptime=place))
        await until(lambda: [event.signal for event in broker.events()] == [Signal.RAISE], "raised once")
        await until(lambda: [event.signal for event in broker.events()] == [Signal.RAISE, Signal.CLEAR], "and cleared")
        assert running.count("trap_storms_total", scope="source") == 1
    raised, cleared = broker.events()
    assert (raised.source, raised.alarm_type, raised.resource) == (EventSource.SYSTEM, "storm", f"unknown/{SOURCE}")
    assert raised.resource == cleared.resource
    assert raised.text == "127.20.0.1 sends more than 5 notifications/s: of each object only the last state is passed on"
    assert (raised.collector, raised.sequence in range(1, 61)) == ("trap-1", True)


async def test_a_storm_is_told_of_once_it_is_known_whose_it_is(tmp_path: Path) -> None:
    """Rules and inventory are read beside the work: what began before is told of the device, as what clears it will be."""
    inventory = Inventory("v", devices={"pe1": Device("pe1", "ams", SOURCE)})
    directory, routing = Directory.of(inventory), load_rule_set(ROOT / "rules", MIBS).routing
    known = Knowledge(inventory, directory, Topology.of(inventory), RULES, MIBS, {}, (), routing)
    calm = GuardSettings(source_per_s=5, source_burst=10, rearm_s=3_600, compact_s=0.05)
    broker, read = FakeBroker(), list[Knowledge]()
    async with collecting(tmp_path, broker, guard=calm, known=lambda: read[0] if read else None) as running:
        for place in range(60):
            running.send(link(place % 30, uptime=place))
        await until(lambda: running.count("trap_storms_total", scope="source") == 1, "a storm has begun")
        assert broker.events() == []
        read.append(known)
        await until(lambda: len(broker.events()) == 1, "it is told")
    assert [event.resource for event in broker.events()] == ["device/pe1"]


async def test_a_storm_that_outlives_the_collector_is_cleared_by_the_next(tmp_path: Path) -> None:
    calm = GuardSettings(source_per_s=5, source_burst=10, rearm_s=0.2, compact_s=0.05)
    broker = FakeBroker()
    async with collecting(tmp_path, broker, guard=replace(calm, rearm_s=3_600)) as running:
        for place in range(60):
            running.send(link(place % 30, uptime=place))
        await until(lambda: len(broker.events()) == 1, "raised")
    async with collecting(tmp_path, broker, guard=calm) as running:
        await until(lambda: len(broker.events()) == 2, "cleared by the next")
        running.send(link(1))
    assert [event.signal for event in broker.events()] == [Signal.RAISE, Signal.CLEAR]


async def test_with_rules_at_hand_down_and_up_of_a_link_are_one_object(tmp_path: Path) -> None:
    """By variables alone they are two, each with its last state; either way the order of both is kept."""
    inventory = Inventory("v")
    known = Knowledge(inventory, DIRECTORY, Topology.of(inventory), RULES, MIBS, {}, (), load_rule_set(ROOT / "rules", MIBS).routing)
    for knowledge, left in ((None, 2), (known, 1)):
        broker, folder = FakeBroker(), tmp_path / str(left)
        async with collecting(folder, broker, guard=PATIENT, known=lambda knowledge=knowledge: knowledge) as running:
            for place in range(10):
                running.send(link(1, (LINK_DOWN, LINK_UP)[place % 2], uptime=place))
            await until(lambda left=left, running=running: running.count("traps_held") == left, f"{left} held")
        assert broker.traps()[-1].uptime_ticks == 9


@pytest.mark.parametrize("damage", [b"", b"\0" * 8, b"torn"])
def test_a_torn_file_leaves_the_state_before(tmp_path: Path, damage: bytes) -> None:
    file = GuardedFile(tmp_path)
    file.open()
    file.write(10, 3, ((9, 1),), ())
    file.write(20, 5, (), (("source", SOURCE),))
    assert guarded.read(tmp_path) == Guarded(2, 20, 5, (), (("source", SOURCE),))
    (tmp_path / FILES[0]).write_bytes(damage)
    assert guarded.read(tmp_path) == Guarded(1, 10, 3, ((9, 1),))
    (tmp_path / FILES[1]).write_bytes(damage)
    assert guarded.read(tmp_path) == Guarded()


async def test_a_journal_of_a_version_without_guard_goes_on(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker) as running:
        running.send(link(1), link(2))
        await until(lambda: sums(tmp_path)["published"] == 2, "published")
    for name in FILES:
        (tmp_path / name).unlink(missing_ok=True)
    async with collecting(tmp_path, broker) as running:
        running.send(link(3))
        await until(lambda: sums(tmp_path)["published"] == 3, "published")
    assert JournalReader(tmp_path).last_sequence == 3
