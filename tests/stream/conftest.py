"""What the handlers know in these tests: the lab's operator and the rules that come with the package."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.settings import Settings
from pipeline.core.knowledge import Knowledge
from pipeline.knowing import FileKnowledge
from pipeline.lab.config import inventory_dir
from pipeline.stream.turn import Turn, Turns
from tests.support.turns import Broker, LoggedTable

PARTITIONS = 4


class Known:
    """A source of knowledge that a test may change."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge

    def current(self) -> Knowledge:
        return self.knowledge

    def change(self, **fields: Any) -> None:
        self.knowledge = replace(self.knowledge, **fields)


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    return FileKnowledge(Settings(tmp_path_factory.mktemp("data"), Path(inventory_dir()))).current()


@pytest.fixture
def source(knowledge: Knowledge) -> Known:
    return Known(knowledge)


class Desk:
    """Gives messages to a handler, each in a turn over one table, as the guard does; ``broker`` has what was sent."""

    def __init__(self, table: LoggedTable | None = None) -> None:
        self.table = LoggedTable() if table is None else table
        self.broker = Broker()
        self._turns = Turns(self.table, self.broker.publish, self._lost)

    async def give(self, handle: Callable[[int, list[Any], Turn], None], partition: int, values: list[Any]) -> Turn:
        """The turn that one message became, completed."""
        turn = await self._turns.begin(partition)
        handle(partition, values, turn)
        await self._turns.complete(partition, turn)
        return turn

    @staticmethod
    def _lost(error: BaseException) -> None:
        raise AssertionError(error)


@pytest.fixture
def desk() -> Desk:
    return Desk()
