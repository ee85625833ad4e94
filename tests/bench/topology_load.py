"""Topology: seconds from an operator's files to a graph of a million resources, and the memory that takes; a tenth of it beside.

Each size is read by a process of its own, as a worker does when it starts: CSV files -> inventory with every cross check -> topology. Then
that process loads all that a worker knows, and what it loads again when one entry of the files changes, and when only rules do.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.bar import Bar
from tests.bench.large_operator import write_operator

ROOT = Path(__file__).resolve().parents[2]
GOAL_S, GOAL_MB = 60.0, 4_000.0
TENTH = 10


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """Two bars, seconds and megabytes, for the whole size."""
    parser = argparse.ArgumentParser(prog="topology-load")
    parser.add_argument("--resources", type=int, default=1_000_000, help="about so many nodes of the graph")
    options = parser.parse_args(arguments)
    whole, tenth = _measure(options.resources), _measure(options.resources // TENTH)
    print(_told(whole), _told(tenth), sep="\n", flush=True)
    seconds: dict[str, float | str] = {
        "bar": GOAL_S,
        "cpu-s": whole["cpu_s"],
        "resources": whole["nodes"],
        "edges": whole["edges"],
        "all-that-a-worker-knows-s": whole["knowledge_s"],
        "again-one-entry-changed-s": whole["entry_changed_s"],
        "again-rules-changed-s": whole["rules_changed_s"],
        "tenth-s": tenth["load_s"],
    }
    yield Bar("topology-load", whole["load_s"], "s", seconds)
    memory: dict[str, float | str] = {"bar": GOAL_MB, "all-that-a-worker-knows-mb": whole["knowledge_mb"], "tenth-mb": tenth["load_mb"]}
    yield Bar("topology-load-memory", whole["load_mb"], "MB", memory)


def _measure(resources: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="assure-topology-") as name:
        write_operator(Path(name) / "inventory", resources)
        child = [sys.executable, "-m", "tests.bench.topology_load_child", name]
        answer = subprocess.run(child, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(answer)
    return measured


def _told(measured: dict[str, float]) -> str:
    what = f"{measured['nodes']:.0f} resources, {measured['edges']:.0f} edges"
    steps = f"files to inventory {measured['inventory_s']:.1f} s, inventory to topology {measured['topology_s']:.1f} s"
    return f"{what}: {steps}, {measured['cpu_s']:.1f} s of CPU, {measured['load_mb']:.0f} MB"
