"""A walk reads a table to its end, goes on where it stopped, and leaves an agent that never ends; always with a named outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.poll import walk as walk_module
from collectors.poll.session import DeadlineError, Pairs, Rows, Session, SilentError
from collectors.poll.walk import Stride, Walk, Walked, WalkEnd, increases
from pipeline.core.inventory import AgentVersion, Device
from tests.support.agents import GEN_ERR, TOO_BIG, Asked, Mib, Reply, Script, refused, response, scripted, served, serving
from tests.support.datagrams import COUNTER32, INTEGER, OCTETS, Var

NAME, STATE, OCTETS_IN = "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.2.2.1.10"
OIDS = (NAME, STATE, OCTETS_IN)
BEHIND = "1.3.6.1.2.1.99.1.0"
WAITS = (0.2, 0.4)


def table(rows: Sequence[str | int]) -> dict[str, tuple[int, object]]:
    """Three columns with these rows, and an object behind them."""
    mib: dict[str, tuple[int, object]] = {BEHIND: (INTEGER, 1)}
    for row in rows:
        mib |= {f"{NAME}.{row}": (OCTETS, f"ge-{row}".encode()), f"{STATE}.{row}": (INTEGER, 1)}
        mib[f"{OCTETS_IN}.{row}"] = (COUNTER32, 1000 + len(mib))
    return mib


async def walked(
    script: Script,
    *,
    oids: Sequence[str] = OIDS,
    stride: Stride | None = None,
    version: AgentVersion = AgentVersion.V2C,
    seconds: float = 20.0,
) -> tuple[Walked, list[Asked]]:
    """A walk of a scripted agent, and what it was asked."""
    async with scripted(script) as (port, asked):
        device = Device("pe1", "ams", "127.0.0.1", port=port, snmp_version=version)
        async with Session(device, monotonic() + seconds, 1e6) as session:
            found = await Walk(session, oids, stride or Stride(), WAITS).run()
        return found, asked


def rows_of(found: Walked, mib: Mib) -> None:
    """What was found is what the agent has, cell by cell."""
    for oid, cells in zip(OIDS, found.cells, strict=True):
        assert cells == [mib[f"{oid}.{index}"][1] for index in found.indexes]


@pytest.mark.parametrize("rows", [0, 1, 39, 40, 41, 200])
async def test_a_table_of_any_length_is_read_whole(rows: int) -> None:
    """Each cell once, in rows, and the walk knows that it came to the end."""
    mib = table(range(1, rows + 1))
    found, asked = await walked(serving(mib))
    assert (found.end, found.indexes) == (WalkEnd.COMPLETE, [str(row) for row in range(1, rows + 1)])
    rows_of(found, mib)
    assert len(asked) <= 3 * (rows // 40 + 1) + 1


async def test_the_end_of_the_mib_is_an_end_too() -> None:
    """endOfMibView behind the last row: asked about once, since a refusal looks the same to the library."""
    mib = {name: value for name, value in table([1, 2]).items() if name.startswith(NAME)}
    found, asked = await walked(serving(mib), oids=(NAME,))
    assert (found.end, found.indexes) == (WalkEnd.COMPLETE, ["1", "2"])
    assert [each.repetitions for each in asked] == [40, 40, 1]


async def test_indexes_of_several_numbers_are_in_order() -> None:
    """Addresses, as BGP's peers have, are numbers and not text."""
    rows = ["9.0.0.1", "10.0.0.1", "10.0.0.2", "192.0.2.250"]
    mib = table(rows)
    found, _ = await walked(serving(mib, at_most=3))
    assert (found.end, found.indexes) == (WalkEnd.COMPLETE, rows)
    rows_of(found, mib)


async def test_an_agent_that_gives_few_rows_at_a_time_is_read_whole() -> None:
    """Its packets are small; every column is followed up to the rows of the first."""
    mib = table(range(1, 31))
    found, _ = await walked(lambda each: [(0, served(each, mib, at_most=7 if each.oids[0].startswith(NAME) else 3))])
    assert (found.end, len(found.indexes)) == (WalkEnd.COMPLETE, 30)
    rows_of(found, mib)


async def test_holes_in_a_column_are_missing_cells() -> None:
    """Rows are the first column's; what another column has beyond them belongs to no row."""
    mib = table(range(1, 101))
    for row in (1, 2, 40, 77, 100):
        del mib[f"{STATE}.{row}"]
    del mib[f"{NAME}.50"]
    found, _ = await walked(serving(mib))
    assert found.end is WalkEnd.COMPLETE
    assert found.indexes == [str(row) for row in range(1, 101) if row != 50]
    states = dict(zip(found.indexes, found.cells[1], strict=True))
    assert {row for row, state in states.items() if state is None} == {"1", "2", "40", "77", "100"}
    assert found.cells[2] == [mib[f"{OCTETS_IN}.{row}"][1] for row in found.indexes]
    assert found.strays == 2


