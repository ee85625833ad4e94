"""A whole installation as real processes: `assure up` on free ports in a folder of its own, whose parts a test may kill.

Unless a test wants it, devices are not polled (their first poll is years away, and nothing is asked back) and the storm guard is off, so
that what traps say is all that is known and the outcome can be told in advance.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pipeline.config.settings import COMPONENTS, Settings
from pipeline.config.settings_file import load_settings
from pipeline.lab.config import inventory_dir
from pipeline.resources import data_dir
from tests.support.on_call import ENCODED_SECRET, OnCall

T = TypeVar("T")

START_S = 60.0
DEADLINE_S = 45.0
STOP_S = 30.0
RANGE = range(20_000, 32_000)
"""Below the ports that the kernel gives to outgoing connections."""

SETTINGS = """\
data_dir: data
inventory_dir: {inventory}
rules_dir: rules
metrics_port: {metrics}
broker: {{bootstrap: "127.0.0.1:{broker}"}}
history: {{port: {history}, native_port: {native}, password: file:history.secret, viewer_password: file:viewer.secret, flush_ms: 100}}
traps: {{listen: ["127.0.0.1:{traps}"], allow: [127.0.0.0/8], guard: {{{guard}}}}}
polls: {{interval_s: 300000000, questions_per_s: {questions_per_s}}}
correlation: {{settle_s: {settle_s}}}
tickets: {{url: "http://127.0.0.1:{tickets}"}}
webhooks:
  - {{name: on-call, url: "http://127.0.0.1:{webhook}/", secret: file:webhook.secret, allow_private: true}}
api: {{listen: "127.0.0.1:{api}"}}
"""
SETTLE_S = 1.0

ROUTING = """\
tickets: {system: tmf621, min_severity: warning}
routes:
  - {name: on-call, webhook: on-call, min_severity: warning, events: [opened, updated, resolved]}
tests:
  - {severity: warning, routes: [on-call], ticket: true}
"""
"""Every incident gets a ticket and a page, also one that only costs redundancy."""


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row that were free, TCP and UDP, a moment ago."""
    while True:
        first = random.choice(RANGE)
        if all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with contextlib.ExitStack() as stack:
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                stack.enter_context(socket.socket(type=kind)).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write_installation(folder: Path, webhook_port: int = 1, **changes: object) -> Path:
    """Settings, secrets and free ports for an installation on the lab's inventory; gives the settings file."""
    first = free_ports(16)
    names = ("broker", "history", "native", "traps", "tickets", "api")
    ports = {name: first + place for place, name in enumerate(names)} | {"metrics": first + len(names), "webhook": webhook_port}
    for name, secret in (("history", "of-history"), ("viewer", "of-viewer"), ("webhook", ENCODED_SECRET)):
        path = folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(secret)
    shutil.copytree(data_dir("rules"), folder / "rules")
    (folder / "rules" / "routing.yaml").write_text(ROUTING)
    settings = folder / "assure.yaml"
    usual = {"inventory": inventory_dir(), "settle_s": SETTLE_S, "questions_per_s": 0, "guard": "enabled: false"}
    settings.write_text(SETTINGS.format(**(usual | ports | changes)))
    return settings


def up_command(settings_file: Path) -> list[str]:
    return [sys.executable, "-m", "pipeline", "up", "--config", str(settings_file)]


def children_of(pid: int) -> dict[int, str]:
    """Running children of a process: command lines by process id."""
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state != "Z":
                    found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")
    return found


def is_running(pid: int) -> bool:
    """Whether a process lives; one that nobody has asked for its exit code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(probe: Callable[[], T], what: str, within_s: float = DEADLINE_S) -> T:
    """Ask until the answer is true. Raises ``AssertionError`` with what was waited for and the last answer."""
    deadline = time.monotonic() + within_s
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s; at last {answer!r}"
        time.sleep(0.02)
    return answer


def becomes(probe: Callable[[], T], wanted: T, what: str, within_s: float = DEADLINE_S) -> None:
    """Ask until the answer is the wanted one. Raises ``AssertionError`` with both otherwise."""
    deadline = time.monotonic() + within_s
    while (answer := probe()) != wanted:
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s; wanted {wanted!r}, at last {answer!r}"
        time.sleep(0.02)


class Installation:
    """A running `assure up`."""

    PROGRAMS = {"broker": "pipeline.embedded.broker", "history": "pipeline.embedded.clickhouse"} | {
        part: f"pipeline run {part} " for part in COMPONENTS
    }

    def __init__(self, settings_file: Path, on_call: OnCall) -> None:
        self.settings_file = settings_file
        self.settings: Settings = load_settings(settings_file)
        self.on_call = on_call
        self._process: subprocess.Popen[str] | None = None

    @property
    def trap_port(self) -> int:
        return int(self.settings.traps.listen[0].rpartition(":")[2])

    @property
    def up_pid(self) -> int:
        """The process of `assure up`."""
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """What `assure up` has said so far."""
        return self.settings_file.with_name("up.log").read_text()

    def start(self) -> None:
        """Start and wait until everything runs."""
        with self.settings_file.with_name("up.log").open("w") as log:
            self._process = subprocess.Popen(up_command(self.settings_file), stdout=log, stderr=log, text=True, start_new_session=True)
        eventually(lambda: "Everything runs" in self.output or self._process.poll() is not None, "it starts", START_S)  # type: ignore[union-attr]  # made above
        assert "Everything runs" in self.output, self.output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and give its exit code; nothing of it may be left."""
        assert self._process is not None
        children = children_of(self._process.pid)
        self._process.send_signal(number)
        try:
            return self._process.wait(STOP_S)
        finally:
            self._process.kill()
            self._process.wait()
            left = [line for pid, line in children.items() if is_running(pid)]
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert not left, left

    def pid(self, part: str) -> int:
        """The process of a part; 0 while it has none."""
        assert self._process is not None
        return next((pid for pid, line in children_of(self._process.pid).items() if self.PROGRAMS[part] in line), 0)

    def kill(self, part: str) -> int:
        """End a part as kill -9 would; gives how often it was back before, for :meth:`until_back`."""
        before = self.output.count(f"{part} is back")
        os.kill(self.pid(part), signal.SIGKILL)
        return before

    def until_back(self, part: str, before: int) -> None:
        """Wait until a part that was killed is back."""
        eventually(lambda: self.output.count(f"{part} is back") > before, f"{part} comes back")

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the history; none while it does not answer."""
        history = self.settings.history
        url = f"http://{history.host}:{history.port}/?" + urllib.parse.urlencode(
            {"database": history.database, "default_format": "JSONEachRow"}
        )
        headers = {"X-ClickHouse-User": history.user, "X-ClickHouse-Key": history.password.reveal()}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, sql.encode(), headers), timeout=10) as answer:
                return [json.loads(line) for line in answer]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        except OSError:
            return []

    def metric(self, part: str, name: str, **labels: str) -> float:
        """The sum of a counter over all its series that have these labels, from the part's own page."""
        port = self.settings.metrics_port + COMPONENTS.index(part)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        series = [line for line in lines if line.startswith((f"{name}{{", f"{name} ")) and all(label in line for label in wanted)]
        return sum(float(line.rpartition(" ")[2]) for line in series)


@contextlib.contextmanager
def installation(folder: Path, **changes: object) -> Iterator[Installation]:
    """A running installation with a receiver of its webhooks; everything ends with the block."""
    with OnCall() as on_call:
        running = Installation(write_installation(folder, on_call.port, **changes), on_call)
        try:
            running.start()
            yield running
        except BaseException as error:
            error.add_note(running.output)
            raise
        finally:
            running.stop()
