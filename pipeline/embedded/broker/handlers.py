"""What every handler is given, and what they share."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.errors import Error, RefusedError
from pipeline.embedded.broker.log import Log
from pipeline.embedded.broker.storage import Place
from pipeline.embedded.broker.writer import Writer

NODE_ID = 1
Body = dict[str, Any]


@dataclass
class Connection:
    """A client's connection; `closed` is set as soon as its end is noticed, also while a request waits."""

    id: int
    host: str
    client_id: str = ""
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class Arrivals:
    """Wakes whoever waits for records in one of several partitions."""

    def __init__(self) -> None:
        self._waiting: defaultdict[Place, set[asyncio.Event]] = defaultdict(set)

    def announce(self, places: Iterable[Place]) -> None:
        """Wake those that wait for one of these partitions."""
        for at in places:
            for event in self._waiting.get(at, ()):
                event.set()

    def watch(self, places: Iterable[Place], event: asyncio.Event) -> None:
        """Set the event at the next arrival in one of the partitions."""
        for at in places:
            self._waiting[at].add(event)

    def forget(self, places: Iterable[Place], event: asyncio.Event) -> None:
        """Undo `watch`."""
        for at in places:
            self._waiting[at].discard(event)
            if not self._waiting[at]:
                del self._waiting[at]


@dataclass(frozen=True)
class Core:
    """The parts that the handlers work with; `port` is the one really listened on."""

    config: BrokerConfig
    log: Log
    writer: Writer
    arrivals: Arrivals
    port: int

    def place(self, topic: str, part: int) -> Place | None:
        """Return the partition, or None when it does not exist."""
        found = self.log.topics.get(topic)
        return (found.id, part) if found is not None and 0 <= part < found.partitions else None

    def existing(self, topic: str, part: int) -> Place:
        """Return the partition.

        Raises:
            RefusedError: UNKNOWN_TOPIC_OR_PARTITION.
        """
        at = self.place(topic, part)
        if at is None:
            raise RefusedError(Error.UNKNOWN_TOPIC_OR_PARTITION)
        return at
