"""The embedded broker as a child process that a test may kill and start again."""

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

START_DEADLINE_S = 30.0


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerProcess:
    """A running embedded broker: `bootstrap`, `kill` (SIGKILL), `restart` on the same port and data, `stop` (SIGTERM)."""

    def __init__(self, data: Path, *options: str) -> None:
        self._data = data
        self._options = options
        self._process: subprocess.Popen[str]
        self.port = 0

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it says that it is ready."""
        command = [sys.executable, "-m", "pipeline.embedded.broker", "--data", str(self._data), "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "--watch-stdin", *self._options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = _read_line(self._process.stdout.fileno())
        if not line.startswith("ready "):
            self.stop()
            raise AssertionError(f"the embedded broker did not start: {line!r}")
        self.port = int(line.strip().rpartition(":")[2])

    def kill(self) -> None:
        """End the process as kill -9 or the kernel's out-of-memory killer would."""
        self._process.kill()
        self._reap()

    def stop(self) -> int:
        """Ask the process to end (SIGTERM) and return its exit code."""
        self._process.terminate()
        return self._reap()

    def end_of_input(self) -> int:
        """Close the process' standard input, as the death of a parent does, and return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._reap()

    def restart(self) -> None:
        """Start again on the same port and data."""
        self.start()

    def _reap(self) -> int:
        try:
            return self._process.wait(START_DEADLINE_S)
        finally:
            self._process.kill()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()


@contextlib.contextmanager
def embedded_broker(data: Path, *options: str) -> Iterator[BrokerProcess]:
    """Run an embedded broker on a free port of 127.0.0.1 with its log in `data`; further command-line options may follow."""
    broker = BrokerProcess(data, *options)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _read_line(fd: int) -> str:
    """Read one line, however long the process takes up to the deadline; what is there when it ends early."""
    deadline, data = time.monotonic() + START_DEADLINE_S, b""
    while not data.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            chunk = os.read(fd, 4096)
            if not chunk:
                break
            data += chunk
    return data.decode()
