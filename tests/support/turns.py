"""A table and a broker for turns, that remember what was written and sent in which order, so that a test can kill at any point."""

import asyncio
from collections.abc import Iterator, MutableMapping
from typing import Any

from pipeline import wire
from pipeline.stream.turn import Turn
from pipeline.wire import Topic


class LoggedTable(MutableMapping[bytes, bytes]):
    """A table with its changelog: ``after(n)`` is the table that comes back from the first ``n`` of its changes."""

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self._rows = dict(rows or {})
        self._first = dict(self._rows)
        self.changelog: list[tuple[bytes, bytes | None]] = []

    def __getitem__(self, key: bytes) -> bytes:
        return self._rows[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._rows[key] = value
        self.changelog.append((key, value))

    def __delitem__(self, key: bytes) -> None:
        del self._rows[key]
        self.changelog.append((key, None))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def after(self, changes: int) -> "LoggedTable":
        rows = dict(self._first)
        for key, value in self.changelog[:changes]:
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        return LoggedTable(rows)


class Broker:
    """Takes messages; acknowledges at once, or when told to."""

    def __init__(self, *, at_once: bool = True) -> None:
        self._at_once = at_once
        self.sent: list[tuple[str, int, bytes]] = []
        self.waiting: list[asyncio.Future[None]] = []

    async def publish(self, topic: str, _key: None, value: bytes, partition: int, *_: Any) -> "asyncio.Future[None]":
        future = asyncio.get_running_loop().create_future()
        self.sent.append((topic, partition, value))
        if self._at_once:
            future.set_result(None)
        else:
            self.waiting.append(future)
        return future

    def values(self, topic: Topic) -> list[Any]:
        return [value for name, _, data in self.sent if name == topic for value in wire.decode(data)]


def sent_in(turn: Turn, topic: Topic) -> list[Any]:
    """What a turn is going to send to a topic."""
    return [value for name, _, data in turn.messages if name == topic for value in wire.decode(data)]


def partitions_in(turn: Turn, topic: Topic) -> list[int]:
    """Where to."""
    return [partition for name, partition, _ in turn.messages if name == topic]
