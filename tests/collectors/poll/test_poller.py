"""One poll: an agent's answer, its silence or its garbage, within one deadline, and never an exception."""

import asyncio
import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from collectors.poll.poller import CHUNK, SYS_DESCR, SYS_OBJECT_ID, Choose, Polled, Poller, waits_s
from collectors.poll.walk import WalkEnd
from pipeline.config.settings import PollSettings
from pipeline.core.column import Column
from pipeline.core.profile import GENERIC, SYS_UPTIME, ColumnType, PollColumn, Profile, ProfileTable
from pipeline.core.raw import INTERFACES, PollOutcome, RawTable
from tests.support.agents import (
    GEN_ERR,
    TOO_BIG,
    Asked,
    Mib,
    Reply,
    Script,
    free_udp_port,
    refused,
    response,
    scripted,
    served,
    serving,
    snmpd,
    snmpget,
)
from tests.support.datagrams import COUNTER32, COUNTER64, GAUGE32, INTEGER, OCTETS, OID, TICKS, Var
from tests.support.polls import device_of

SETTINGS = PollSettings(interval_s=3.0, timeout_s=0.3, retries=1, requests_per_s=1e6)
TAGS = {ColumnType.COUNTER32: COUNTER32, ColumnType.COUNTER64: COUNTER64, ColumnType.TEXT: OCTETS}
PORTS, PEERS_TABLE = GENERIC.tables
STATE, ADMIN = (column.oid for column in PEERS_TABLE.columns)
PEERS = ("10.0.0.1", "10.0.0.2", "192.0.2.250")
COLUMNS = {column.name: column.oid for column in PORTS.columns}
LATER = 2 * (1 + SETTINGS.retries)


def mib_of(rows: int) -> dict[str, tuple[int, object]]:
    """A system, and interfaces: column ``c`` of row ``r`` is ``100 r + c``, or ``ge-r`` where it is text; octets end soon."""
    mib: dict[str, tuple[int, object]] = {
        SYS_UPTIME: (TICKS, 123_456),
        SYS_DESCR: (OCTETS, b"a router"),
        SYS_OBJECT_ID: (OID, "1.3.6.1.4.1.99999.7"),
    }
    for row in range(1, rows + 1):
        for place, column in enumerate(PORTS.columns):
            high = 2**64 - 10_000 if column.type is ColumnType.COUNTER64 else 0
            value: object = f"ge-{row}".encode() if column.type is ColumnType.TEXT else high + 100 * row + place
            mib[f"{column.oid}.{row}"] = (TAGS.get(column.type, GAUGE32), value)
    return mib


PEER_MIB: dict[str, tuple[int, object]] = {
    **{f"{STATE}.{peer}": (INTEGER, 6 if place else 1) for place, peer in enumerate(PEERS)},
    **{f"{ADMIN}.{peer}": (INTEGER, 2) for peer in PEERS},
}
MIB = mib_of(2) | PEER_MIB
WELL = serving(MIB)


def place_of(name: str) -> int:
    """Where a column stands in the table of interfaces."""
    return list(COLUMNS).index(name)


def is_greeting(asked: Asked) -> bool:
    """Whether it is the first question, for sysUpTime."""
    return not asked.repetitions and SYS_UPTIME in asked.oids


async def poll(script: Script, *, settings: PollSettings = SETTINGS, profile: Profile = GENERIC) -> tuple[Polled, list[Asked]]:
    """One poll of a scripted agent, and what it was asked."""
    async with scripted(script) as (port, asked):
        return await Poller(settings, always(profile)).poll(device_of(port=port)), asked


def always(profile: Profile) -> Choose:
    """Every device is of this profile."""
    return lambda _object_id, _descr: profile


def ports(polled: Polled) -> RawTable:
    """The table of interfaces."""
    return polled.poll.table(INTERFACES)


