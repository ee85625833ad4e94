"""One message is one turn: what its handling changes and what it sends is done wholly, whenever the worker is killed.

A table's changelog and the topics are different logs. Killed between them, a worker would come back with a state that says "told" of
something that nobody was told. So a turn is first written into the changelog as a whole, rows and messages, and only then topic by topic.
Its rows have time: they are written by themselves just before their turn's record is overwritten, and a row that later turns changed again
is written once. Whoever takes the partition over finds the last turns there, and does again what may not have been done: rows are the same
rows, and every consumer takes a repeated message for what it is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pipeline.wire import Topic, encode, pack, unpacker

log = logging.getLogger(__name__)

SLOTS = 64
"""How many turns of a partition may be under way to the broker; one more waits. Their records are kept in as many rows.

It is also for how many turns a row waits to be written by itself: in a storm the same alarms change in turn after turn, and each change
would be a message of its own to the changelog.
"""

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
    """A turn as it is recorded: its place among the partition's turns, and up to which of them the broker had every message by then.

    Up to turn ``written`` every row was written by itself; a record without it is of a program that wrote them all at once.
    """

    sequence: int
    settled: int
    rows: tuple[tuple[bytes, bytes | None], ...]
    messages: tuple[tuple[str, int, bytes], ...]
    written: int | None = None


@dataclass(slots=True)
class _Behind:
    """Rows that turns have changed and the table does not have yet, those of the oldest turn first.

    ``rows`` holds for each the turn since which it waits, and its value after the latest.
    """

    rows: dict[bytes, tuple[int, bytes | None]] = field(default_factory=dict)

    def put(self, sequence: int, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Note the rows of a turn."""
        for key, data in rows:
            waiting = self.rows.get(key)
            self.rows[key] = (waiting[0] if waiting else sequence, data)

    def take(self, until: int) -> Iterator[tuple[bytes, bytes | None]]:
        """Take out the rows that wait since turn ``until`` or longer."""
        due = list(takewhile(lambda key: self.rows[key][0] <= until, self.rows))
        return ((key, self.rows.pop(key)[1]) for key in due)


class Turn:
    """What the handling of one message wants: read through it, write and send into it. Nothing is done before it is complete."""

    def __init__(self, table: Rows, behind: _Behind | None = None) -> None:
        self._table = table
        self._behind = behind.rows if behind is not None else {}
        self.rows: dict[bytes, bytes | None] = {}
        self.messages: list[tuple[str, int, bytes]] = []

    def get(self, key: bytes) -> bytes | None:
        """A row, as this turn has left it."""
        if key in self.rows:
            return self.rows[key]
        return self._behind[key][1] if key in self._behind else self._table.get(key)

    def put(self, key: bytes, data: bytes | None) -> None:
        """Change a row; ``None`` removes it."""
        self.rows[key] = data

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every row as it was before this turn."""
        rows: dict[bytes, bytes | None] = dict(self._table.items())
        rows.update((key, data) for key, (_, data) in self._behind.items())
        return ((key, data) for key, data in rows.items() if data is not None)

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
    """Where a partition's turns have come to: the last one's number, and of each how many messages the broker has not acknowledged.

    ``written`` is the turn up to which every row was written by itself; the others wait in ``behind``.
    """

    sequence: int = 0
    written: int = 0
    behind: _Behind = field(default_factory=_Behind)
    missing: dict[int, int] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settled(self) -> int:
        return min(self.missing) - 1 if self.missing else self.sequence


class Turns:
    """The turns over one table. ``on_lost`` is told of what the broker refused for good: no offset may be committed past it.

    ``slots`` must stay what it was when the table's records were written.

    Without a table nothing is recorded: a handler that keeps no state says the same again when it is given the same message again.
    """

    def __init__(self, table: Rows | None, publish: Publish, on_lost: Callable[[BaseException], None], slots: int = SLOTS) -> None:
        self._slots = slots
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
        return Turn(self._table, self._places[partition].behind)

    async def complete(self, partition: int, turn: Turn) -> None:
        """Record it and send its messages; only while a message of the partition is handled."""
        place = self._places[partition]
        try:
            if turn.messages or turn.rows:
                settled = await self._number(place)
                self._write(place, place.sequence - self._slots)
                place.behind.put(place.sequence, turn.rows.items())
                self._record(partition, place, settled, turn)
            await self._send(place, place.sequence, turn.messages)
        except Exception as error:
            log.exception("a turn of partition %d cannot be completed", partition)
            self._on_lost(error)

    def forget_all(self) -> None:
        """Partitions were taken away; one that comes back has been elsewhere."""
        self._places.clear()

    async def _number(self, place: _Place) -> int:
        """Give the next turn its number, once a slot is free for it; up to which turn everything is settled."""
        while place.sequence + 1 - place.settled > self._slots:
            place.news.clear()
            await place.news.wait()
        settled = place.settled
        place.sequence += 1
        return settled

    def _record(self, partition: int, place: _Place, settled: int, turn: Turn) -> None:
        if not self._keeps:
            return
        data = pack(TurnRow(place.sequence, settled, tuple(turn.rows.items()), tuple(turn.messages), place.written))
        if len(data) > MAX_RECORD:
            log.warning("a turn of %d bytes is not recorded: if the worker is killed right now, part of it may stay undone", len(data))
            self._write(place, place.sequence)
            data = pack(TurnRow(place.sequence, settled, (), (), place.written))
        self._table[self._slot(partition, place.sequence)] = data

    def _write(self, place: _Place, until: int) -> None:
        """Write the rows by themselves that wait since turn ``until`` or longer."""
        for key, data in place.behind.take(until):
            if data is not None:
                self._table[key] = data
            elif key in self._table:
                del self._table[key]
        place.written = max(place.written, until)

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
        """Do again what the last turns wanted: the rows that were not written, and the messages that the broker may not have."""
        place = _Place()
        keys = (self._slot(partition, number) for number in range(self._slots))
        turns = sorted((self._unpack(data) for key in keys if (data := self._table.get(key))), key=lambda row: row.sequence)
        if turns:
            last = turns[-1]
            place.sequence = last.sequence
            place.written = last.sequence - 1 if last.written is None else last.written
            for row in turns:
                if row.sequence > place.written:
                    place.behind.put(row.sequence, row.rows)
            again = [message for row in turns if row.sequence > last.settled for message in row.messages]
            log.info("partition %d is taken over at turn %d; %d messages may be sent again", partition, last.sequence, len(again))
            await self._send(place, last.settled + 1, again)
        self._places[partition] = place

    def _slot(self, partition: int, number: int) -> bytes:
        return f"{partition}|{MARK}|turn|{number % self._slots}".encode()
