"""Mutated datagrams through the trap edge's whole path: each becomes rows or is refused with a reason, none crashes or takes long.

The path is :class:`tests.support.edge_path.EdgePath`. Packets come from :mod:`tests.support.mutation`, the same for one ``--seed``. One in
``--guide-every`` runs under a tracer; if it takes a step from one line to another that no packet took before, it becomes a seed itself.
A packet that costs more CPU than any before is tried three times more, alone and with empty memories: its least counts, as the rest is the
machine's. Some thousands, hardly mutated, are also shown to pysnmp: what both take must be the same, and what only pysnmp takes is listed.
"""

import argparse
import gc
import logging
import os
import random
import re
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from pyasn1.error import PyAsn1Error

import collectors.trap
import collectors.trap.usm
from collectors.journal import JournalRecord
from collectors.trap.ber import DecodeError
from collectors.trap.decode import SNMP_TRAP_ADDRESS, SNMP_TRAP_ENTERPRISE, NotificationReader
from pipeline.core import directory, identity, mib, mib_instance, mib_object, mib_text, normalize, text
from pipeline.core.raw import SnmpVersion
from tests.bench.bar import Bar
from tests.support.edge_path import EdgePath, packaged_knowledge
from tests.support.mutation import Mutator, seeds
from tests.support.pysnmp_oracle import oracle_v1, oracle_v2
from tests.support.usm import NOW

LIMIT_MS = 50
RETRIES = 3
SHOWN_CRASHES = 20
FOLDERS = tuple(Path(package.__file__ or "").parent for package in (collectors.trap, collectors.trap.usm))
MODULES = (directory, identity, mib, mib_instance, mib_object, mib_text, normalize, text)
TRACED = {*FOLDERS, *(Path(module.__file__ or "") for module in MODULES)}
STEP_NS = 50_000
"""Between two packets: a million of them stay within v3's time window."""
STRANGERS = ("192.0.2.200", "2001:db8::1")


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar: the slowest of ``--packets`` packets."""
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--compare", type=int, default=6_000, help="how many are shown to pysnmp too")
    parser.add_argument("--guide-every", type=int, default=8, help="one in how many is traced for new ground")
    parser.add_argument("--seed", type=int, default=20_261_125)
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # thousands of v3 senders out of time, each told
    run = Run(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        run.fuzz(options.packets, options.guide_every, Path(folder))
    most_mb = rss_max_mb()
    compared = compare(random.Random(options.seed), options.compare)
    yield Bar(
        "fuzz",
        run.slowest_ms,
        "ms",
        {
            "limit": LIMIT_MS,
            "packets": options.packets,
            "crashes": run.crashes.total(),
            "rss-growth-mb": round(run.rss_growth_mb, 1),
            "rss-max-mb": most_mb,
            "decoded": run.outcomes["decoded"],
            "packets-per-s": round(options.packets / run.seconds),
            "pysnmp-compared": compared["both take it"] + compared["both take it and differ"],
            "pysnmp-differs": compared["both take it and differ"] + compared["only we take it"],
        },
    )


@dataclass(slots=True)
class Run:
    """One run from a seed, with what it found."""

    seed: int
    outcomes: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    slowest_ms: float = 0.0
    rss_growth_mb: float = 0.0
    seconds: float = 0.0

    def fuzz(self, packets: int, guide_every: int, folder: Path) -> None:
        """Carry ``packets`` packets and print what became of them."""
        known = packaged_knowledge()
        dice = random.Random(self.seed)
        begin = seeds(known.rules, known.mibs)
        mutator, path, edges = Mutator(dice, begin), EdgePath(known, folder), Edges()
        sources = (*known.directory.device_by_address, *STRANGERS)
        print(f"fuzz: {packets} packets, seed {self.seed}, {len(begin)} seeds, {len(sources)} senders")
        for seed in begin:
            self._carry(path, _record(0, dice.choice(sources), seed.payload))
        began, settled_mb = time.perf_counter(), rss_mb()
        for place in range(packets):
            record = _record(place, dice.choice(sources), mutator.packet())
            if place % guide_every == 0:
                with edges.watched():
                    new = self._guarded(path.carry, record)
                if new is not None and edges.grew():
                    mutator.keep(record.payload)
            self.outcomes[self._carry(path, record)] += 1
            if (place + 1) * 10 % packets < 10:
                settled_mb = rss_mb() if (place + 1) * 10 // packets == 1 else settled_mb
                self._tell(place + 1, time.perf_counter() - began, edges, len(mutator.kept))
        self.seconds = time.perf_counter() - began
        self.rss_growth_mb = rss_mb() - settled_mb
        print(f"fuzz outcomes: {', '.join(f'{name} {count}' for name, count in self.outcomes.most_common())}")

    def _carry(self, path: EdgePath, record: JournalRecord) -> str:
        before = time.thread_time_ns()
        outcome = self._guarded(path.carry, record)
        spent_ms = (time.thread_time_ns() - before) / 1e6
        if spent_ms > self.slowest_ms and outcome is not None:
            self._look_again(path, record, spent_ms)
        return outcome or "crashed"

    def _look_again(self, path: EdgePath, record: JournalRecord, spent_ms: float) -> None:
        """The least of this and three more tries, each from empty memories."""
        gc.collect()
        for _ in range(RETRIES):
            path.forget()
            before = time.thread_time_ns()
            path.carry(record)
            spent_ms = min(spent_ms, (time.thread_time_ns() - before) / 1e6)
        self.slowest_ms = max(self.slowest_ms, spent_ms)

    def _guarded(self, carry: Callable[[JournalRecord], str], record: JournalRecord) -> str | None:
        """What ``carry`` says; ``None`` for a crash, which is counted by where it was and shown once with its bytes."""
        try:
            return carry(record)
        except Exception as error:  # noqa: BLE001  any exception is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            name = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
            self.crashes[name] += 1
            if self.crashes[name] == 1 and len(self.crashes) <= SHOWN_CRASHES:
                print(f"fuzz crash: {name}: {str(error)[:200]!r}, from {record.source}: {record.payload[:2_000].hex()}", flush=True)
            return None

    def _tell(self, done: int, elapsed: float, edges: "Edges", kept: int) -> None:
        print(
            f"fuzz at {done}: {done / elapsed:.0f}/s, slowest {self.slowest_ms:.2f} ms CPU, {self.crashes.total()} crashes, "
            f"{len(edges.seen)} steps seen, {kept} packets kept, RSS {rss_mb():.0f} MB",
            flush=True,
        )


def _record(place: int, source: str, payload: bytes) -> JournalRecord:
    return JournalRecord(place + 1, NOW + place * STEP_NS, source, payload)


class Edges:
    """Which steps from line to line of the path's code have been taken: what guides the mutation."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int, int]] = set()
        self._before = 0
        self._ours: dict[CodeType, int] = {}

    @contextmanager
    def watched(self) -> Any:
        """Trace what runs inside the block."""
        self._before = len(self.seen)
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)

    def grew(self) -> bool:
        """Whether the last watched block took a step that none did before."""
        return len(self.seen) > self._before

    def _on_call(self, frame: FrameType, *_: object) -> Any:
        code = frame.f_code
        if code not in self._ours:
            path = Path(code.co_filename)
            self._ours[code] = len(self._ours) + 1 if path in TRACED or path.parent in TRACED else 0
        number = self._ours[code]
        if not number:
            return None
        last, seen = 0, self.seen

        def on_line(frame: FrameType, event: str, __: object) -> Any:
            nonlocal last
            if event == "line":
                seen.add((number, last, frame.f_lineno))
                last = frame.f_lineno
            return on_line

        return on_line