async def test_a_column_that_the_device_lacks_is_all_missing() -> None:
    """The table is complete without it."""
    mib = {name: value for name, value in table(range(1, 91)).items() if not name.startswith(STATE)}
    found, asked = await walked(serving(mib))
    assert (found.end, len(found.indexes), set(found.cells[1])) == (WalkEnd.COMPLETE, 90, {None})
    assert sum(each.oids[0].startswith(STATE) for each in asked) == 1


async def test_a_lost_question_goes_on_where_it_stopped() -> None:
    """No row is asked for twice but those of the lost answer, and these in smaller questions."""
    mib = table(range(1, 121))
    stride = Stride()
    found, asked = await walked(lambda each: [] if each.number == 5 else [(0, served(each, mib))], stride=stride)
    assert (found.end, len(found.indexes)) == (WalkEnd.COMPLETE, 120)
    rows_of(found, mib)
    assert (asked[4].oids, asked[4].repetitions) == (asked[5].oids, 2 * asked[5].repetitions)
    assert [each.oids for each in asked].count((NAME,)) == 1


async def test_an_agent_that_bears_less_is_asked_for_less_and_remembered() -> None:
    """tooBig, and silence, for more than ten rows: the size settles below, for the next walk too, and nothing is lost."""
    for reply in (lambda each: [(0, refused(each, TOO_BIG))], lambda _: []):
        mib, stride = table(range(1, 61)), Stride()

        def script(each: Asked, mib: Mib = mib, reply: Callable[[Asked], list[Reply]] = reply) -> list[Reply]:
            return reply(each) if each.repetitions > 10 else [(0, served(each, mib))]

        async with scripted(script) as (port, asked):
            async with Session(Device("pe1", "ams", "127.0.0.1", port=port), monotonic() + 30, 1e6) as session:
                first = await Walk(session, OIDS, stride, (0.1, 0.1, 0.1)).run()
            settled = stride.rows
            begun = len(asked)
            async with Session(Device("pe1", "ams", "127.0.0.1", port=port), monotonic() + 30, 1e6) as session:
                second = await Walk(session, OIDS, stride, (0.1, 0.1, 0.1)).run()
        assert (first.end, second.end, len(second.indexes)) == (WalkEnd.COMPLETE, WalkEnd.COMPLETE, 60)
        rows_of(first, mib)
        assert settled <= 12
        assert asked[begun].repetitions == settled


async def test_a_stride_grows_slowly_and_never_beyond_a_packet() -> None:
    """A quarter more after eight answers in a row; half at once when it was too much."""
    stride = Stride(rows=8)
    for _ in range(8):
        stride.answered()
    assert stride.rows == 10
    stride.failed(10)
    assert stride.rows == 5
    stride.failed(1)
    assert stride.rows == 1
    for _ in range(1000):
        stride.answered()
    assert stride.rows == stride.most


@pytest.mark.parametrize("row", [1, 33, 40, 41, 60])
async def test_one_broken_instance_costs_only_itself(row: int) -> None:
    """genErr for one cell of a further column, however it is asked for: the cell is missing, the rest is there."""
    mib = table(range(1, 61))
    broken = f"{STATE}.{row}"

    def script(each: Asked) -> list[Reply]:
        after = each.oids[0]
        reaches = after.startswith(STATE) and int(after.removeprefix(f"{STATE}.").removeprefix(STATE) or 0) < row
        last = int(after.removeprefix(f"{STATE}.").removeprefix(STATE) or 0) + each.repetitions if reaches else 0
        return [(0, refused(each, GEN_ERR) if reaches and last >= row else served(each, mib))]

    found, _ = await walked(script)
    assert (found.end, len(found.indexes)) == (WalkEnd.COMPLETE, 60)
    assert found.cells[1] == [None if f"{STATE}.{index}" == broken else 1 for index in found.indexes]
    assert found.cells[2] == [mib[f"{OCTETS_IN}.{row}"][1] for row in found.indexes]


async def test_an_agent_that_repeats_an_instance_is_left() -> None:
    """It goes round in circles: what came before stands, and the outcome says why there is no more."""
    circle = [Var(f"{NAME}.{row}", OCTETS, b"x") for row in (1, 2)]
    found, asked = await walked(lambda each: [(0, response(each, circle))], oids=(NAME,))
    assert (found.end, found.indexes, len(asked)) == (WalkEnd.NOT_INCREASING, ["1", "2"], 2)


@pytest.mark.parametrize("rows", [(2, 1), (1, 1), (1, 3, 2)])
async def test_names_that_do_not_increase_are_refused(rows: tuple[int, ...]) -> None:
    """Also within one answer (RFC 3416 section 4.2.2)."""
    found, asked = await walked(lambda each: [(0, response(each, [Var(f"{NAME}.{row}", OCTETS, b"x") for row in rows]))], oids=(NAME,))
    assert (found.end, found.indexes, len(asked)) == (WalkEnd.NOT_INCREASING, [], 1)


