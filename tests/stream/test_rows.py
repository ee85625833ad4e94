"""State rows in a table: packed, typed, kept by partition, beside the records of turns."""

from pipeline.core.domain import ROW_TYPES, DomainRow
from pipeline.core.settlement import ContractState
from pipeline.stream.rows import Keyed, Rows
from tests.stream.conftest import Desk

ROWS = Rows(ROW_TYPES)


async def test_rows_come_back_of_their_own_partition_only(desk: Desk) -> None:
    """A worker's table holds all its partitions; 1 is not 11."""
    row = DomainRow(now=7, touched=("i1",))
    for partition in (1, 11):
        await desk.give(
            lambda where, _, turn: ROWS.store(turn, where, [("west|domain|", row), ("east|domain|", DomainRow(where))]), partition, []
        )
    for partition in (1, 11):
        turn = await desk.give(lambda *_: None, partition, [])
        assert dict(ROWS.load(turn, partition)) == {"west|domain|": row, "east|domain|": DomainRow(partition)}
    assert dict(ROWS.load(await desk.give(lambda *_: None, 2, []), 2)) == {}


async def test_none_removes_a_row_also_one_that_is_not_there(desk: Desk) -> None:
    await desk.give(lambda where, _, turn: ROWS.store(turn, where, [("west|domain|", DomainRow(1))]), 0, [])
    gone = [("west|domain|", None), ("west|incident|never", None)]
    await desk.give(lambda where, _, turn: ROWS.store(turn, where, gone), 0, [])
    turn = await desk.give(lambda *_: None, 0, [])
    assert dict(ROWS.load(turn, 0)) == {}


async def test_a_keyed_row_is_read_as_it_was_written_within_its_turn_and_after(desk: Desk) -> None:
    contracts, state = Keyed(ContractState), ContractState("acme-gold", settled_through="2026-10")
    seen = []

    def handle(_: int, __: list[object], turn: object) -> None:
        seen.append(contracts.get(turn, "acme-gold"))  # type: ignore[arg-type]  # a turn
        contracts.put(turn, "acme-gold", state)  # type: ignore[arg-type]  # as above
        seen.append(contracts.get(turn, "acme-gold"))  # type: ignore[arg-type]  # as above

    await desk.give(handle, 0, [])
    await desk.give(handle, 0, [])
    assert seen == [None, state, state, state]
