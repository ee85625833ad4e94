"""From nothing to the first incident: ``assure demo --once`` in an empty folder, by what it prints and when.

The figure is the seconds from the start of the command until the incident is open, its ticket filed and the webhook delivered. With
``--fresh`` also from a fresh clone: ``make demo`` makes the environment and installs from the lock, whose wheels were fetched before.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bar import Bar, middle
from tests.bench.chain import ROOT, free_shift

BAR_S = 60.0
"""From an empty folder to the incident told, after the download."""
READY, CUT, TOLD = "Ready after", " is cut.", "became one incident"
END = "end"


@dataclass(frozen=True, slots=True)
class Run:
    """One demo: seconds since the command began at which each thing was printed, and at its end."""

    ready_s: float
    cut_s: float
    told_s: float
    end_s: float


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar, the median of ``--runs`` runs; with ``--fresh`` a second one, from a fresh clone, once."""
    parser = argparse.ArgumentParser(prog="first-incident")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="time `make demo` in a fresh clone too (fetches the wheels first)")
    options = parser.parse_args(arguments)
    runs = [_demo() for _ in range(options.runs)]
    yield Bar("first-incident", middle([run.told_s for run in runs]), "s", _against(runs))
    if options.fresh:
        run, fetched_s = _fresh()
        yield Bar("first-incident-fresh", run.told_s, "s", _against([run]) | {"fetching-wheels-before-s": fetched_s})


def _against(runs: Sequence[Run]) -> dict[str, float | str]:
    return {
        "bar": BAR_S,
        "start-to-ready-s": middle([run.ready_s for run in runs]),
        "cut-to-incident-ticket-webhook-s": middle([run.told_s - run.cut_s for run in runs]),
        "to-the-end-s": middle([run.end_s for run in runs]),
        "runs": len(runs),
        "load": os.getloadavg()[0],
    }


def _demo() -> Run:
    with tempfile.TemporaryDirectory(dir=os.environ.get("ASSURE_BENCH_DIR")) as folder:
        command = [sys.executable, "-m", "pipeline", "demo", "--once", "--shift", str(free_shift()), "--data", "demo"]
        return _watched(command, Path(folder), {})


def _watched(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Run:
    """Run a demo and note when it says what. Raises ``RuntimeError`` with its last words when it fails."""
    began, seen, said = time.perf_counter(), dict[str, float](), list[str]()
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **environment},
    )
    assert child.stdout is not None
    for line in child.stdout:
        said.append(line)
        for mark in (READY, CUT, TOLD):
            if mark in line:
                seen.setdefault(mark, time.perf_counter() - began)
    if child.wait() or len(seen) < len((READY, CUT, TOLD)):
        raise RuntimeError(f"{command[0]} ended with exit code {child.returncode}:\n{''.join(said[-20:])}")
    return Run(seen[READY], seen[CUT], seen[TOLD], time.perf_counter() - began)


def _fresh() -> tuple[Run, float]:
    """``make demo`` in a clone of what is committed; and how long fetching its wheels took, which is not in it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("ASSURE_BENCH_DIR")) as folder:
        clone, wheels = Path(folder, "clone"), Path(folder, "wheels")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        began = time.perf_counter()
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "-r", "requirements.lock", "-d", str(wheels)]
        subprocess.run(fetch, check=True, cwd=clone)
        fetched_s = time.perf_counter() - began
        python = shutil.which("python3", path=os.path.dirname(os.path.realpath(sys.executable))) or "python3"  # noqa: PTH120  text for a search path
        command = ["make", "demo", f"PYTHON={python}", f"ARGS=--once --shift {free_shift()}"]
        return _watched(command, clone, {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}), fetched_s
