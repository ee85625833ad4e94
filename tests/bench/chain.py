"""The whole chain, running as ``assure up`` runs it beside the lab, with what a benchmark wants to know of it."""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from pipeline.cli.demo_stage import AGENT_PORT, Ports, prepare
from pipeline.config.settings import COMPONENTS, Settings
from pipeline.config.settings_file import load_settings
from pipeline.core.inventory import Inventory
from pipeline.installation import groups
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir
from pipeline.lab.control import LabClient
from pipeline.store.client import Connection
from pipeline.supervisor import ChildSpec, Supervisor

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds so far and the largest resident set (MB) of each process of the chain."""

    cpu_s: Mapping[str, float]
    rss_mb: Mapping[str, float]

    def since(self, before: "Usage") -> dict[str, float]:
        """CPU seconds of each process since an earlier look."""
        return {name: round(seconds - before.cpu_s.get(name, 0.0), 2) for name, seconds in self.cpu_s.items()}


@dataclass(slots=True)
class Chain:
    """A running chain. ``pages`` are the webhooks received: monotonic seconds of arrival, and the payload."""

    settings: Settings
    inventory: Inventory
    port: int
    lab: LabClient
    supervisor: Supervisor
    history: Connection
    pages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def usage(self) -> Usage:
        """As of now."""
        pids = {name: child.pid for name, child in self.supervisor.children.items()}
        return Usage({name: _cpu_s(pid) for name, pid in pids.items()}, {name: _rss_mb(pid) for name, pid in pids.items()})

    def restarts(self) -> int:
        """How many processes died and were started again."""
        return sum(child.restarts for child in self.supervisor.children.values())

    async def one(self, sql: str) -> int:
        """The one number that a query gives."""
        rows = await asyncio.to_thread(self.history.rows, sql)
        return int(next(iter(rows[0].values())) or 0)

    async def lag_s(self) -> float:
        """How far the newest alarm change in ClickHouse is behind the clock: all of the chain is in it, from socket to row."""
        newest = await self.one("SELECT toUnixTimestamp64Nano(max(at)) AS at FROM alarm_change")
        return (time.time_ns() - newest) / 1e9 if newest else float("inf")

    async def sums(self) -> dict[str, int]:
        """The sums of the design from the socket to the store: terms by name, since the chain started."""
        taken = await asyncio.to_thread(_counters, self.settings, "traps")
        names = {"received": "datagrams_received", "dropped": "datagrams_dropped", "refused": "datagrams_refused"}
        names |= {"journaled": "datagrams_journaled", "quarantined": "traps_quarantined", "published": "traps_published"}
        names |= {"absorbed": "traps_absorbed"}
        stored = {
            "stored": "SELECT uniqExact(sequence) FROM trap",
            "events": "SELECT uniqExact(sequence) FROM event WHERE source = 'trap'",
            "dead_letters": "SELECT count() FROM dead_letter",
        }
        return {name: int(taken.get(f"assure_{counter}_total", 0)) for name, counter in names.items()} | {
            name: await self.one(sql) for name, sql in stored.items()
        }


def holds(sums: Mapping[str, int], sent: int) -> str:
    """The first sum that does not hold, in words; empty when nothing is lost."""
    for said, left, right in (
        ("sent = received + dropped", sent, sums["received"] + sums["dropped"]),
        ("dropped = 0", sums["dropped"], 0),
        ("received = journaled + refused", sums["received"], sums["journaled"] + sums["refused"]),
        ("journaled = published + absorbed + quarantined", sums["journaled"], sums["published"] + sums["absorbed"] + sums["quarantined"]),
        ("published = stored", sums["published"], sums["stored"]),
        ("published = events", sums["published"], sums["events"]),
        ("dead letters = 0", sums["dead_letters"], 0),
    ):
        if left != right:
            return f"{said} does not hold: {left} and {right}"
    return ""


async def until(probe: Any, within_s: float, every_s: float = 0.25) -> bool:
    """Ask ``probe`` until it answers true; whether it did in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if await probe():
            return True
        await asyncio.sleep(every_s)
    return False


