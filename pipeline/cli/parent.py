"""How a child learns that it shall end: signals, and the end of its standard input when its parent died; and how it ends at any rate."""

import asyncio
import logging
import os
import signal
import sys
import threading

from pipeline.cli.output import Exit

log = logging.getLogger(__name__)

LAST_RESORT_S = 30.0
"""Longer than any part takes that can still reach its broker and stores, and than its supervisor waits."""


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


class LastResort:
    """Ends this process ``within_s`` after :meth:`begin`, whatever it still waits for.

    A library that cannot say goodbye to a broker that is gone would otherwise keep it, without a parent, for ever. Nothing is lost by an
    end like that: what is not committed is done again.
    """

    def __init__(self, within_s: float = LAST_RESORT_S) -> None:
        self._within_s = within_s
        self._timer = threading.Timer(within_s, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Let the time run; the second call does nothing."""
        with self._lock:
            if self._timer.ident is None:
                self._timer.start()

    async def begin_when(self, stop: asyncio.Event) -> None:
        """Let the time run from when ``stop`` is set."""
        await stop.wait()
        self.begin()

    def _end(self) -> None:
        log.critical("did not end within %g s; ended hard. Nothing is lost: what was not committed is done again", self._within_s)
        os._exit(Exit.PROBLEM)
