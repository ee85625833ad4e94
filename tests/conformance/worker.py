"""Faust workers as processes that a test may kill."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 20


class Workers:
    """Starts workers of `faust_app` on a broker; all that still run at the end are killed."""

    def __init__(self, bootstrap: str, name: str, folder: Path, **settings: str) -> None:
        self._bootstrap = bootstrap
        self._name = name
        self._folder = folder
        self._settings = {f"TEST_{key.upper()}": value for key, value in settings.items()}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, worker: str) -> None:
        """Start a worker under a name; its log goes to a file in the folder."""
        data = self._folder / worker
        data.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            **self._settings,
            "TEST_APP": self._name,
            "TEST_WORKER": worker,
            "TEST_BOOTSTRAP": self._bootstrap,
            "TEST_DATADIR": str(data),
        }
        command = ["-m", "faust", "-A", "tests.conformance.faust_app:app", "worker", "-l", "info", "--without-web"]
        with (self._folder / f"{worker}.log").open("ab") as log:
            self._running[worker] = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self, worker: str) -> None:
        """End a worker as kill -9 would."""
        process = self._running.pop(worker)
        process.kill()
        process.wait()

    def stop(self, worker: str) -> int:
        """Ask a worker to end (SIGTERM) and return its exit code."""
        process = self._running[worker]
        process.terminate()
        return process.wait(STOP_S)

    def check(self) -> None:
        """Fail with its log when a worker ended by itself."""
        for worker, process in self._running.items():
            assert process.poll() is None, f"worker {worker} ended:\n{self.log(worker)[-6000:]}"

    def log(self, worker: str) -> str:
        return (self._folder / f"{worker}.log").read_text(errors="replace")


@contextlib.contextmanager
def faust_workers(bootstrap: str, name: str, folder: Path, **settings: str) -> Iterator[Workers]:
    """Give workers; settings become TEST_... in their environment (scheme, padding)."""
    workers = Workers(bootstrap, name, folder, **settings)
    try:
        yield workers
    finally:
        for worker in list(workers._running):
            workers.kill(worker)