async def test_an_agent_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever larger indexes: bounded by rows."""
    monkeypatch.setattr(walk_module, "MOST_ROWS", 500)

    def script(each: Asked) -> list[Reply]:
        start = int(each.oids[0].removeprefix(NAME).removeprefix(".") or 0)
        return [(0, response(each, [Var(f"{NAME}.{start + row}", OCTETS, b"x") for row in range(1, 21)]))]

    found, asked = await walked(script, oids=(NAME,))
    assert (found.end, len(asked)) == (WalkEnd.TOO_MANY_ROWS, 26)


async def test_time_that_runs_out_leaves_whole_rows() -> None:
    """A slow agent: what was read of it by the deadline are rows with all their columns."""
    mib = table(range(1, 400))
    found, _ = await walked(lambda each: [(0.02, served(each, mib, at_most=10))], seconds=0.5)
    assert found.end is WalkEnd.DEADLINE
    assert 0 < len(found.indexes) < 399
    rows_of(found, mib)


async def test_silence_in_the_middle_leaves_whole_rows() -> None:
    """The tries are over, and so is the walk."""
    mib = table(range(1, 100))
    found, asked = await walked(lambda each: [(0, served(each, mib))] if each.number < 5 else [])
    assert (found.end, len(found.indexes)) == (WalkEnd.SILENT, 40)
    assert len(asked) == 4 + len(WAITS)
    rows_of(found, mib)


async def test_garbage_in_the_middle_is_told_from_silence() -> None:
    """Not SNMP at all."""
    mib = table(range(1, 100))
    found, _ = await walked(lambda each: [(0, served(each, mib) if each.number < 5 else b"\xff\x00garbage")])
    assert (found.end, len(found.indexes)) == (WalkEnd.MALFORMED, 40)


async def test_a_refusal_of_a_single_row_ends_the_walk() -> None:
    """The first column says which rows there are; an agent that cannot is left."""
    found, asked = await walked(lambda each: [(0, refused(each, GEN_ERR))])
    assert (found.end, found.indexes) == (WalkEnd.REFUSED, [])
    assert [each.repetitions for each in asked][::2] == [40, 20, 10, 5, 2, 1]


async def test_an_agent_of_v1_is_walked_row_by_row() -> None:
    """GETNEXT for the first column, one GET for the rest of the row; a cell that is not there costs no other (noSuchName)."""
    mib = table(range(1, 8))
    del mib[f"{STATE}.3"]
    found, asked = await walked(serving(mib), version=AgentVersion.V1)
    assert (found.end, found.indexes) == (WalkEnd.COMPLETE, [str(row) for row in range(1, 8)])
    assert found.cells[1] == [1, 1, None, 1, 1, 1, 1]
    assert found.cells[2] == [mib[f"{OCTETS_IN}.{row}"][1] for row in range(1, 8)]
    assert max(each.repetitions for each in asked) == 1
    assert len(asked) == 8 + 7 + 2


def test_order_is_that_of_numbers() -> None:
    """Not of text: 9 comes before 10, and 1.9 before 1.10."""
    assert increases("", ["9", "10"])
    assert increases("9", ["10", "11"])
    assert increases("1.9", ["1.10", "2.1"])
    assert not increases("10", ["9"])
    assert not increases("1.10", ["1.9"])
    assert increases("", [])


@dataclass
class WildSession:
    """Answers whatever it was told, in any order; silence and deadlines among it."""

    answers: list[Rows | Exception]
    has_bulk: bool = True
    asked: list[str] = field(default_factory=list)

    async def column(self, oid: str, after: str, repetitions: int, wait_s: float) -> Rows:
        assert repetitions >= 1
        assert wait_s > 0
        self.asked.append(after)
        if not self.answers:
            raise DeadlineError
        answer = self.answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return Rows([(f"{oid}.{index}" if index else oid, value) for index, value in answer.pairs], answer.ended)

    async def get(self, oids: Sequence[str], wait_s: float) -> dict[str, object]:
        raise AssertionError("a walk asks for instances of none")


INDEXES = st.sampled_from(["", "1", "2", "3", "10", "4294967295", "1.1", "1.2", "9" * 401])
PAIRS: st.SearchStrategy[Pairs] = st.lists(st.tuples(INDEXES, st.integers()), max_size=4)
ANSWERS = st.builds(Rows, PAIRS, st.booleans()) | st.just(SilentError())


@settings(deadline=None)
@given(answers=st.lists(ANSWERS, max_size=25))
async def test_no_agent_can_break_a_walk(answers: list[Rows | Exception]) -> None:
    """Whatever is answered: an outcome, whole rows, no index twice."""
    found = await Walk(WildSession(list(answers)), OIDS, Stride(), (0.1, 0.1)).run()
    assert found.end in WalkEnd
    assert len(set(found.indexes)) == len(found.indexes)
    assert {len(cells) for cells in found.cells} == {len(found.indexes)}
