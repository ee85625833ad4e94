"""One device asked for everything: whole when it answers well, a finding and never an exception for whatever it does instead."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.discover.asker import Asked, Asker, Outcome, Place, extend
from collectors.discover.credential import Credential
from collectors.discover.pace import Pace, Paced
from collectors.discover.walk import Limits
from pipeline.config.secret import Secret
from pipeline.core.discovery import FindingKind
from pipeline.core.discovery_object import IDENTITY, OBJECTS, SYSTEM, TABLES
from tests.support.agents import Asked as Question
from tests.support.agents import Reply, free_udp_port, refused, response, scripted
from tests.support.datagrams import INTEGER, OCTETS, Var
from tests.support.discovery import Box
from tests.support.walkable import Walkable, mib_of

PUBLIC = Credential("public", Secret("public"))
LIMITS = Limits(timeout_s=0.15, retries=1)
BOX = Box("pe1", ports=tuple(f"ge{number}" for number in range(1, 31))).speaks_lldp()
BOX.has_address("ge1", "10.0.0.1", 24).set("entPhysicalClass", 1, 3).set("entPhysicalMfgName", 1, b"Acme")
BOX.scalars["snmpEngineID"] = bytes.fromhex("8000000903aabb")
MIB = mib_of(BOX)
TOO_BIG, GEN_ERR = 1, 5
DESCR, NAME, CLASS = (OBJECTS[name].oid for name in ("ifDescr", "ifName", "entPhysicalClass"))


async def ask(
    spoil: Callable[[Question], list[Reply] | None] = lambda _: None,
    *,
    limits: Limits = LIMITS,
    limit_s: float = 20.0,
    credentials: tuple[Credential, ...] = (PUBLIC,),
    mib: dict[str, tuple[int, object]] = MIB,
    rows: int = 10,
) -> tuple[Asked, list[Question]]:
    async with scripted(Walkable(mib, rows, spoil)) as (port, asked):
        return await Asker(limits, limit_s).ask(Place("127.0.0.1", port, credentials)), asked


def about(asked: Asked) -> list[tuple[FindingKind, str]]:
    assert asked.answers is not None
    return [(finding.kind, finding.about) for finding in asked.answers.findings]


async def test_a_good_agent_tells_everything() -> None:
    """Every value of every table, in the order of the agent; of what is empty only the first column is asked, and asked again."""
    asked, questions = await ask()
    assert (asked.outcome, about(asked)) == (Outcome.ANSWERED, [])
    assert asked.answers is not None
    expected = BOX.answers()
    assert asked.answers.scalars == expected.scalars
    assert {name: rows for name, rows in asked.answers.columns.items() if rows} == {
        name: rows for name, rows in expected.columns.items() if rows
    }
    assert list(asked.answers.columns["ifName"]) == [str(index) for index in range(1, 31)]
    peers = OBJECTS["bgpPeerState"].oid.rpartition(".")[0]
    assert [(question.oids[0], question.repetitions) for question in questions if question.oids[0].startswith(peers)] == [
        (OBJECTS["bgpPeerState"].oid, 25),
        (OBJECTS["bgpPeerState"].oid, 1),
    ]


async def test_nobody_there_is_silent() -> None:
    """An address that does not answer, and a port on which nobody listens."""
    asked, questions = await ask(lambda _: [])
    assert (asked.outcome, asked.answers, asked.why, len(questions)) == (Outcome.SILENT, None, "", 2)
    nobody = await Asker(LIMITS).ask(Place("127.0.0.1", free_udp_port(), (PUBLIC,)))
    assert nobody.outcome is Outcome.SILENT


async def test_communities_are_tried_in_their_order() -> None:
    """The answer says which it was."""
    wrong, right = Credential("env:WRONG", Secret("wrong")), Credential("env:RIGHT", Secret("public"))

    def only(question: Question) -> list[Reply] | None:
        return [] if question.number <= 2 else None

    asked, _ = await ask(only, credentials=(wrong, right))
    assert asked.answers is not None
    assert asked.answers.community == "env:RIGHT"


GARBAGE = (
    b"\x00",
    b"\x30",
    b"\x30\x82x",
    b"\x30\x82garbage",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x30\x80",
    b"\xff" * 40,
    b"GET / HTTP/1.1\r\n",
)


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_a_failure_that_is_told(garbage: bytes) -> None:
    """Also bytes on which the SNMP library's native part panics, which is no ``Exception``."""
    asked, _ = await ask(lambda _: [(0, garbage)], limits=Limits(2.0, 0))
    assert asked.outcome is Outcome.FAILED
    assert asked.why


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_in_a_walk_costs_its_table_alone(garbage: bytes) -> None:
    asked, _ = await ask(lambda question: [(0, garbage)] if walking(question, NAME) else None, limits=Limits(2.0, 0))
    assert asked.answers is not None
    assert [about for kind, about in about(asked)] == ["ifName"]
    assert len(asked.answers.columns["ifDescr"]) == 30


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_right_answer_with_some_bytes_changed_breaks_nothing(data: st.DataObject) -> None:
    right = Walkable(mib_of(Box("x", ports=("ge1",))))
    changes = data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))

    def changed(question: Question) -> list[Reply] | None:
        answer = bytearray(right.right(question))
        for place, octet in changes:
            answer[place % len(answer)] = octet
        return [(0, bytes(answer))]

    asked = asyncio.run(ask(changed, limits=Limits(0.01, 0), mib=dict(right.mib)))[0]
    assert asked.outcome in set(Outcome)


