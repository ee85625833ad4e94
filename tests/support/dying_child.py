"""A trap collector that kills itself: ``python -m tests.support.dying_child JOURNAL POINT`` prints its port and goes on until ``POINT``.

What is published goes to JOURNAL/topic, each message after its length; with no POINT it lives until SIGTERM.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from collectors.journal import Journal
from collectors.publish import Message, Sender
from collectors.trap.collector import TrapCollector
from collectors.trap.receiver import Listener
from pipeline import wire
from pipeline.config.settings import TrapSettings
from pipeline.core.raw import RawTrap

TOPIC = "topic"


class FileSender:
    """The broker of these tests: a message is acknowledged when the file has it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, messages: Sequence[Message]) -> None:
        with self._path.open("ab") as topic:
            for message in messages:
                topic.write(len(message.value).to_bytes(4) + message.value)


def published(journal: Path) -> list[RawTrap]:
    """What the children on this journal published, in order, repeats and all."""
    data = (journal / TOPIC).read_bytes() if (journal / TOPIC).exists() else b""
    found: list[RawTrap] = []
    while data:
        end = 4 + int.from_bytes(data[:4])
        found += wire.decode(data[4:end])
        data = data[end:]
    return found


POINTS: dict[str, tuple[type, str]] = {
    "read": (Journal, "append_many"),
    "written": (Journal, "sync"),
    "durable": (Listener, "answer"),
    "answered": (FileSender, "send"),
    "published": (Journal, "acknowledge"),
}
"""What has just been done when it dies -> what it would have done next."""


def die_before(kind: type, name: str) -> None:
    """Make a method the last thing this process begins, unless it is asked to do nothing: no message, up to sequence 0."""
    do: Callable[..., Any] = getattr(kind, name)

    def die(self: Any, *asked: Any) -> Any:
        if not asked or any(asked):
            os.kill(os.getpid(), signal.SIGKILL)
        return do(self, *asked)

    setattr(kind, name, die)


async def collect(journal: Path) -> None:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Sender]:
        yield FileSender(journal / TOPIC)

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with TrapCollector(TrapSettings(listen=("127.0.0.1:0",)), journal, 4, connect, registry=CollectorRegistry()) as collector:
        print(collector.listeners[0].address[1], flush=True)  # noqa: T201  the parent reads it
        await collector.run(stop)


if __name__ == "__main__":
    for point in sys.argv[2:]:
        die_before(*POINTS[point])
    asyncio.run(collect(Path(sys.argv[1])))