@asynccontextmanager
async def running_chain(
    profile: Mapping[str, Path] | None = None, inventory: str = "", *, guard: bool = True, parts: Sequence[str] = ()
) -> AsyncIterator[Chain]:
    """Everything up on free ports in a folder of its own, every device polled once; all of it gone at the end.

    ``profile`` names parts to run under cProfile, and where each writes. ``inventory`` is YAML to put beside the lab's own. Without
    ``guard`` the storm guard is off, so that every notification goes all the way. Of ``parts`` only these are started, and no lab: the
    benchmark feeds them. A folder for the data: ``ASSURE_BENCH_DIR``.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("ASSURE_BENCH_DIR"))))
        (folder / "chain").mkdir()
        stage = prepare(folder / "chain", Ports(free_shift()), inventory_dir())
        (stage.folder / "inventory" / "bench.yaml").write_text(inventory.replace(f"port: {AGENT_PORT}", f"port: {stage.ports.agents}"))
        if not guard:
            _switch_off_guard(stage.settings_file)
        settings = load_settings(stage.settings_file)
        known = load_inventory(settings.inventory_dir)
        children = groups(settings, stage.settings_file)
        if parts:
            children = [[spec for spec in group if spec.name in parts] for group in children]
        else:
            children[0].insert(0, _lab(stage.folder, stage.ports))
        children = [[_profiled(spec, profile or {}) for spec in group] for group in children]
        pages: list[tuple[float, dict[str, Any]]] = []
        await stack.enter_async_context(_receiver(stage.ports.webhook, pages))
        supervisor = await stack.enter_async_context(Supervisor(children, settings.data_dir / "log", _tell_trouble))
        history = Connection.viewer(settings.history)
        stack.callback(history.close)
        chain = Chain(settings, known, stage.ports.traps, LabClient(f"127.0.0.1:{stage.ports.lab}"), supervisor, history, pages)
        if parts:
            yield chain
            return
        polled = f"SELECT uniqExact(device) >= {len(known.devices)} FROM poll"
        if not await until(lambda: chain.one(polled), 60):
            raise TimeoutError("the lab's devices were not polled within 60 s")
        yield chain


async def send(chain: Chain, rate: float, seconds: float, devices: Sequence[str]) -> dict[str, float]:
    """Have devices send at a rate, from a process of their own; what it says at the end."""
    inventory = str(chain.settings.inventory_dir)
    command = [sys.executable, "-m", "tests.bench.trap_sender", inventory, str(chain.port), str(rate), str(seconds), *devices]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    try:
        said, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        raise
    answer: dict[str, float] = json.loads(said)
    return answer


def free_shift() -> int:
    """A shift of all ports at which everything can listen, below those that Linux gives to outgoing connections (from 32,768 on)."""
    for _ in range(200):
        shift = random.randrange(500, 13_000, 10)
        if not Ports(shift).taken():
            return shift
    raise OSError("no free range of ports was found")


def _switch_off_guard(settings_file: Path) -> None:
    text = settings_file.read_text()
    assert text.count("\ntraps: {") == 1, text
    settings_file.write_text(text.replace("\ntraps: {", "\ntraps: {guard: {enabled: false}, "))


def _tell_trouble(line: str) -> None:
    """Of what the supervisor says, what must not happen in a benchmark."""
    if "ended" in line or "not ready" in line:
        print(line, file=sys.stderr, flush=True)


def _lab(folder: Path, ports: Ports) -> ChildSpec:
    options = ("--inventory", str(folder / "inventory"), "--trap-target", f"127.0.0.1:{ports.traps}")
    argv = ("-m", "pipeline", "lab", "run", *options, "--control", f"127.0.0.1:{ports.lab}", "--watch-stdin")
    return ChildSpec(name="lab", argv=argv, says="lab")


def _profiled(spec: ChildSpec, profile: Mapping[str, Path]) -> ChildSpec:
    if spec.name not in profile:
        return spec
    argv = ("-m", "cProfile", "-o", str(profile[spec.name]), *spec.argv)
    return ChildSpec(spec.name, argv, spec.says, spec.ready_url, spec.environment, spec.within_s)


@asynccontextmanager
async def _receiver(port: int, pages: list[tuple[float, dict[str, Any]]]) -> AsyncIterator[None]:
    async def receive(request: web.Request) -> web.Response:
        arrived = time.monotonic()
        pages.append((arrived, await request.json()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


def _counters(settings: Settings, part: str) -> dict[str, float]:
    """A part's metrics by name, summed over labels."""
    url = f"http://127.0.0.1:{settings.metrics_port + COMPONENTS.index(part)}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    found: dict[str, float] = {}
    for sample in (sample for family in families for sample in family.samples):
        found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _rss_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