async def test_good_agent_is_read_whole() -> None:
    """Every column of every row arrives, 64-bit counters exactly; text is text."""
    polled, asked = await poll(WELL)
    raw = polled.poll
    assert (raw.outcome, raw.uptime_ticks, raw.profile, raw.truncated) == (PollOutcome.ANSWERED, 123_456, "generic", ())
    assert ports(polled).indexes == ("1", "2")
    octets = place_of("in_octets")
    assert ports(polled).columns["in_octets"].counts().tolist() == [2**64 - 10_000 + 100 * row + octets for row in (1, 2)]
    assert ports(polled).columns["if_name"].text == ("ge-1", "ge-2")
    assert ports(polled).columns["oper_status"] == Column.of([100 + place_of("oper_status"), 200 + place_of("oper_status")])
    assert raw.table("bgp_peers") == RawTable(PEERS, {"peer_state": Column.of((1, 6, 6)), "peer_admin_status": Column.of((2, 2, 2))})
    assert (polled.values, polled.refused, polled.requests) == (2 * len(COLUMNS) + 6, 0, len(asked))
    assert polled.ends == (WalkEnd.COMPLETE, WalkEnd.COMPLETE)
    assert (raw.device, raw.collector, raw.sequence) == ("pe1", "poll-1", 0)


async def test_large_device_is_asked_for_several_rows_at_a_time() -> None:
    """No answer holds more than fits one packet, and no row is asked for twice."""
    polled, asked = await poll(serving(mib_of(130)))
    assert len(ports(polled).indexes) == 130
    assert polled.values == 130 * len(COLUMNS)
    walks = [each for each in asked if each.repetitions > 1]
    assert len({each.oids for each in walks}) == len(walks)
    assert max(each.repetitions for each in walks) <= 60


def test_the_tries_of_a_question_fit_the_interval() -> None:
    """Each waits twice as long as the one before; a silent device is told of within its cycle, and loses no turn."""
    assert waits_s(1.0, 2, 30.0) == [1.0, 2.0, 4.0]
    assert waits_s(1.0, 1, 1.5) == [0.5, 1.0]
    assert waits_s(1.0, 0, 30.0) == [1.0]


async def test_silent_address_is_a_timeout() -> None:
    """No answer after every try is a fact with a time; each try waits twice as long as the one before."""
    polled, asked = await poll(lambda _: [])
    assert (polled.poll.outcome, polled.poll.tables, polled.values) == (PollOutcome.TIMEOUT, {}, 0)
    assert len(asked) == 1 + SETTINGS.retries
    assert polled.seconds >= 3 * SETTINGS.timeout_s
    assert polled.poll.polled_at > 0


async def test_closed_port_is_a_timeout() -> None:
    """Nobody listens: the same outcome as silence."""
    polled = await Poller(SETTINGS).poll(device_of(port=free_udp_port()))
    assert polled.poll.outcome is PollOutcome.TIMEOUT


async def test_lost_question_is_asked_again() -> None:
    """One lost datagram costs one try, not the poll."""
    polled, asked = await poll(lambda each: WELL(each) if each.number > 1 else [])
    assert polled.poll.outcome is PollOutcome.ANSWERED
    assert asked[0].oids == asked[1].oids


@pytest.mark.parametrize("garbage", [b"\x00", b"\x30\x84\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n", b"\x30\x82garbage"])
async def test_garbage_is_malformed_not_silence(garbage: bytes) -> None:
    """An agent that answers what is no SNMP is told apart from a dead one."""
    polled, asked = await poll(lambda _: [(0, garbage)])
    assert (polled.poll.outcome, polled.values) == (PollOutcome.MALFORMED, 0)
    assert len(asked) == 1 + SETTINGS.retries


async def test_garbage_before_an_answer_is_passed_over() -> None:
    """One bad datagram does not cost even a try, as long as the answer comes in time."""
    polled, asked = await poll(lambda each: [(0, b"\xff"), *((delay + 0.01, data) for delay, data in WELL(each))])
    assert polled.poll.outcome is PollOutcome.ANSWERED
    assert sum(map(is_greeting, asked)) == 1