def compare(dice: random.Random, packets: int) -> Counter[str]:
    """Show v1 and v2c packets, half of them as they are meant and half changed once, to pysnmp too; print where the two part ways."""
    known = packaged_knowledge()
    mutator = Mutator(dice, [seed for seed in seeds(known.rules, known.mibs) if len(seed.payload) <= Mutator.MAX_KEPT_BYTES], max_changes=1)
    found: Counter[str] = Counter()
    only_pysnmp: Counter[str] = Counter()
    for _ in range(packets):
        payload = mutator.packet() if dice.random() < 0.5 else dice.choice(mutator.seeds).payload
        verdict, why = _compared(payload)
        found[verdict] += 1
        if verdict == "only pysnmp takes it":
            only_pysnmp[why] += 1
        elif verdict in {"both take it and differ", "only we take it"}:
            print(f"fuzz: {verdict} ({why[:500]}): {payload[:500].hex()}")
    print(f"fuzz beside pysnmp: {', '.join(f'{name} {count}' for name, count in found.most_common())}")
    for why, count in only_pysnmp.most_common():
        print(f"fuzz only pysnmp takes: {count} times what we refuse as {why}")
    return found


def _compared(payload: bytes) -> tuple[str, str]:
    ours, why = _ours(payload)
    try:
        theirs = _theirs(payload)
    except (PyAsn1Error, AssertionError) as error:
        return ("only we take it", repr(error)) if ours else ("both refuse it", "")
    except Exception as error:  # noqa: BLE001  pysnmp raises more than its own errors; here that is its refusal
        return ("only we take it", repr(error)) if ours else ("pysnmp breaks on it", "")
    if ours is None:
        return "only pysnmp takes it", why
    return ("both take it", "") if ours == theirs else ("both take it and differ", f"{ours} and {theirs}")


def _ours(payload: bytes) -> tuple[object, str]:
    try:
        read = NotificationReader().read(payload)
    except DecodeError as error:
        return None, f"{error.reason}: {re.sub('[0-9]+', '#', re.sub('0x[0-9a-f]+', '0x#', error.detail))}"
    if read.header.version is SnmpVersion.V2C:
        return (read.header.community, read.uptime_ticks, read.trap_oid, list(read.varbinds)), ""
    by_name = {varbind.oid: varbind for varbind in read.varbinds}
    told = [varbind for varbind in read.varbinds if varbind.oid not in {SNMP_TRAP_ADDRESS, SNMP_TRAP_ENTERPRISE}]
    assert {SNMP_TRAP_ADDRESS, SNMP_TRAP_ENTERPRISE} <= set(by_name)
    return (read.header.community, read.uptime_ticks, read.agent_address, told), ""


def _theirs(payload: bytes) -> object:
    """What pysnmp reads of a v1 trap, a v2c trap or an INFORM. Raises what pysnmp raises, ``AssertionError`` for another message."""
    try:
        return oracle_v2(payload)
    except (PyAsn1Error, AssertionError):
        community, uptime, _, address, told = oracle_v1(payload)
        return community, uptime, address, [varbind for varbind in told if varbind.oid not in {SNMP_TRAP_ADDRESS, SNMP_TRAP_ENTERPRISE}]


def rss_mb() -> float:
    """This process's resident set now, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def rss_max_mb() -> float:
    """The largest resident set of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e6