async def test_an_agent_that_refuses_questions_for_several_is_asked_one_by_one() -> None:
    asked, _ = await ask(lambda question: [(0, refused(question, GEN_ERR))] if len(question.oids) > 1 else None)
    assert asked.answers is not None
    assert asked.answers.scalars["sysName"] == b"pe1"
    assert asked.answers.scalars["snmpEngineID"] == bytes.fromhex("8000000903aabb")
    assert about(asked) == [(FindingKind.REFUSED, "scalars")]


def walking(question: Question, column: str) -> bool:
    return question.oids[0] == column or question.oids[0].startswith(f"{column}.")


async def test_an_oid_that_comes_again_ends_its_walk_alone() -> None:
    """What came before is kept, the other columns are read."""

    def again(question: Question) -> list[Reply] | None:
        rows = [Var(f"{DESCR}.{row}", OCTETS, b"x") for row in (1, 2, 2)]
        return [(0, response(question, rows))] if walking(question, DESCR) else None

    asked, _ = await ask(again)
    assert about(asked) == [(FindingKind.OID_NOT_INCREASING, "ifDescr")]
    assert asked.answers is not None
    assert list(asked.answers.columns["ifDescr"]) == ["1", "2"]
    assert len(asked.answers.columns["ifName"]) == 30


async def test_a_walk_that_goes_back_ends() -> None:
    """An agent that starts over for ever."""

    def round_and_round(question: Question) -> list[Reply] | None:
        rows = [Var(f"{DESCR}.{row}", OCTETS, b"x") for row in (1, 2, 3)]
        return [(0, response(question, rows))] if walking(question, DESCR) else None

    asked, _ = await ask(round_and_round)
    assert about(asked) == [(FindingKind.OID_NOT_INCREASING, "ifDescr")]


async def test_a_walk_without_end_ends() -> None:
    """An agent that always has one more row."""

    def more(question: Question) -> list[Reply] | None:
        if not walking(question, NAME):
            return None
        last = int(question.oids[0].rpartition(".")[2]) if question.oids[0] != NAME else 0
        return [(0, response(question, [Var(f"{NAME}.{last + row}", OCTETS, b"x") for row in range(1, 26)]))]

    asked, _ = await ask(more, limits=Limits(0.15, 1, most_rows=200))
    assert about(asked) == [(FindingKind.ENDLESS_WALK, "ifName")]
    assert asked.answers is not None
    assert len(asked.answers.columns["ifName"]) == 200


async def test_a_lost_answer_in_a_walk_is_asked_for_again_where_it_stopped() -> None:
    lost: list[str] = []

    def lose(question: Question) -> list[Reply] | None:
        if walking(question, NAME) and question.oids[0].endswith(".10") and not lost:
            lost.append(question.oids[0])
            return []
        return None

    asked, questions = await ask(lose)
    assert about(asked) == []
    assert asked.answers is not None
    assert len(asked.answers.columns["ifName"]) == 30
    assert lost
    assert [question.oids[0] for question in questions].count(NAME) == 1


