"""An embedded engine with indicators in it, written as the sink writes them, and what that cost."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.store.client import Connection
from pipeline.store.packed import COLUMNS, INTAKE, Packed, pack
from tests.bench.measured_network import Size, minutes
from tests.support.history import HistoryProcess, embedded_history

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
NO_RULES: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Load:
    """``samples`` were written, each at so many microseconds of CPU of ``client`` and ``engine``, merges so far included."""

    samples: int
    client_us: float
    engine_us: float
    wall_s: float


@contextlib.contextmanager
def engine(memory_bytes: int = 3_000_000_000) -> Iterator[HistoryProcess]:
    """An empty engine with the schema, in ``ASSURE_BENCH_DIR`` or where temporary files go."""
    folder = os.environ.get("ASSURE_BENCH_DIR")
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="assure-bench-") as made,
        embedded_history(Path(made), memory_bytes=memory_bytes) as running,
    ):
        yield running


def cpu_s(process: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def load(running: HistoryProcess, connection: Connection, size: Size, count: int, cut_samples: int = 400_000) -> Load:
    """Write ``count`` minutes of a network that end now, in cuts of about ``cut_samples``, and wait until the engine has merged."""
    starts_s = int(time.time()) // 60 * 60 - count * 60
    samples, client_s, before_s, began = 0, 0.0, cpu_s(running.pid), time.monotonic()
    waiting = Packed([])
    for batches in minutes(size, starts_s, count):
        own = time.thread_time()
        waiting.batches.extend(pack(batch, NO_RULES) for batch in batches)
        if waiting.samples >= cut_samples:
            samples += _write(connection, waiting, samples)
            waiting = Packed([])
        client_s += time.thread_time() - own
        _progress(samples, size.samples_a_minute * count, began)
    samples += _write(connection, waiting, samples) if waiting.batches else 0
    wall_s = time.monotonic() - began
    settle(connection)
    print(file=sys.stderr)
    return Load(samples, client_s / samples * 1e6, (cpu_s(running.pid) - before_s) / samples * 1e6, wall_s)


def settle(connection: Connection, within_s: float = 120) -> None:
    """Return when the engine has no merge to do, or after a while."""
    deadline, quiet = time.monotonic() + within_s, 0
    while time.monotonic() < deadline and quiet < 5:  # between two merges there is a pause
        quiet = quiet + 1 if not connection.rows("SELECT count() AS n FROM system.merges")[0]["n"] else 0
        time.sleep(0.5)


def _write(connection: Connection, block: Packed, token: int) -> int:
    connection.insert_native(INTAKE, COLUMNS, block.native(), token=f"bench:{token}")
    return block.samples


def _progress(samples: int, of: int, began: float) -> None:
    if sys.stderr.isatty():
        line = f"\r  {samples / 1e6:6.1f} of {of / 1e6:.1f} M samples, {time.monotonic() - began:4.0f} s"
        print(line, end="", file=sys.stderr, flush=True)
