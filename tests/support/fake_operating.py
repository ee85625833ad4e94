"""Who has operations done, in memory."""

from typing import Any

from pipeline.core.operation import Operation
from tests.support.fake_reading import operation


class FakeOperating:
    """Remembers what was asked, and answers ``outcome``; ``down`` is raised while it is set, ``refused`` are targets that it refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[Operation, tuple[str, ...]]] = []
        self.outcome = "done"
        self.down: Exception | None = None
        self.refused: set[str] = set()

    async def do(self, given: Operation, kinds: tuple[str, ...]) -> dict[str, Any]:
        if self.down:
            raise self.down
        self.asked.append((given, kinds))
        outcome = "refused" if given.target in self.refused else self.outcome
        return operation(outcome=outcome, id=given.id, detail="it is resolved or cleared already")
