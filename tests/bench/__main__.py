"""``python -m tests.bench [name …] [options]``: run benchmarks and print their bars; ``--list`` names them.

A benchmark is a module of this folder with ``def bench(arguments: Sequence[str]) -> Iterable[Bar]``; its docstring's first line is its
description. Options (whatever begins with ``--``, and what follows it) go to the benchmark.
"""

import importlib
import sys
from collections.abc import Sequence

MODULES = {
    "trap-ingest": "tests.bench.trap_ingest",
    "trap-v3": "tests.bench.trap_v3",
    "chain-rate": "tests.bench.chain_rate",
    "storm-latency": "tests.bench.storm_latency",
    "first-incident": "tests.bench.first_incident",
    "fuzz": "tests.bench.fuzz",
    "receiver-kills": "tests.bench.receiver_kills",
    "poll-values": "tests.bench.poll_values",
    "poll-cycle": "tests.bench.poll_cycle",
    "kpi-path": "tests.bench.kpi_path",
    "nab": "tests.bench.nab",
    "anomaly-cost": "tests.bench.anomaly_cost",
    "topology-load": "tests.bench.topology_load",
    "sample-bytes": "tests.bench.sample_bytes",
    "panel-latency": "tests.bench.panel_latency",
    "api-latency": "tests.bench.api_latency",
    "replay-rate": "tests.bench.replay_rate",
    "root-cause": "tests.bench.root_cause",
    "root-cause-hard": "tests.bench.root_cause_hard",
    "correlation-rate": "tests.bench.correlation_rate",
    "credit-run": "tests.bench.credit_run",
}
"""Name of the bar -> module."""


def main(arguments: Sequence[str]) -> int:
    options_at = next((place for place, word in enumerate(arguments) if word.startswith("--")), len(arguments))
    names, options = list(arguments[:options_at]), list(arguments[options_at:])
    if options[:1] == ["--list"]:
        print("\n".join(f"{name:16} {_description(name)}" for name in MODULES))
        return 0
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    for name in names or MODULES:
        for bar in importlib.import_module(MODULES[name]).bench(options):
            print(bar.line(), flush=True)
    return 0


def _description(name: str) -> str:
    return (importlib.import_module(MODULES[name]).__doc__ or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
