"""v2c traps from loopback UDP to the durable journal, decoded and packed for the broker, by one collector process.

The sender keeps at most a window of datagrams unread, so the kernel has no reason to drop; if it does, that is in the sums, which must
hold: sent = dropped + received, received = journaled + refused, journaled = decoded + absorbed + quarantined. Only the broker is left out:
what is packed for it is thrown away. Twice: with the storm guard off, so that every trap is packed as itself; and as it is shipped, with
the guard, for which this flood is a storm. Beside it, flooded with the same datagrams: net-snmp's snmptrapd logging to a file, and pysnmp's
receiver.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.bar import Bar, middle
from tests.support.datagrams import link_down

ROOT = Path(__file__).resolve().parents[2]
SOURCES = 16
DISTINCT = 20_000
INTERFACES = 5_000
WINDOW = 6_000
FLOOD = 60_000
NETDATA_PUBLISHED = 50_000
"""What Netdata publishes for its trap receiver, traps/s."""


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """Two bars, without and with the storm guard: traps/s, each the median of ``--runs`` runs of ``--traps`` traps."""
    parser = argparse.ArgumentParser(prog="trap-ingest")
    parser.add_argument("--traps", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long the references are flooded")
    options = parser.parse_args(arguments)
    datagrams = [link_down(place % INTERFACES + 1, uptime=place, request_id=place) for place in range(DISTINCT)]
    references = {
        "snmptrapd-here": snmptrapd(datagrams, options.seconds),
        "pysnmp-here": pysnmp(datagrams, options.seconds),
        "netdata-published": NETDATA_PUBLISHED,
    }
    for name, guard in (("trap-ingest", False), ("trap-ingest-guarded", True)):
        runs = [ingest(datagrams, options.traps, guard=guard) for _ in range(options.runs)]
        for run in runs:
            print(f"{name} run: {json.dumps(run)}")
        cpu_us = middle([run["cpu_us_per_trap"] for run in runs])
        yield Bar(name, middle([run["traps_per_s"] for run in runs]), "traps/s", {**references, "cpu-us-per-trap": cpu_us})


def ingest(datagrams: Sequence[bytes], traps: int, auth: str = "", *, guard: bool = False) -> dict[str, float]:
    """One run from an empty journal until nothing waits or is held back; with ``auth`` the collector takes v3 too.

    Raises ``AssertionError`` that names the sum that does not hold.
    """
    place = tempfile.TemporaryDirectory(dir=os.environ.get("ASSURE_BENCH_DIR"))
    with place as folder, _collector(Path(folder), auth, guard=guard) as (child, port, progress):
        started = time.perf_counter()
        sent = _send_in_window(datagrams, traps, port, progress)
        _wait_for(lambda: progress()[1] >= sent, "the collector stopped before the last datagram")
        elapsed = time.perf_counter() - started
        child.send_signal(signal.SIGTERM)
        assert child.stdout is not None
        counts: dict[str, float] = json.loads(child.stdout.readline())
    _check(sent, counts)
    return {"traps_per_s": round((counts["decoded"] + counts["absorbed"]) / elapsed), "sent": sent, **counts}


def _check(sent: int, counts: dict[str, float]) -> None:
    assert sent == counts["dropped"] + counts["received"], (sent, counts)
    assert counts["received"] == counts["journaled"] + counts["refused"], counts
    assert counts["journaled"] == counts["decoded"] + counts["absorbed"] + counts["quarantined"], counts
    assert counts["journaled"] == counts["last_sequence"], counts


@contextmanager
def _collector(folder: Path, auth: str, *, guard: bool) -> Iterator[tuple[subprocess.Popen[str], int, "_Progress"]]:
    command = [sys.executable, "-m", "tests.bench.trap_ingest_child", str(folder), "on" if guard else "off", *filter(None, [auth])]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert child.stdout is not None
        yield child, int(child.stdout.readline()), _Progress(folder / "progress")
    finally:
        child.kill()
        child.wait()


class _Progress:
    """(datagrams out of the socket or dropped, datagrams done with), as the child tells them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> tuple[int, int]:
        data = self._path.read_bytes()
        return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")


def _send_in_window(datagrams: Sequence[bytes], traps: int, port: int, progress: _Progress) -> int:
    with ExitStack() as stack:
        senders = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(SOURCES)]
        for place, sender in enumerate(senders):
            sender.bind((f"127.20.0.{place + 1}", 0))
            sender.connect(("127.0.0.1", port))
        for sent in range(traps):
            if sent % 256 == 0:
                _wait_for(lambda sent=sent: sent - progress()[0] < WINDOW, "the collector stopped reading")
            senders[sent % SOURCES].send(datagrams[sent % len(datagrams)])
    return traps


def _wait_for(done, why: str, within_s: float = 60.0) -> None:  # noqa: ANN001  a closure without arguments
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(why)
        time.sleep(0.001)


def snmptrapd(datagrams: Sequence[bytes], seconds: float, users: str = "") -> float | str:
    """Traps/s that net-snmp's daemon logs when flooded; ``users`` are lines of its configuration."""
    program = shutil.which("snmptrapd") or shutil.which("snmptrapd", path="/usr/sbin")
    if program is None:
        return "not-installed"
    with tempfile.TemporaryDirectory() as folder:
        log, config, port = Path(folder, "log"), Path(folder, "conf"), _free_port()
        config.write_text(f"disableAuthorization yes\n{users}")
        command = [program, "-f", "-On", "-m", "", "-n", "-C", "-c", str(config), "-Lf", str(log), f"udp:127.0.0.1:{port}"]
        child = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "SNMP_PERSISTENT_DIR": folder}
        )
        try:
            _wait_for(lambda: _bound(port), "snmptrapd did not start")
            elapsed = _flood(datagrams, port, seconds)
            child.terminate()
            child.wait(30)
        finally:
            child.kill()
        return round(log.read_bytes().count(b"1.3.6.1.6.3.1.1.4.1.0 = ") / elapsed)


def pysnmp(datagrams: Sequence[bytes], seconds: float, auth: str = "") -> float | str:
    """Traps/s that pysnmp's receiver counts when flooded."""
    port = _free_port()
    command = [sys.executable, "-m", "tests.bench.pysnmp_receiver", str(port), *filter(None, [auth])]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            return "not-installed"
        elapsed = _flood(datagrams, port, seconds)
        child.terminate()
        return round(int(child.stdout.readline()) / elapsed)
    finally:
        child.kill()
        child.wait()


def _flood(datagrams: Sequence[bytes], port: int, seconds: float) -> float:
    """Send ``FLOOD`` a second, more than either reference takes; gives how long that took."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        started, place = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            for _ in range(50):
                sender.send(datagrams[place % len(datagrams)])
                place += 1
            time.sleep(max(0.0, place / FLOOD - elapsed))
    return elapsed


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _bound(port: int) -> bool:
    return f":{port:04X} " in Path("/proc/net/udp").read_text()