async def test_values_of_other_types_are_refused_not_believed() -> None:
    """An agent that says text where a counter belongs keeps its other values."""
    strange = MIB | {f"{COLUMNS['in_octets']}.1": (OCTETS, b"many")}
    polled, _ = await poll(serving(strange))
    assert ports(polled).columns["in_octets"].values() == (None, 2**64 - 10_000 + 200 + place_of("in_octets"))
    assert polled.refused == 1


async def test_agent_that_says_nothing_usable_is_malformed() -> None:
    """Well-formed SNMP without one value of ours is no answer."""
    polled, _ = await poll(lambda each: [(0, response(each, [Var("1.3.6.1.9", INTEGER, 1)]))])
    assert (polled.poll.outcome, polled.poll.tables) == (PollOutcome.MALFORMED, {})


async def test_answers_to_other_questions_are_passed_over() -> None:
    """A late, forged or foreign answer (request id, community) is not taken for ours."""

    def script(each: Asked) -> list[Reply]:
        if not is_greeting(each):
            return WELL(each)
        forged = [Var(oid, TICKS, 666) for oid in each.oids]
        return [
            (0, response(each, forged, request_id=each.request_id + 1)),
            (0, response(each, forged, community=b"other")),
            (0.05, served(each, MIB)),
        ]

    polled, _ = await poll(script)
    assert polled.poll.uptime_ticks == 123_456


async def test_renumbered_interfaces_keep_their_names() -> None:
    """After a restart ifIndex may mean another interface (RFC 2863 section 3.1.5): each row says its name beside the index of now."""
    mib = mib_of(2)
    async with scripted(lambda each: [(0, served(each, mib))]) as (port, _):
        poller, device = Poller(SETTINGS), device_of(port=port)
        first = ports(await poller.poll(device))
        mib |= {f"{COLUMNS['if_name']}.{row}": (OCTETS, name) for row, name in ((1, b"ge-2"), (2, b"ge-1"))}
        second = ports(await poller.poll(device))
    assert dict(zip(first.columns["if_name"].text, first.indexes, strict=True)) == {"ge-1": "1", "ge-2": "2"}
    assert dict(zip(second.columns["if_name"].text, second.indexes, strict=True)) == {"ge-1": "2", "ge-2": "1"}


async def test_reset_counters_are_passed_on_with_what_tells_of_it() -> None:
    """The collector judges no counter: it passes on the value, sysUpTime and the discontinuity of the same poll."""
    mib = mib_of(1)
    async with scripted(lambda each: [(0, served(each, mib))]) as (port, _):
        poller, device = Poller(SETTINGS), device_of(port=port)
        await poller.poll(device)
        mib |= {SYS_UPTIME: (TICKS, 50), f"{COLUMNS['in_octets']}.1": (COUNTER64, 7), f"{COLUMNS['discontinuity_ticks']}.1": (TICKS, 49)}
        polled = await poller.poll(device)
    assert polled.poll.uptime_ticks == 50
    assert [ports(polled).columns[name].values() for name in ("in_octets", "discontinuity_ticks")] == [(7,), (49,)]


async def test_a_table_that_was_not_read_to_its_end_says_so() -> None:
    """The agent falls silent in the middle: the whole rows so far stand, marked, and nothing more is asked."""
    polled, asked = await poll(lambda each: serving(mib_of(130) | PEER_MIB)(each) if each.number < 14 else [])
    assert polled.poll.outcome is PollOutcome.ANSWERED
    assert (len(ports(polled).indexes), polled.poll.truncated, polled.ends) == (40, (INTERFACES,), (WalkEnd.SILENT,))
    assert "bgp_peers" not in polled.poll.tables
    assert len(asked) == 13 + 1 + SETTINGS.retries


