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
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
RESTART_SECONDS = (0.2, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 60.0
"""A child that lived this long starts its next restart without a pause again."""
_CHUNK = 65_536
_ASK_EVERY_S = 0.05


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
        self._listening: asyncio.Task[None] | None = None
        self._started_at = 0.0
        self._log_begins = 0

    @property
    def pid(self) -> int:
        """The process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start and wait until ready. Raises ``ChildFailedError`` when it ends, is not ready in time, or another answers in its place."""
        if self.spec.ready_url and await self._is_answered():
            raise ChildFailedError(self.spec.name, 2, f"its port is in use: another process answers {self.spec.ready_url}")
        self._started_at = time.monotonic()
        with self._log_file.open("ab") as log_to:
            self._log_begins = log_to.tell()
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.spec.argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=log_to if self.spec.ready_url else asyncio.subprocess.PIPE,
                stderr=log_to,
                env={**_inherited(), **self.spec.environment},
                start_new_session=True,
            )
        ready = asyncio.create_task(self._answers() if self.spec.ready_url else self._says_ready(process))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=self.spec.within_s, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise ChildFailedError(self.spec.name, ended.result(), self.last_words())
            if not ready.done():
                await self.stop()
                raise ChildFailedError(self.spec.name, 1, f"not ready within {self.spec.within_s:g} s; see {self._log_file}")
        finally:
            ready.cancel()
            ended.cancel()

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
        """The last line that it logged since it was last started, as people say it."""
        with self._log_file.open("rb") as log_from:
            log_from.seek(self._log_begins)
            lines = log_from.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("assure: ") if lines else ""

    async def _says_ready(self, process: asyncio.subprocess.Process) -> None:
        said_ready = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(process, said_ready))
        await said_ready.wait()

    async def _listen(self, process: asyncio.subprocess.Process, said_ready: asyncio.Event) -> None:
        """Read its standard output for all its life, since a full pipe would stop it: to the log, looking for the line ``ready``."""
        assert process.stdout is not None
        with self._log_file.open("ab", buffering=0) as log_to:
            line = b""
            while chunk := await process.stdout.read(_CHUNK):
                log_to.write(chunk)
                *ends, line = (line + chunk).split(b"\n")
                if any(end.startswith(b"ready") for end in ends):
                    said_ready.set()
                line = line[:_CHUNK]

    async def _answers(self) -> None:
        while not await self._is_answered():  # noqa: ASYNC110  # what is waited for is in another process
            await asyncio.sleep(_ASK_EVERY_S)

    async def _is_answered(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=2)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self.spec.ready_url) as answer:
                return answer.status == 200  # noqa: PLR2004  # HTTP's own number
        except (aiohttp.ClientError, TimeoutError):
            return False


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

    @contextlib.asynccontextmanager
    async def until(self, stop: asyncio.Event) -> AsyncIterator[bool]:
        """Start everything, or as much as can be before ``stop`` is set; gives whether all was started, and stops all at the end.

        Raises ``ChildFailedError`` when a child cannot start.
        """
        async with contextlib.AsyncExitStack() as stack:
            starting = asyncio.create_task(stack.enter_async_context(self))
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
            yield not starting.cancelled() and starting.result() is self

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


async def _all(starts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all side by side; the first error ends the others at once and is raised."""
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _inherited() -> dict[str, str]:
    """This process's environment, with one thread for each numeric library: the children share few cores."""
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}
