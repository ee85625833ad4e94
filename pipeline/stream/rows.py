"""A Faust table as a typed store of packed rows, kept by partition."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.wire import pack, unpacker


class Rows:
    """Rows of several kinds in one table: key ``partition|domain|kind|id`` -> packed dataclass.

    A key starts with its partition, because Faust's table mixes all partitions of a worker in one map while its changelog keeps them apart.
    Reading is for start-up and after a rebalance; the working state lives in memory.
    """

    def __init__(self, table: Any, types: Mapping[str, type[Any]]) -> None:
        self._table = table
        self._unpack: dict[str, Callable[[bytes], Any]] = {kind: unpacker(row_type) for kind, row_type in types.items()}

    def load(self, partition: int) -> Iterator[tuple[str, Any]]:
        """All rows of a partition as ``(domain|kind|id, value)``."""
        prefix = f"{partition}|"
        for raw_key, data in list(self._table.items()):
            key = raw_key.decode()
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                yield name, self._unpack[name.split("|", 2)[1]](data)

    def store(self, partition: int, changed: Iterable[tuple[str, Any | None]]) -> None:
        """Write changed rows, each once; ``None`` removes. Only inside the handling of a message of that partition."""
        for name, value in changed:
            key = f"{partition}|{name}".encode()
            if value is None:
                self._table.pop(key, None)
            else:
                self._table[key] = pack(value)


class Keyed:
    """Rows of one kind in one table: key -> packed dataclass, read and written within a message's handling."""

    def __init__(self, table: Any, row_type: type[Any]) -> None:
        self._table = table
        self._unpack = unpacker(row_type)

    def get(self, key: str) -> Any | None:
        """The row of a key, or ``None``."""
        data = self._table.get(key.encode())
        return None if data is None else self._unpack(data)

    def put(self, key: str, value: Any) -> None:
        """Write one row."""
        self._table[key.encode()] = pack(value)