async def test_a_device_without_a_table_has_it_empty() -> None:
    """An empty table is an answer: the device has no such row."""
    for mib in (mib_of(2), mib_of(2) | {"1.3.6.1.2.1.15.9": (INTEGER, 1)}):
        polled, _ = await poll(serving(mib))
        assert (polled.poll.outcome, polled.poll.tables["bgp_peers"]) == (PollOutcome.ANSWERED, RawTable())


async def test_an_agent_that_goes_round_in_circles_keeps_its_other_tables() -> None:
    """A walk that would never end is no reason to lose the poll."""

    def script(each: Asked) -> list[Reply]:
        if each.repetitions and each.oids[0].startswith(COLUMNS["if_name"]):
            return [(0, response(each, [Var(f"{COLUMNS['if_name']}.{row}", OCTETS, b"x") for row in (1, 2)]))]
        return WELL(each)

    polled, _ = await poll(script)
    assert polled.ends == (WalkEnd.NOT_INCREASING, WalkEnd.COMPLETE)
    assert (ports(polled).indexes, polled.poll.truncated) == (("1", "2"), (INTERFACES,))
    assert polled.poll.table("bgp_peers").indexes == PEERS


async def test_slow_agent_is_cut_off_at_the_deadline() -> None:
    """An agent that answers every question just in time cannot stretch its poll without end, nor cost the next one its turn."""
    settings = replace(SETTINGS, interval_s=1.5, timeout_s=0.5, retries=0)
    polled, asked = await poll(lambda each: [(0.05, served(each, mib_of(400), at_most=10))], settings=settings)
    assert Poller(settings).deadline_s == pytest.approx(1.35)
    assert polled.poll.outcome is PollOutcome.ANSWERED
    assert 0 < len(ports(polled).indexes) < 400
    assert (polled.poll.truncated, polled.ends) == ((INTERFACES,), (WalkEnd.DEADLINE,))
    assert len(asked) < 400 * len(COLUMNS) / 10


async def test_a_table_that_was_cut_off_comes_last_next_time() -> None:
    """So a huge table never keeps the others from being read at all."""
    settings = replace(SETTINGS, interval_s=1.0, timeout_s=0.5, retries=0)
    mib = mib_of(400) | PEER_MIB
    async with scripted(lambda each: [(0.03, served(each, mib, at_most=10))]) as (port, _):
        poller, device = Poller(settings), device_of(port=port)
        first, second = await poller.poll(device), await poller.poll(device)
    assert "bgp_peers" not in first.poll.tables
    assert second.poll.table("bgp_peers").indexes == PEERS
    assert second.poll.truncated == (INTERFACES,)


async def test_a_table_that_an_agent_never_answers_costs_no_other() -> None:
    """Its silence ends the poll it is in; from the next one on it comes last."""
    async with scripted(lambda each: [] if each.oids[0].startswith(COLUMNS["if_name"]) else WELL(each)) as (port, _):
        poller, device = Poller(SETTINGS), device_of(port=port)
        first, second = await poller.poll(device), await poller.poll(device)
    assert (first.poll.outcome, first.poll.tables) == (PollOutcome.ANSWERED, {})
    assert second.poll.table("bgp_peers").indexes == PEERS
    assert INTERFACES not in second.poll.tables


async def test_garbage_for_a_scalar_costs_no_other_table() -> None:
    """It is narrowed down as a refusal is."""
    mib = MIB | SCALAR_MIB
    broken = f"{SCALARS.columns[12].oid}.0"
    settings = replace(SETTINGS, timeout_s=0.05, interval_s=30.0)
    profile = Profile("x", (SCALARS, PORTS))
    polled, _ = await poll(lambda each: [(0, b"\xff" if broken in each.oids else served(each, mib))], settings=settings, profile=profile)
    assert polled.poll.table("memory").columns["value_13"].values() == (None,)
    assert polled.values == 49 + 2 * len(COLUMNS)


