"""Starts the processes of one installation in order, waits until each is ready, restarts what dies, stops in reverse order.

A child is told that its parent died by the end of its standard input, so nothing is left behind even after kill -9 of the supervisor.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
RESTART_SECONDS = (0.2, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 60.0
"""A child that lived this long starts its next restart without a pause again."""


class ChildFailedError(RuntimeError):
    """A child ended before it was ready. The text carries what it said last; ``exit_code`` is its own."""

    def __init__(self, name: str, exit_code: int, last_words: str) -> None:
        super().__init__(f"{name} ended with exit code {exit_code}: {last_words or 'it said nothing'}")
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One process: ``argv`` after the interpreter; ready when it answers ``ready_url`` with 200 or, without one, prints ``ready``.

    ``says`` is the line for people once it is ready: what it is and where it listens.
    """

    name: str
    argv: tuple[str, ...]
    says: str
    ready_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    within_s: float = 45.0


class Child:
    """One supervised process; its standard error goes to ``log_file``."""

    def __init__(self, spec: ChildSpec, log_file: Path) -> None:
        self.spec = spec
        self.restarts = 0
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int:
        """The process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start and wait until ready. Raises ``ChildFailedError`` when it ends, or is not ready in time."""
        self._started_at = time.monotonic()
        with self._log_file.open("ab") as log_to:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.spec.argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log_to,
                env={**_inherited(), **self.spec.environment},
                start_new_session=True,
            )
        ready = asyncio.create_task(self._answers() if self.spec.ready_url else self._says_ready())
        ended = asyncio.create_task(self._process.wait())
        done, pending = await asyncio.wait({ready, ended}, timeout=self.spec.within_s, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if ready in done and not ready.exception():
            return
        if ended not in done:
            await self.stop()
            raise ChildFailedError(self.spec.name, 1, f"not ready within {self.spec.within_s:.0f} s; see {self._log_file}")
        raise ChildFailedError(self.spec.name, self._process.returncode or 1, self.last_words())

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        if self._process is None:
            return 0
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end (SIGTERM), and kill it if it does not within ``STOP_SECONDS``."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            log.warning("%s does not stop; killing it", self.spec.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def pause_before_restart(self) -> float:
        """Seconds to wait before the next start: short after a long life, longer the more often it dies."""
        if time.monotonic() - self._started_at > STEADY_SECONDS:
            self.restarts = 0
        pause = RESTART_SECONDS[min(self.restarts, len(RESTART_SECONDS) - 1)]
        self.restarts += 1
        return pause

    def last_words(self) -> str:
        """The last line of its log, as people say it."""
        lines = self._log_file.read_text(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("assure: ") if lines else ""

    async def _says_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"ready"):
                return
        await asyncio.Event().wait()  # its output ended: the exit code tells the rest

    async def _answers(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(self.spec.ready_url) as answer:
                        if answer.status == 200:  # noqa: PLR2004  # HTTP's own number
                            return
                await asyncio.sleep(0.05)


class Supervisor:
    """Runs children in groups: the children of one group start side by side, each group after the one before is ready."""

    def __init__(self, groups: Sequence[Sequence[ChildSpec]], log_dir: Path, tell: Callable[[str], None]) -> None:
        self._groups = groups
        self._log_dir = log_dir
        self._tell = tell
        self._watchers: list[asyncio.Task[None]] = []
        self.children: dict[str, Child] = {}

    async def __aenter__(self) -> Self:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        try:
            for group in self._groups:
                await _all(self._start(spec) for spec in group)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stop()

    async def _start(self, spec: ChildSpec) -> None:
        child = self.children[spec.name] = Child(spec, self._log_dir / f"{spec.name}.log")
        await child.start()
        self._tell(spec.says)
        self._watchers.append(asyncio.create_task(self._watch(child)))

    async def _watch(self, child: Child) -> None:
        while True:
            code = await child.wait()
            pause = child.pause_before_restart()
            self._tell(f"{child.spec.name} ended (exit code {code}); starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            try:
                await child.start()
            except ChildFailedError as error:
                self._tell(str(error))
            else:
                self._tell(f"{child.spec.name} is back")

    async def _stop(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for group in reversed(self._groups):
            stopping = (self.children[spec.name].stop() for spec in group if spec.name in self.children)
            await asyncio.gather(*stopping)


async def _all(starts: Iterable[Awaitable[None]]) -> None:
    results = await asyncio.gather(*starts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _inherited() -> dict[str, str]:
    """This process's environment, with one thread for each numeric library: the children share few cores."""
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}
