"""One message is one turn: what its handling changes and what it sends is done wholly, whenever the worker is killed.

A table's changelog and the topics are different logs. Killed between them, a worker would come back with a state that says "told" of
something that nobody was told. So a turn is first written into the changelog as a whole, rows and messages, and only then row by row and
topic by topic. Whoever takes the partition over finds the last turns there, and does again what may not have been done: rows are the same
rows, and every consumer takes a repeated message for what it is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.wire import Topic, encode, pack, unpacker

log = logging.getLogger(__name__)

SLOTS = 64
"""How many turns of a partition may be under way to the broker; one more waits. Their records are kept in as many rows."""

MAX_MESSAGE = 900_000
"""Bytes. Kafka's brokers take messages up to 1,048,588 bytes unless told otherwise."""

MAX_RECORD = 15_000_000
"""Bytes of a turn's record: what the changelogs take (``app.MAX_ROW``), less what the broker adds."""

MARK = "~"
"""What stands where other keys of a table have a domain; no domain is named so."""

Publish = Callable[..., Awaitable[Any]]
"""Faust's ``producer.send(topic, key, value, partition, timestamp, headers)``: gives the future of its acknowledgement."""

Rows = MutableMapping[bytes, bytes]
"""A Faust table, or a dict in its place."""


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn as it is recorded: its place among the partition's turns, and up to which of them the broker had every message by then."""

    sequence: int
    settled: int
    rows: tuple[tuple[bytes, bytes | None], ...]
    messages: tuple[tuple[str, int, bytes], ...]


class Turn:
    """What the handling of one message wants: read through it, write and send into it. Nothing is done before it is complete."""

    def __init__(self, table: Rows) -> None:
        self._table = table
        self.rows: dict[bytes, bytes | None] = {}
        self.messages: list[tuple[str, int, bytes]] = []

    def get(self, key: bytes) -> bytes | None:
        """A row, as this turn has left it."""
        return self.rows[key] if key in self.rows else self._table.get(key)

    def put(self, key: bytes, data: bytes | None) -> None:
        """Change a row; ``None`` removes it."""
        self.rows[key] = data

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every row as it was before this turn."""
        return iter(list(self._table.items()))

    def send(self, topic: Topic, partition: int, items: Sequence[Any]) -> None:
        """Send values of one kind in their order, as one message or, when they are too many for one, several."""
        data = encode(items) if items else b""
        if len(data) > MAX_MESSAGE and len(items) > 1:
            half = len(items) // 2
            self.send(topic, partition, items[:half])
            self.send(topic, partition, items[half:])
        elif data:
            self.messages.append((topic.value, partition, data))


@dataclass(slots=True)
class _Place:
    """Where a partition's turns have come to: the last one's number, and of each how many messages the broker has not acknowledged."""

    sequence: int = 0
    missing: dict[int, int] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settled(self) -> int:
        return min(self.missing) - 1 if self.missing else self.sequence


class Turns:
    """The turns over one table. ``on_lost`` is told of what the broker refused for good: no offset may be committed past it.

    Without a table nothing is recorded: a handler that keeps no state says the same again when it is given the same message again.
    """

    def __init__(self, table: Rows | None, publish: Publish, on_lost: Callable[[BaseException], None]) -> None:
        self._keeps = table is not None
        self._table: Rows = table if table is not None else {}
        self._publish = publish
        self._on_lost = on_lost
        self._places: dict[int, _Place] = {}
        self._unpack = unpacker(TurnRow)

    async def begin(self, partition: int) -> Turn:
        """A turn on a partition; before its first one, what its last owner left undone is done."""
        if partition not in self._places:
            await self._take_over(partition)
        return Turn(self._table)

    async def complete(self, partition: int, turn: Turn) -> None:
        """Record it, write its rows, send its messages; only while a message of the partition is handled."""
        place = self._places[partition]
        try:
            if turn.messages or len(turn.rows) > 1:
                settled = await self._number(place)
                self._record(partition, TurnRow(place.sequence, settled, tuple(turn.rows.items()), tuple(turn.messages)))
            self._write(turn.rows.items())
            await self._send(place, place.sequence, turn.messages)
        except Exception as error:
            log.exception("a turn of partition %d cannot be completed", partition)
            self._on_lost(error)

    def forget_all(self) -> None:
        """Partitions were taken away; one that comes back has been elsewhere."""
        self._places.clear()

    @staticmethod
    async def _number(place: _Place) -> int:
        """Give the next turn its number, once a slot is free for it; up to which turn everything is settled."""
        while place.sequence + 1 - place.settled > SLOTS:
            place.news.clear()
            await place.news.wait()
        settled = place.settled
        place.sequence += 1
        return settled

    def _record(self, partition: int, row: TurnRow) -> None:
        if not self._keeps:
            return
        data = pack(row)
        if len(data) > MAX_RECORD:
            log.warning("a turn of %d bytes is not recorded: if the worker is killed right now, part of it may stay undone", len(data))
        else:
            self._table[_slot(partition, row.sequence)] = data

    def _write(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, data in rows:
            if data is not None:
                self._table[key] = data
            elif key in self._table:
                del self._table[key]

    async def _send(self, place: _Place, sequence: int, messages: Sequence[tuple[str, int, bytes]]) -> None:
        if messages:
            place.missing[sequence] = len(messages)
        for topic, partition, value in messages:
            sent = asyncio.ensure_future(await self._publish(topic, None, value, partition, None, None))
            sent.add_done_callback(self._acknowledged(place, sequence))

    def _acknowledged(self, place: _Place, sequence: int) -> Callable[[asyncio.Future[Any]], None]:
        def acknowledged(sent: asyncio.Future[Any]) -> None:
            if sent.cancelled():
                return
            if (error := sent.exception()) is not None:
                self._on_lost(error)
                return
            place.missing[sequence] -= 1
            if not place.missing[sequence]:
                del place.missing[sequence]
                place.news.set()

        return acknowledged

    async def _take_over(self, partition: int) -> None:
        """Do again what the last turns wanted: the last one's rows, and the messages that the broker may not have."""
        place = _Place()
        keys = (_slot(partition, number) for number in range(SLOTS))
        turns = sorted((self._unpack(data) for key in keys if (data := self._table.get(key))), key=lambda row: row.sequence)
        if turns:
            last = turns[-1]
            place.sequence = last.sequence
            self._write((key, data) for key, data in last.rows if self._table.get(key) != data)
            again = [message for row in turns if row.sequence > last.settled for message in row.messages]
            log.info("partition %d is taken over at turn %d; %d messages may be sent again", partition, last.sequence, len(again))
            await self._send(place, last.settled + 1, again)
        self._places[partition] = place


def _slot(partition: int, number: int) -> bytes:
    return f"{partition}|{MARK}|turn|{number % SLOTS}".encode()