async def test_time_of_a_poll_is_when_its_answered_question_was_sent() -> None:
    """What is said of a state holds from then on; a try that was lost does not move it back."""
    ticks = iter(range(1000, 2000))
    async with scripted(lambda each: WELL(each) if each.number > 1 else []) as (port, _):
        polled = await Poller(SETTINGS, clock=lambda: next(ticks)).poll(device_of(port=port))
    assert polled.poll.polled_at == 1002
    assert 0 < polled.poll.round_trip_ms < 1000 * SETTINGS.interval_s


async def test_a_clock_that_is_set_back_hurts_no_poll() -> None:
    """Waiting goes by the clock that never steps; a poll is dated as the other one says."""
    times = iter([9_000, 9_000, 1_000, 1_000, 1_000])
    async with scripted(WELL) as (port, _):
        poller, device = Poller(SETTINGS, clock=lambda: next(times)), device_of(port=port)
        first, second = await poller.poll(device), await poller.poll(device)
    assert [first.poll.polled_at, second.poll.polled_at] == [9_000, 1_000]
    assert second.poll.outcome is PollOutcome.ANSWERED


async def test_what_cannot_be_polled_is_an_outcome_too_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A wrong inventory stops no collector: an address that is none, a user that nobody knows."""
    poller = Poller(SETTINGS)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            polled = await poller.poll(device_of(address="not-an-address"))
            assert polled.poll.outcome is PollOutcome.MALFORMED
    (record,) = caplog.records
    assert "check its address not-an-address" in record.message


async def test_slow_device_does_not_delay_another() -> None:
    """While one device keeps its poll waiting, others are asked and answer many times."""
    async with scripted(WELL) as (good, _), scripted(lambda _: []) as (dead, _):
        waiting = asyncio.create_task(Poller(SETTINGS).poll(device_of(name="dead", port=dead)))
        answered = 0
        while not waiting.done():
            answered += (await Poller(SETTINGS).poll(device_of(port=good))).poll.outcome is PollOutcome.ANSWERED
        assert (await waiting).poll.outcome is PollOutcome.TIMEOUT
    assert answered > 3


async def test_a_device_is_put_no_more_questions_a_second_than_its_budget() -> None:
    """However quick it answers: one at a time, after a burst of a second's worth."""
    settings = replace(SETTINGS, interval_s=30.0, requests_per_s=20.0)
    polled, asked = await poll(serving(mib_of(130)), settings=settings)
    assert len(ports(polled).indexes) == 130
    assert polled.seconds >= (len(asked) - 21) / 20.0


SILENT_AFTER_3 = replace(SETTINGS, timeout_s=0.05, silent_polls=3)


async def test_a_device_that_stays_silent_is_asked_one_question_a_turn_until_it_answers() -> None:
    """It is still asked in every turn and its silence is told each time; the turn in which it answers is a whole poll again."""
    alive = False
    async with scripted(lambda each: WELL(each) if alive else []) as (port, asked):
        poller, device = Poller(SILENT_AFTER_3), device_of(port=port)
        numbers = []
        for _ in range(6):
            begun = len(asked)
            polled = await poller.poll(device)
            numbers.append((len(asked) - begun, polled.poll.outcome, polled.is_given_up))
        alive = True
        recovered = await poller.poll(device)
        assert [each for each, *_ in numbers] == [2, 2, 2, 1, 1, 1]
        assert {outcome for _, outcome, _ in numbers} == {PollOutcome.TIMEOUT}
        assert [given_up for *_, given_up in numbers] == [False, False, True, True, True, True]
        assert (recovered.poll.outcome, len(ports(recovered).indexes), recovered.is_given_up) == (PollOutcome.ANSWERED, 2, False)


