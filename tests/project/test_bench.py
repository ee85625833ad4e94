"""Every benchmark runs, at a tiny size, and prints its figure beside what it is held against. How large the figure is, no test says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import MODULES
from tests.bench.bar import Bar
from tests.bench.chain import holds

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"BAR (?P<name>[a-z0-9-]+) (?P<figure>\S+) (?P<unit>\S+)(?P<against>( \| \S+ [^|]+)+)")

BESIDE_ROOTS = {"precision", "recall", "strict", "ari", "nearest-ancestor", "all-uplinks", "score", "score-informed", "revisions"}
"""What stands beside every figure of root causes."""

TINY = {
    "trap-ingest": (
        ["--traps", "8000", "--runs", "1", "--seconds", "0.2"],
        {bar: {"snmptrapd-here", "netdata-published", "cpu-us-per-trap"} for bar in ("trap-ingest", "trap-ingest-guarded")},
    ),
    "trap-v3": (
        ["--traps", "1000", "--runs", "1", "--seconds", "0.5"],
        {bar: {"bar", "snmptrapd-here", "pysnmp-here"} for bar in ("trap-v3", "trap-v3-sha1")},
    ),
    "chain-rate": (
        ["--rates", "50", "--seconds", "3", "--hold", "3"],
        {bar: {"bar", "splunk-connect-published"} for bar in ("chain-rate", "chain-rate-guarded")},
    ),
    "storm-latency": (
        ["--normal", "20", "--storm", "100", "--seconds", "2"],
        {bar: {"bar", "p50", "without-storm-p99"} for bar in ("storm-latency", "storm-latency-100", "storm-latency-all")},
    ),
    "fuzz": (["--packets", "2000", "--compare", "200"], {"fuzz": {"limit", "packets", "crashes", "rss-growth-mb", "pysnmp-differs"}}),
    "receiver-kills": (
        ["--kills", "5", "--rate", "500", "--informs", "50"],
        {"receiver-kills": {"kills", "journaled", "informs-sent", "informs-answered", "informs-lost", "rss-max-mb"}},
    ),
    "poll-values": (
        ["--devices", "4", "--rows", "20", "--seconds", "1", "--runs", "1"],
        {"poll-values": {"bar", "gufo-bare-here", "pysnmp-here", "snmpbulkwalk-here"}},
    ),
    "credit-run": (["--services", "400"], {"credit-run": {"bar", "cpu-s", "rated-only", "us-per-service"}}),
    "replay-rate": (
        ["--alarms", "80", "--hours", "1", "--runs", "1"],
        {"replay-rate": {"polls-here", "times-real-time-here", "idle-day-cpu-s-here"}},
    ),
    "poll-cycle": (
        ["--devices", "40", "--rows", "4", "--interval", "3", "--cycles", "2", "--slow-s", "0.1"],
        {
            "poll-cycle": {
                "bar",
                "interval-s",
                "turns-lost",
                "dead-told-each-cycle",
                "healthy-late-ms-at-worst",
                "with-none-slow-or-dead-ms",
                "cpu-share",
            }
        },
    ),
    "kpi-path": (
        ["--rates", "5000", "--seconds", "4", "--devices", "8", "--interfaces", "20"],
        {"kpi-path": {"bar", "offered", "held-s", "lag-s", "cpu-us/sample", "rss-max-mb"}},
    ),
    "nab": (["--folder", "absent"], {}),  # with data: tests/bench/test_nab.py
    "anomaly-cost": (
        ["--samples", "3000"],
        {"anomaly-cost": {"bar", "batch-1-us", "batch-32-us", "batch-5000-us", "apply-us", "state-bytes"}},
    ),
    "topology-load": (
        ["--resources", "4000"],
        {
            "topology-load": {
                "bar",
                "cpu-s",
                "resources",
                "all-that-a-worker-knows-s",
                "again-one-entry-changed-s",
                "again-rules-changed-s",
            },
            "topology-load-memory": {"bar", "all-that-a-worker-knows-mb", "tenth-mb"},
        },
    ),
    "sample-bytes": (
        ["--devices", "3", "--ports", "8", "--minutes", "10"],
        {"sample-bytes": {"bar", "merged-whole", "traffic-alone", "1m-beside", "1h-beside", "row-per-sample-gorilla", "samples"}},
    ),
    "api-latency": (
        ["--alarms", "500", "--requests", "40"],
        {"api-latency": {"bar", "p50", "p99", "alarms", "callers", "requests-a-second", "engine-cpu-ms", "api-cpu-ms"}},
    ),
    "panel-latency": (
        ["--devices", "6", "--ports", "8", "--minutes", "90", "--runs", "1"],
        {"panel-latency": {"bar", "p50", "slowest-query-p95", "queries", "rows", "readers", "engine-cpu-ms-a-query"}},
    ),
    "root-cause": (
        ["--graphs", "Abilene", "Arpanet196912"],
        {
            **{f"root-cause{row}": BESIDE_ROOTS | {"bar"} for row in ("", "-one")},
            **{f"root-cause{row}-no-polls": BESIDE_ROOTS for row in ("", "-one")},
            "root-cause-ari": {"bar", "development", "dbscan-ari", "dbscan-tuned-ari"},
            "root-cause-exact": {"bar", "development"},
        },
    ),
    "root-cause-hard": (
        ["--graphs", "Arpanet196912"],
        {
            **{f"root-cause-{row}": BESIDE_ROOTS | {"bar"} for row in ("lost", "stale")},
            **{f"root-cause-{row}-no-polls": BESIDE_ROOTS for row in ("lost", "stale")},
        },
    ),
    "correlation-rate": (
        ["--rounds", "1", "--faults", "2", "--resources", "2000"],
        {"correlation-rate": {"bar", "worst-tick-s", "resources", "without-solving/s"}, "correlation-worst": {"bar", "median-of-rounds"}},
    ),
    "first-incident": (["--runs", "1"], {"first-incident": {"bar", "start-to-ready-s", "cut-to-incident-ticket-webhook-s"}}),
}
"""Benchmark -> options that make it small, and the bars that it prints with the references that each must have."""


WHOLE = {"chain-rate", "storm-latency", "first-incident", "kpi-path"}
"""Benchmarks that start the whole installation, some several times: minutes of a machine's two cores."""
BUSY = {"receiver-kills", "replay-rate", "poll-values", "poll-cycle", "trap-v3", "trap-ingest"}
"""Benchmarks that keep both cores busy for a quarter of a minute each, however small: tried with --everything only."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tests.bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_benchmark_is_tried_here() -> None:
    assert set(TINY) == set(MODULES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.whole if name in WHOLE | BUSY else ()) for name in TINY])
def test_a_benchmark_prints_its_bar_beside_its_references(name: str) -> None:
    options, expected = TINY[name]
    done = run(name, *options)
    assert done.returncode == 0, done.stderr[-2000:]
    bars = {found["name"]: found for found in map(LINE.fullmatch, done.stdout.splitlines()) if found}
    assert set(bars) == set(expected), done.stdout
    for bar, references in expected.items():
        float(bars[bar]["figure"])
        assert references <= {part.split()[0] for part in bars[bar]["against"].split(" | ")[1:]}


def test_list_names_every_benchmark_with_what_it_measures() -> None:
    lines = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(MODULES)
    assert all(len(line.split()) > 5 for line in lines)


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    done = run("trap-injest")
    assert done.returncode == 2
    assert "trap-ingest" in done.stderr


def test_a_bar_is_one_line_with_its_references_and_the_reason_for_a_missing_one() -> None:
    bar = Bar("trap-ingest", 61234.4, "traps/s", {"snmptrapd-here": "not-installed", "netdata-published": 50_000})
    assert bar.line() == "BAR trap-ingest 61234 traps/s | snmptrapd-here not-installed | netdata-published 50000"


SUMS = {
    **dict.fromkeys(("received", "journaled", "published", "stored", "events"), 10),
    **dict.fromkeys(("dropped", "refused", "absorbed", "quarantined", "dead_letters"), 0),
}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, ""),
        ({"received": 9}, "sent = received + dropped"),
        ({"received": 9, "dropped": 1}, "dropped = 0"),
        ({"journaled": 9}, "received = journaled + refused"),
        ({"published": 9}, "journaled = published + absorbed + quarantined"),
        ({"absorbed": 1}, "journaled = published + absorbed + quarantined"),
        ({"stored": 9}, "published = stored"),
        ({"events": 9}, "published = events"),
        ({"dead_letters": 1}, "dead letters = 0"),
    ],
)
def test_a_rate_counts_only_if_every_sum_holds(changed: dict[str, int], named: str) -> None:
    """A chain that loses traps sustains nothing: the first sum that does not hold is the reason given."""
    assert holds({**SUMS, **changed}, sent=10).partition(" does not hold")[0] == named
