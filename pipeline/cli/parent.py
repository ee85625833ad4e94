"""How a child learns that it shall end: signals, and the end of its standard input when its parent died."""

import asyncio
import signal
import sys


class _UntilEnd(asyncio.Protocol):
    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def eof_received(self) -> None:
        self._stop.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        self._stop.set()


async def stop_event(*, watch_stdin: bool = False) -> asyncio.Event:
    """An event that SIGTERM, SIGINT and, if asked, the end of standard input set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if watch_stdin:
        await loop.connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
    return stop