async def test_a_device_is_asked_what_it_is_once_and_again_after_a_restart() -> None:
    """And after an hour, since software may be replaced without one."""
    mib = mib_of(1)
    seconds = 0.0
    chosen: list[tuple[str, str]] = []

    def choose(object_id: str, descr: str) -> Profile:
        chosen.append((object_id, descr))
        return GENERIC

    async with scripted(lambda each: [(0, served(each, mib))]) as (port, asked):
        poller, device = Poller(SETTINGS, choose, now=lambda: seconds), device_of(port=port)
        for _ in range(3):
            await poller.poll(device)
        assert chosen == [("1.3.6.1.4.1.99999.7", "a router")]
        assert [each.oids for each in asked if is_greeting(each)] == [(SYS_UPTIME, SYS_OBJECT_ID, SYS_DESCR), (SYS_UPTIME,), (SYS_UPTIME,)]
        mib |= {SYS_UPTIME: (TICKS, 5), SYS_DESCR: (OCTETS, b"a router, upgraded")}
        await poller.poll(device)
        assert chosen[1:] == [("1.3.6.1.4.1.99999.7", "a router, upgraded")]
        seconds = 3601.0
        await poller.poll(device)
        assert len(chosen) == 3
        await poller.poll(replace(device, community="other"))
        await poller.poll(device)
        assert len(chosen) == 4  # asked another way, it may be another device; the silence in between told nothing


async def test_a_device_that_does_not_say_what_it_is_is_polled_all_the_same() -> None:
    """No sysObjectID: the profile for nothing known."""
    mib = {SYS_UPTIME: (TICKS, 1)} | {name: value for name, value in MIB.items() if name not in {SYS_DESCR, SYS_OBJECT_ID}}
    polled, _ = await poll(serving(mib))
    assert (polled.poll.outcome, polled.poll.profile) == (PollOutcome.ANSWERED, "generic")


SCALARS = ProfileTable("memory", tuple(PollColumn(f"value_{place}", f"1.3.6.1.4.1.99999.1.{place}") for place in range(1, 51)), scalar=True)
SCALAR_MIB: Mib = {f"{column.oid}.0": (GAUGE32, place) for place, column in enumerate(SCALARS.columns)}


async def test_what_stands_once_is_got_not_walked() -> None:
    """In as few questions as fit, and what the device lacks is missing without a further question."""
    mib = {SYS_UPTIME: (TICKS, 1)} | {name: value for name, value in SCALAR_MIB.items() if not name.endswith(".7.0")}
    polled, asked = await poll(serving(mib), profile=Profile("x", (SCALARS,)))
    table = polled.poll.table("memory")
    assert table.indexes == ("0",)
    assert [table.columns[f"value_{place}"].values() for place in (1, 7, 50)] == [(0,), (None,), (49,)]
    assert [len(each.oids) for each in asked] == [3, CHUNK + 1, 50 - CHUNK + 1]


async def test_agent_with_small_packets_is_got_in_smaller_questions() -> None:
    """tooBig halves the question until it is answered, and nothing is lost."""
    mib = {SYS_UPTIME: (TICKS, 1)} | SCALAR_MIB
    polled, _ = await poll(
        lambda each: [(0, served(each, mib) if len(each.oids) <= 7 else refused(each, TOO_BIG))], profile=Profile("x", (SCALARS,))
    )
    assert polled.values == 50


async def test_one_broken_scalar_costs_only_itself() -> None:
    """genErr for one variable is narrowed down to it."""
    mib, broken = {SYS_UPTIME: (TICKS, 1)} | SCALAR_MIB, f"{SCALARS.columns[12].oid}.0"
    polled, _ = await poll(
        lambda each: [(0, refused(each, GEN_ERR) if broken in each.oids else served(each, mib))], profile=Profile("x", (SCALARS,))
    )
    assert polled.values == 49
    assert polled.poll.table("memory").columns["value_13"].values() == (None,)


