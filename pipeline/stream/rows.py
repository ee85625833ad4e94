"""A turn's table as a typed store of packed rows, kept by partition."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.stream.turn import MARK, Turn
from pipeline.wire import pack, unpacker


class Rows:
    """Rows of several kinds in one table: key ``partition|domain|kind|id`` -> packed dataclass.

    A key starts with its partition, because Faust's table mixes all partitions of a worker in one map while its changelog keeps them apart.
    Reading is for start-up and after a rebalance; the working state lives in memory.
    """

    def __init__(self, types: Mapping[str, type[Any]]) -> None:
        self._unpack: dict[str, Callable[[bytes], Any]] = {kind: unpacker(row_type) for kind, row_type in types.items()}

    def load(self, turn: Turn, partition: int) -> Iterator[tuple[str, Any]]:
        """All rows of a partition as ``(domain|kind|id, value)``."""
        prefix = f"{partition}|".encode()
        for key, data in turn.items():
            if key.startswith(prefix):
                name = key.removeprefix(prefix).decode()
                domain, kind, _ = name.split("|", 2)
                if domain != MARK:
                    yield name, self._unpack[kind](data)

    @staticmethod
    def store(turn: Turn, partition: int, changed: Iterable[tuple[str, Any | None]]) -> None:
        """Change rows of a partition; ``None`` removes."""
        for name, value in changed:
            turn.put(f"{partition}|{name}".encode(), None if value is None else pack(value))


class Keyed:
    """Rows of one kind in one table: key -> packed dataclass."""

    def __init__(self, row_type: type[Any]) -> None:
        self._unpack = unpacker(row_type)

    def get(self, turn: Turn, key: str) -> Any | None:
        """The row of a key, or ``None``."""
        data = turn.get(key.encode())
        return None if data is None else self._unpack(data)

    @staticmethod
    def put(turn: Turn, key: str, value: Any) -> None:
        """Change one row."""
        turn.put(key.encode(), pack(value))