async def test_an_agent_too_small_for_large_answers_is_asked_for_less() -> None:
    """It says nothing, or says tooBig, to a question that has no row yet."""
    first: list[str] = []

    def too_big(question: Question) -> list[Reply] | None:
        if walking(question, NAME) and len(first) < 1:
            first.append(question.oids[0])
            return [(0, refused(question, TOO_BIG))]
        return None

    asked, _ = await ask(too_big)
    assert about(asked) == []
    assert asked.answers is not None
    assert len(asked.answers.columns["ifName"]) == 30


async def test_a_table_that_is_met_with_silence_is_left_out() -> None:
    """It is not the same as an empty one, and the rest is read."""
    asked, _ = await ask(lambda question: [] if walking(question, CLASS) else None, limits=Limits(0.05, 0))
    assert about(asked) == [(FindingKind.NO_ANSWER, "entPhysicalClass")]
    assert asked.answers is not None
    assert "entPhysicalClass" not in asked.answers.columns
    assert "bgpPeerState" in asked.answers.columns


async def test_a_device_that_dies_under_way_keeps_what_it_said() -> None:
    """Two tables in a row without an answer are enough."""
    asked, _ = await ask(lambda question: [] if question.number > 20 else None, limits=Limits(0.05, 0))
    assert asked.outcome is Outcome.ANSWERED
    assert asked.answers is not None
    assert len(asked.answers.columns["ifDescr"]) == 30
    assert FindingKind.NO_ANSWER in {kind for kind, _ in about(asked)}
    assert len(asked.answers.columns) < len(TABLES)


async def test_a_slow_device_is_cut_off_at_its_time_limit_with_what_it_said() -> None:
    right = Walkable(MIB)
    asked, _ = await ask(lambda question: [(0.05, right.right(question))], limit_s=0.4)
    assert asked.outcome is Outcome.ANSWERED
    assert [kind for kind, _ in about(asked)] == [FindingKind.TIME_LIMIT]
    assert asked.answers is not None
    assert asked.answers.scalars["sysName"] == b"pe1"


async def test_values_of_other_types_arrive_as_they_are_for_the_core_to_judge() -> None:
    mib = MIB | {f"{NAME}.1": (INTEGER, 5), f"{SYSTEM['sysName'].oid}.0": (INTEGER, 7)}
    asked, _ = await ask(mib=mib)
    assert asked.answers is not None
    assert (asked.answers.columns["ifName"]["1"], asked.answers.scalars["sysName"]) == (5, 7)


async def test_a_large_table_is_read_in_many_answers() -> None:
    box = Box("big", ports=tuple(f"ge{number}" for number in range(1, 1001)))
    asked, _ = await ask(mib=mib_of(box), rows=25)
    assert asked.answers is not None
    assert len(asked.answers.columns["ifAlias"]) == 1000


async def test_time_that_the_pace_takes_is_not_counted_against_a_device() -> None:
    """A question that others go before moves the limit by as long as it waits."""
    async with asyncio.timeout(30) as limit:
        await asyncio.sleep(0)
        before = limit.when()
        Paced(pace := Pace(0.1), partial(extend, limit)).get_timeout(0)
        assert limit.when() == before
        Paced(pace, partial(extend, limit)).get_timeout(0)
        assert before is not None
        assert limit.when() == before + 10


async def test_a_pace_loses_nothing() -> None:
    async with scripted(Walkable(mib_of(Box("x", ports=())))) as (port, _):
        found = await Asker(LIMITS, pace=Pace(200.0)).ask(Place("127.0.0.1", port, (PUBLIC,)))
    assert found.answers is not None
    assert (found.answers.scalars["sysName"], found.answers.findings) == (b"x", ())


def test_every_scalar_is_one_and_every_column_another() -> None:
    """No OID stands twice, none below another."""
    oids = [each.oid for each in OBJECTS.values()]
    assert len(set(oids)) == len(oids)
    assert not [oid for oid in oids for other in oids if oid.startswith(f"{other}.")]
    assert not IDENTITY.keys() & SYSTEM.keys()