async def test_a_device_without_any_of_the_scalars_has_an_empty_table() -> None:
    """No row rather than a row of nothing."""
    polled, _ = await poll(serving({SYS_UPTIME: (TICKS, 1)}), profile=Profile("x", (SCALARS,)))
    assert polled.poll.tables == {"memory": RawTable((), {})}


async def test_a_table_asked_for_seldom_is_in_the_first_poll_and_each_nth() -> None:
    """Those in between do not have it at all, which says nothing of it."""
    profile = Profile("x", (PORTS, replace(PEERS_TABLE, every=3)))
    async with scripted(WELL) as (port, _):
        poller, device = Poller(SETTINGS, always(profile)), device_of(port=port)
        polls = [await poller.poll(device) for _ in range(10)]
    have = [number for number, polled in enumerate(polls) if "bgp_peers" in polled.poll.tables]
    assert have[0] == 0
    assert {later - earlier for earlier, later in pairwise(have[1:])} == {3}
    assert all(INTERFACES in polled.poll.tables for polled in polls)


async def test_on_suspicion_only_states_are_asked_for() -> None:
    """Which rows, their names, what they should be and are; and no turn of a seldom table is used up."""
    async with scripted(WELL) as (port, asked):
        polled = await Poller(SETTINGS).poll(device_of(port=port), on_suspicion=True)
    assert set(ports(polled).columns) == {"if_name", "admin_status", "oper_status"}
    assert set(polled.poll.table("bgp_peers").columns) == {"peer_state", "peer_admin_status"}
    assert not any(each.oids[0].startswith(COLUMNS["in_octets"]) for each in asked)


@pytest.mark.needs_netsnmp
async def test_snmpd_is_read_as_net_snmp_reads_it(tmp_path: Path) -> None:
    """A real agent's loopback interface: states and speed agree with snmpget, counters lie between two of its readings."""
    with snmpd(tmp_path) as port:
        device = device_of(port=port, speeds=(1000,))
        poller = Poller(PollSettings(timeout_s=1.0, retries=4, interval_s=60.0))
        first = await poller.poll(device)
        assert first.poll.outcome is PollOutcome.ANSWERED
        before = int(snmpget(port, f"{COLUMNS['in_octets']}.1"))
        polled = await poller.poll(device)
        after = int(snmpget(port, f"{COLUMNS['in_octets']}.1"))
        states = [int(snmpget(port, f"1.3.6.1.2.1.2.2.1.{column}.1")) for column in (7, 8)]
        name, speed = snmpget(port, f"{COLUMNS['if_name']}.1").strip('"'), int(snmpget(port, f"{COLUMNS['speed']}.1"))
        uptime = int(snmpget(port, SYS_UPTIME))
    assert polled.ends[0] is WalkEnd.COMPLETE
    row = ports(polled).indexes.index("1")
    columns = {column: cells.values()[row] for column, cells in ports(polled).columns.items()}
    assert [columns["admin_status"], columns["oper_status"]] == states
    assert (columns["if_name"], columns["speed"]) == (name, speed)
    octets = columns["in_octets"]
    assert isinstance(octets, int)
    assert before <= octets <= after
    assert polled.refused == 0
    assert first.poll.uptime_ticks is not None
    assert polled.poll.uptime_ticks is not None
    assert first.poll.uptime_ticks <= polled.poll.uptime_ticks <= uptime


@pytest.mark.needs_netsnmp
async def test_snmpd_ignores_another_community(tmp_path: Path) -> None:
    """A wrong community looks like silence, as agents mean it to."""
    with snmpd(tmp_path) as port:
        poller = Poller(PollSettings(timeout_s=1.0, retries=4, interval_s=60.0))
        assert (await poller.poll(device_of(port=port))).poll.outcome is PollOutcome.ANSWERED
        polled = await Poller(SETTINGS).poll(replace(device_of(port=port), community="wrong"))
    assert polled.poll.outcome is PollOutcome.TIMEOUT
