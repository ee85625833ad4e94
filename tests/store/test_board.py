"""Alarms in memory are those of the store, selected as the store would: news comes within a second, and too many are left there."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pipeline.core.alarm import AlarmChange, OperatorState
from pipeline.core.event import Severity
from pipeline.core.resource import ResourceId
from pipeline.core.selection import Comparison, Filter, Order, Selection
from pipeline.store import board as module
from pipeline.store.board import FRESH_S, NUMBERS, TEXTS, Board
from pipeline.store.client import Connection, StoreError
from pipeline.store.northbound import ALARMS, NorthboundQueries
from tests.support.history import HistoryProcess, embedded_history, keep
from tests.support.history_samples import NOW, S, alarm_change

CHANCE = Random(7)


def made(number: int) -> AlarmChange:
    change = alarm_change(name=f"al-{number}", is_cleared=CHANCE.random() < 0.4)
    at = NOW - CHANCE.randrange(1_000) * S
    alarm = replace(
        change.alarm,
        resource=ResourceId(f"{CHANCE.choice(('interface', 'port'))}/pe{number % 5}/{number}"),
        device=f"pe{number % 5}",
        severity=CHANCE.choice(list(Severity)),
        qualifier=CHANCE.choice(("", "in")),
        last_raised_at=at,
        last_changed_at=at + CHANCE.choice((0, S)),
        operator_state=CHANCE.choice(list(OperatorState)),
    )
    return replace(change, alarm=alarm)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    with embedded_history(tmp_path_factory.mktemp("engine")) as running:
        writer = Connection.writer(running.settings)
        keep(writer, *(made(number) for number in range(40)))
        writer.close()
        yield running


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queries(engine: HistoryProcess) -> Iterator[NorthboundQueries]:
    with NorthboundQueries.of(engine.settings) as opened:
        yield opened


@pytest.fixture
def board(queries: NorthboundQueries, clock: Clock) -> Board:
    return Board(queries.connection, clock)


def names(page: Any) -> tuple[int, list[str]]:
    return page.total, [row["id"] for row in page.rows]


def test_whatever_the_store_is_asked_by_the_board_is_asked_by(board: Board) -> None:
    assert {*TEXTS, *NUMBERS} == set(ALARMS.columns)


@pytest.mark.parametrize("attribute", ALARMS.columns)
def test_a_filter_keeps_what_it_keeps_in_the_store(board: Board, queries: NorthboundQueries, attribute: str) -> None:
    reads = TEXTS.get(attribute) or NUMBERS[attribute]
    board.page(Selection())
    values = list({reads(row) for row in board._columns._rows})[:4]
    asked = [(Comparison.EQUAL, tuple(values)), *((Comparison.EQUAL, (value,)) for value in values), (Comparison.NOT_EQUAL, (values[0],))]
    if attribute in NUMBERS:
        asked += [(comparison, (values[0],)) for comparison in ("gt", "gte", "lt", "lte")]  # type: ignore[misc]  # their words
    for comparison, wanted in asked:
        selection = Selection((Filter(attribute, Comparison(comparison), wanted),), (Order("id"),), limit=100)
        found = board.page(selection)
        assert found is not None
        assert names(found) == names(queries.page(ALARMS, selection)), (comparison, wanted)


def test_rows_are_the_rows_of_the_store_in_its_order(board: Board, queries: NorthboundQueries) -> None:
    latest = Order("last_raised_at", descending=True)
    for order in ((latest,), (Order("severity", descending=True),), (Order("device"), latest), (Order("kind", descending=True), latest)):
        selection = Selection(order=(*order, Order("id")), offset=3, limit=20)
        found = board.page(selection)
        assert found is not None
        assert found == queries.page(ALARMS, selection)
    assert board.rows_of(["al-7", "nothing", "al-3"]) == queries.rows_of(ALARMS, ["al-7", "nothing", "al-3"])


def test_news_is_there_a_second_later_and_an_older_word_changes_nothing(board: Board, engine: HistoryProcess, clock: Clock) -> None:
    writer = Connection.writer(engine.settings)
    assert board.rows_of(["al-new"]) == []
    keep(writer, alarm_change(3, name="al-new"), alarm_change(2, name="al-new", is_cleared=True))
    assert board.rows_of(["al-new"]) == []
    clock.now += FRESH_S
    found = board.rows_of(["al-new"])
    assert found is not None
    assert [(row["revision"], row["is_cleared"]) for row in found] == [(3, False)]
    keep(writer, alarm_change(4, name="al-new", is_cleared=True))
    clock.now += FRESH_S + 10
    found = board.rows_of(["al-new"])
    assert found is not None
    assert [(row["revision"], row["is_cleared"]) for row in found] == [(4, True)]
    writer.command("DELETE FROM alarm WHERE id = 'al-new'")
    writer.close()


def test_what_is_too_much_for_memory_is_left_to_the_store(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    assert board.page(Selection()) is None
    assert board.rows_of(["al-1"]) is None


def test_while_the_store_does_not_answer_nobody_is_answered(tmp_path: Any, clock: Clock) -> None:
    with embedded_history(tmp_path) as history, NorthboundQueries.of(history.settings) as queries:
        board = Board(queries.connection, clock)
        assert board.page(Selection()) is not None
        history.kill()
        clock.now += FRESH_S
        with pytest.raises(StoreError):
            board.page(Selection())
