"""One poll: an agent's answer, its silence or its garbage, within one deadline, and never an exception."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.poll.poller import CHUNK, Polled, Poller
from pipeline.config.settings import PollSettings
from pipeline.core.profile import GENERIC, SYS_UPTIME, Profile
from pipeline.core.raw import PollOutcome, RawTable
from tests.support.agents import Asked, Reply, Script, free_udp_port, refused, response, scripted, snmpd, snmpget, told
from tests.support.datagrams import COUNTER32, COUNTER64, GAUGE32, INTEGER, OCTETS, TICKS, Var
from tests.support.polls import device_of

SETTINGS = PollSettings(interval_s=3.0, timeout_s=0.4, retries=1)
TYPES = {"in_octets": COUNTER64, "out_octets": COUNTER64, "in_errors": COUNTER32, "out_errors": COUNTER32, "speed_mbps": GAUGE32}
TOO_BIG, GEN_ERR = 1, 5
END_OF_MIB_VIEW = 0x82
INTERFACES = replace(GENERIC, tables=())
STATE, ADMIN = (column.oid for column in GENERIC.tables[0].columns)
PEERS = ("10.0.0.1", "10.0.0.2", "192.0.2.250")
PEER_MIB: dict[str, tuple[int, object]] = {
    **{f"{STATE}.{peer}": (INTEGER, 6 if place else 1) for place, peer in enumerate(PEERS)},
    **{f"{ADMIN}.{peer}": (INTEGER, 2) for peer in PEERS},
}


def mib_of(rows: int) -> dict[str, tuple[int, object]]:
    """A table where the value of column ``c`` in row ``r`` is ``100 r + c``; octets are near the end of 64 bits."""
    mib: dict[str, tuple[int, object]] = {SYS_UPTIME: (TICKS, 123_456)}
    for row in range(1, rows + 1):
        for place, column in enumerate(GENERIC.columns):
            high = 2**64 - 10_000 if column.bits == 64 else 0
            mib[f"{column.oid}.{row}"] = (TYPES.get(column.name, INTEGER), high + 100 * row + place)
    return mib


MIB = mib_of(2)


async def poll(
    script: Script, *, rows: int = 2, settings: PollSettings = SETTINGS, profile: Profile = INTERFACES
) -> tuple[Polled, list[Asked]]:
    """One poll of a scripted agent, and what it was asked; for its interfaces alone unless ``profile`` has tables."""
    async with scripted(script) as (port, asked):
        return await Poller(settings, profile).poll(device_of(port=port, speeds=(1000,) * rows)), asked


def well(asked: Asked) -> list[Reply]:
    """What a good agent of two interfaces does."""
    return [(0, told(asked, MIB))]


async def test_good_agent_is_read_whole() -> None:
    """Every column of every interface arrives, 64-bit counters exactly."""
    polled, asked = await poll(well)
    assert (polled.poll.outcome, polled.poll.uptime_ticks, polled.poll.indexes) == (PollOutcome.ANSWERED, 123_456, (1, 2))
    assert polled.poll.columns["in_octets"] == (2**64 - 10_000 + 104, 2**64 - 10_000 + 204)
    assert polled.poll.columns["oper_status"] == (101, 201)
    assert (polled.values, polled.refused, len(asked)) == (2 * len(GENERIC.columns), 0, 1)
    assert (polled.poll.device, polled.poll.collector, polled.poll.sequence) == ("pe1", "poll-1", 0)


async def test_large_device_is_asked_in_several_questions() -> None:
    """No question has more instances than fit an answer of one packet, and none is asked twice."""
    polled, asked = await poll(lambda each: [(0, told(each, mib_of(30)))], rows=30)
    assert len(polled.poll.indexes) == 30
    assert polled.values == 30 * len(GENERIC.columns)
    assert len(asked) == 30 * len(GENERIC.columns) // CHUNK
    assert {len(each.oids) for each in asked} == {CHUNK + 1}


async def test_silent_address_is_a_timeout() -> None:
    """No answer after every try is a fact with a time."""
    polled, asked = await poll(lambda _: [])
    assert (polled.poll.outcome, polled.poll.indexes, polled.poll.columns, polled.values) == (PollOutcome.TIMEOUT, (), {}, 0)
    assert len(asked) == 1 + SETTINGS.retries
    assert polled.poll.polled_at > 0


async def test_closed_port_is_a_timeout() -> None:
    """Nobody listens: the same outcome as silence."""
    polled = await Poller(SETTINGS).poll(device_of(port=free_udp_port()))
    assert polled.poll.outcome is PollOutcome.TIMEOUT


async def test_lost_question_is_asked_again() -> None:
    """One lost datagram costs one try, not the poll."""
    polled, asked = await poll(lambda each: well(each) if each.number > 1 else [])
    assert (polled.poll.outcome, len(asked)) == (PollOutcome.ANSWERED, 2)


@pytest.mark.parametrize("garbage", [b"\x00", b"\x30\x84\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n", b"\x30\x82garbage"])
async def test_garbage_is_malformed_not_silence(garbage: bytes) -> None:
    """An agent that answers what is no SNMP is told apart from a dead one."""
    polled, asked = await poll(lambda _: [(0, garbage)])
    assert (polled.poll.outcome, polled.values) == (PollOutcome.MALFORMED, 0)
    assert len(asked) == 1 + SETTINGS.retries


async def test_garbage_once_is_asked_again() -> None:
    """One bad datagram costs one try."""
    polled, _ = await poll(lambda each: well(each) if each.number > 1 else [(0, b"\xff")])
    assert polled.poll.outcome is PollOutcome.ANSWERED


async def test_values_of_other_types_are_refused_not_believed() -> None:
    """An agent that says text where a counter belongs keeps its other values."""
    strange = MIB | {f"{GENERIC.columns[4].oid}.1": (OCTETS, b"many")}
    polled, _ = await poll(lambda each: [(0, told(each, strange))])
    assert polled.poll.columns["in_octets"] == (None, 2**64 - 10_000 + 204)
    assert polled.refused == 1


async def test_agent_that_says_nothing_usable_is_malformed() -> None:
    """Well-formed SNMP without one value of ours is no answer."""
    polled, _ = await poll(lambda each: [(0, response(each, [Var("1.3.6.1.9", INTEGER, 1)]))])
    assert (polled.poll.outcome, polled.refused) == (PollOutcome.MALFORMED, 1)


async def test_answers_to_other_questions_are_passed_over() -> None:
    """A late, forged or foreign answer (request id, community) is not taken for ours."""

    def script(each: Asked) -> list[Reply]:
        forged = mib_of(2) | {SYS_UPTIME: (TICKS, 666)}
        variables = [Var(oid, *forged[oid]) for oid in each.oids]  # type: ignore[arg-type]  # values of a test
        return [
            (0, response(each, variables, request_id=each.request_id + 1)),
            (0, response(each, variables, community=b"other")),
            (0.05, told(each, MIB)),
        ]

    polled, _ = await poll(script)
    assert polled.poll.uptime_ticks == 123_456


async def test_interface_that_is_gone_is_left_out() -> None:
    """noSuchInstance costs the row, and no further question."""
    polled, asked = await poll(lambda each: [(0, told(each, mib_of(1)))])
    assert (polled.poll.outcome, polled.poll.indexes, len(asked)) == (PollOutcome.ANSWERED, (1,), 1)


async def test_agent_with_small_packets_is_read_in_smaller_questions() -> None:
    """tooBig halves the question until it is answered, and nothing is lost."""
    polled, _ = await poll(lambda each: well(each) if len(each.oids) <= 6 else [(0, refused(each, TOO_BIG))])
    assert polled.values == 2 * len(GENERIC.columns)


async def test_one_broken_instance_costs_only_itself() -> None:
    """genErr for one variable is narrowed down to it."""
    broken = f"{GENERIC.columns[2].oid}.1"
    polled, _ = await poll(lambda each: [(0, refused(each, GEN_ERR))] if broken in each.oids else well(each))
    assert polled.poll.columns[GENERIC.columns[2].name] == (None, 202)
    assert polled.values == 2 * len(GENERIC.columns) - 1


async def test_what_was_answered_before_the_silence_is_kept() -> None:
    """An agent that falls silent half way has answered: the other rows are missing."""
    polled, _ = await poll(lambda each: [(0, told(each, mib_of(20)))] if each.number == 1 else [], rows=20)
    assert polled.poll.outcome is PollOutcome.ANSWERED
    assert polled.poll.indexes == tuple(range(1, CHUNK // len(GENERIC.columns) + 1))


def walking(mib: Mapping[str, tuple[int, object]], *, at_most: int = 2) -> Script:
    """A good agent of interfaces that answers GETBULK over ``mib``, ``at_most`` rows at a time, and endOfMibView after the last."""
    names = sorted(mib, key=lambda oid: [int(arc) for arc in oid.split(".")])

    def script(each: Asked) -> list[Reply]:
        if SYS_UPTIME in each.oids:
            return well(each)
        start = [int(arc) for arc in each.oids[0].split(".")]
        rest = [name for name in names if [int(arc) for arc in name.split(".")] > start][:at_most]
        return [(0, response(each, [Var(name, *mib[name]) for name in rest] or [Var(each.oids[0], END_OF_MIB_VIEW, None)]))]  # type: ignore[arg-type]  # values of a test

    return script


async def test_a_table_is_walked_to_its_end() -> None:
    """Every peer with its states, in as many questions as the agent needs; the interfaces are there too."""
    polled, _ = await poll(walking(PEER_MIB), profile=GENERIC)
    assert polled.poll.tables == {"bgp_peers": RawTable(PEERS, {"peer_state": (1, 6, 6), "peer_admin_status": (2, 2, 2)})}
    assert (polled.values, polled.refused) == (2 * len(GENERIC.columns) + 6, 0)


async def test_a_device_without_the_table_is_asked_one_question_more() -> None:
    """An empty table is an answer: the device has no such row."""
    for mib in ({}, {"1.3.6.1.2.1.15.9": (INTEGER, 1)}):
        polled, asked = await poll(walking(mib), profile=GENERIC)
        assert (polled.poll.outcome, polled.poll.tables) == (PollOutcome.ANSWERED, {"bgp_peers": RawTable()})
        assert len(asked) == 2


async def test_a_table_that_was_not_read_to_its_end_is_left_out() -> None:
    """The agent falls silent in the middle: the interfaces stand, and nothing is said of peers."""
    script = walking(PEER_MIB)
    polled, _ = await poll(lambda each: script(each) if each.number < 3 else [], profile=GENERIC)
    assert (polled.poll.outcome, polled.poll.indexes, polled.poll.tables) == (PollOutcome.ANSWERED, (1, 2), {})


async def test_a_lost_question_of_a_walk_is_asked_again() -> None:
    """One lost datagram costs one try, not the table."""
    script = walking(PEER_MIB)
    polled, _ = await poll(lambda each: script(each) if each.number != 3 else [], profile=GENERIC)
    assert polled.poll.tables["bgp_peers"].indexes == PEERS


async def test_an_agent_that_goes_round_in_circles_is_left() -> None:
    """A walk that would never end is no table, and no reason to lose the poll."""

    def script(each: Asked) -> list[Reply]:
        if SYS_UPTIME in each.oids:
            return well(each)
        return [(0, response(each, [Var(f"{STATE}.{peer}", INTEGER, 6) for peer in PEERS[:2]]))]

    polled, _ = await poll(script, profile=GENERIC)
    assert (polled.poll.outcome, polled.poll.tables) == (PollOutcome.ANSWERED, {})


async def test_slow_agent_is_cut_off_at_the_deadline() -> None:
    """An agent that answers every question just in time cannot stretch its poll without end."""
    settings = PollSettings(interval_s=1.5, timeout_s=1.0, retries=0)
    poller = Poller(settings)
    polled, asked = await poll(lambda each: [(0.4, told(each, mib_of(200)))], rows=200, settings=settings)
    assert poller.deadline_s == 1.5
    assert polled.poll.outcome is PollOutcome.ANSWERED
    assert 0 < len(polled.poll.indexes) < 200
    assert len(asked) < 200 * len(GENERIC.columns) // CHUNK


async def test_time_of_a_poll_is_when_its_answered_question_was_sent() -> None:
    """What is said of a state holds from then on; a try that was lost does not move it back."""
    ticks = iter(range(1000, 2000))
    async with scripted(lambda each: well(each) if each.number > 1 else []) as (port, _):
        polled = await Poller(SETTINGS, clock=lambda: next(ticks)).poll(device_of(port=port))
    assert polled.poll.polled_at == 1002
    assert 0 < polled.poll.round_trip_ms < 1000 * SETTINGS.interval_s


async def test_address_that_is_none_is_an_outcome_too() -> None:
    """A wrong inventory stops no collector."""
    polled = await Poller(SETTINGS).poll(device_of(address="not-an-address"))
    assert polled.poll.outcome is PollOutcome.MALFORMED


async def test_slow_device_does_not_delay_another() -> None:
    """While one device keeps its poll waiting, others are asked and answer many times."""
    async with scripted(well) as (good, _), scripted(lambda _: []) as (dead, _):
        waiting = asyncio.create_task(Poller(SETTINGS).poll(device_of(name="dead", port=dead)))
        answered = 0
        while not waiting.done():
            answered += (await Poller(SETTINGS).poll(device_of(port=good))).poll.outcome is PollOutcome.ANSWERED
        assert (await waiting).poll.outcome is PollOutcome.TIMEOUT
    assert answered > 3


@pytest.mark.needs_netsnmp
async def test_snmpd_is_read_as_net_snmp_reads_it(tmp_path: Path) -> None:
    """A real agent's loopback interface: states and speed agree with snmpget, counters lie between two of its readings."""
    with snmpd(tmp_path) as port:
        device = device_of(port=port, speeds=(1000,))
        poller = Poller(PollSettings(timeout_s=1.0, retries=20, interval_s=30.0))
        first = await poller.poll(device)
        assert first.poll.outcome is PollOutcome.ANSWERED
        before = int(snmpget(port, f"{GENERIC.columns[4].oid}.1"))
        polled = await poller.poll(device)
        after = int(snmpget(port, f"{GENERIC.columns[4].oid}.1"))
        states = [int(snmpget(port, f"1.3.6.1.2.1.2.2.1.{column}.1")) for column in (7, 8)]
        speed = int(snmpget(port, f"{GENERIC.columns[6].oid}.1"))
        uptime = int(snmpget(port, SYS_UPTIME))
    columns = polled.poll.columns
    assert [columns["admin_status"], columns["oper_status"]] == [(state,) for state in states]
    assert columns["speed_mbps"] == (speed,)
    assert columns["in_octets"][0] is not None
    assert before <= columns["in_octets"][0] <= after
    assert polled.poll.uptime_ticks is not None
    assert first.poll.uptime_ticks is not None
    assert first.poll.uptime_ticks <= polled.poll.uptime_ticks <= uptime


@pytest.mark.needs_netsnmp
async def test_snmpd_ignores_another_community(tmp_path: Path) -> None:
    """A wrong community looks like silence, as agents mean it to."""
    with snmpd(tmp_path) as port:
        poller = Poller(PollSettings(timeout_s=1.0, retries=20, interval_s=30.0))
        assert (await poller.poll(device_of(port=port))).poll.outcome is PollOutcome.ANSWERED
        polled = await Poller(SETTINGS).poll(replace(device_of(port=port), community="wrong"))
    assert polled.poll.outcome is PollOutcome.TIMEOUT
