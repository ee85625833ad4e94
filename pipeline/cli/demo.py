"""`assure demo`: a simulated operator, one fibre cut, and everything that follows from it, on this machine."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from pipeline.cli import demo_scene as scene
from pipeline.cli.demo_stage import Ports, Received, Stage, alone_in, prepare, webhook_receiver
from pipeline.cli.output import Exit, console, fail, own_command
from pipeline.cli.parent import stop_event
from pipeline.config.message_check import load_messages
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from pipeline.core import notice
from pipeline.foretelling import foretold, incident_of
from pipeline.installation import groups
from pipeline.inventory.present import read_present
from pipeline.lab.config import LabError, inventory_dir
from pipeline.lab.control import LabClient
from pipeline.reading import Reader
from pipeline.resources import data_dir
from pipeline.settling import request_settlement
from pipeline.supervisor import ChildFailedError, ChildSpec, Supervisor

FIBRE = "f-ams-rtm-1"
SHORTEST_CUT_S = 12.0
"""The gold plan pays from 10 s of outage: the cut lasts a little longer."""

T = TypeVar("T")


@click.command()
@click.option("--once", is_flag=True, help="End after the month is settled, with exit code 0, instead of running on.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path("var/demo"), show_default=True, help="Folder, made anew."
)
@click.option("--shift", type=click.IntRange(0, 40_000), default=0, help="Add this to every port, to run beside another demo.")
@click.option("--cut-seconds", type=float, default=SHORTEST_CUT_S, show_default=True, help="How long the fibre stays cut, at least.")
def demo(*, once: bool, data: Path, shift: int, cut_seconds: float) -> None:
    """Watch a simulated operator lose a fibre: one incident, a ticket, a webhook, the outages, and the credit that is owed.

    Everything is real and local: 18 devices that answer SNMP and send traps on 127.20.0.0/24, an embedded Kafka-protocol broker, an
    embedded ClickHouse, the collectors, the Faust worker, the ticket book and the console. Ctrl-C ends it; the data stay in var/demo
    until the next run, so `assure explain` and the other commands work there afterwards while it runs.

    \b
    assure demo --once              for scripts: exit code 0 after the settlement
    assure demo --shift 1000        when a port is taken
    """
    ports = Ports(shift)
    with alone_in(data, ports):
        try:
            asyncio.run(_demo(prepare(data, ports, inventory_dir()), once=once, cut_seconds=cut_seconds))
        except (TimeoutError, LabError) as error:
            fail(str(error), Exit.NO_ANSWER)
        except (ChildFailedError, OSError) as error:
            fail(str(error), Exit.USAGE)


async def _demo(stage: Stage, *, once: bool, cut_seconds: float) -> None:
    began = time.monotonic()
    settings = load_settings(stage.settings_file)
    out = console()
    stop = await stop_event()
    async with _running(stage, settings, out) as (lab, received, reader):
        story = asyncio.create_task(Story(out, lab, received, reader, settings, began).tell(cut_seconds))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({story, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            story.cancel()
            out.print("Stopping.")
            return
        story.result()
        if not once:
            out.print("It keeps running. Ctrl-C ends it.")
            await stopped
            out.print("Stopping.")


@asynccontextmanager
async def _running(stage: Stage, settings: Settings, out: Console) -> AsyncIterator[tuple[LabClient, Received, Reader]]:
    """The lab, the receiver of webhooks and the whole chain, up; all down at the end."""
    tell: Callable[[str], None] = lambda line: out.print(f"  {line}", markup=False)  # noqa: E731  # a name for what the supervisor calls
    out.print("[bold]Starting[/bold] a simulated operator and the whole chain")
    children = groups(settings, stage.settings_file.resolve())
    children[0].insert(0, _lab_child(stage))
    async with AsyncExitStack() as stack:
        received = await stack.enter_async_context(webhook_receiver(stage.ports.webhook, stage.webhook_secret))
        tell(f"on-call      receives signed webhooks on http://127.0.0.1:{stage.ports.webhook}/")
        await stack.enter_async_context(Supervisor(children, settings.data_dir / "log", tell))
        reader = stack.enter_context(Reader(settings))
        yield LabClient(f"127.0.0.1:{stage.ports.lab}"), received, reader


def _lab_child(stage: Stage) -> ChildSpec:
    ports = stage.ports
    return ChildSpec(
        name="lab",
        argv=(
            *("-m", "pipeline", "lab", "run", "--inventory", str((stage.folder / "inventory").resolve())),
            *("--trap-target", f"127.0.0.1:{ports.traps}", "--control", f"127.0.0.1:{ports.lab}", "--watch-stdin"),
        ),
        says=f"lab          18 devices answer SNMP on 127.20.0.0/24 port {ports.agents}",
    )


class Story:
    """The acts of the demo, told as they happen; each waits for what it promises and says how long it took."""

    def __init__(self, out: Console, lab: LabClient, received: Received, reader: Reader, settings: Settings, began: float) -> None:
        self._out = out
        self._lab = lab
        self._received = received
        self._reader = reader
        self._settings = settings
        self._began = began

    async def tell(self, cut_seconds: float) -> None:
        """All acts, in order."""
        await self._quiet_network()
        cut_at = time.monotonic()
        incident = await self._cut()
        incident = await self._confirmed(incident["id"])
        await self._foretell(incident)
        await asyncio.sleep(max(0.0, cut_seconds - (time.monotonic() - cut_at)))
        await self._mend(incident["id"])
        await self._settle()

    async def _quiet_network(self) -> None:
        devices = await self._until("every device has answered a poll", lambda: _all_answer(self._reader))
        self._out.print(f"  {devices} devices answer their polls; no alarm stands. Ready after {time.monotonic() - self._began:.0f} s.\n")

    async def _cut(self) -> dict[str, Any]:
        self._out.print(f"[bold]The fibre {FIBRE} is cut.[/bold]")
        before = await self._lab.state()
        at = time.monotonic()
        await self._lab.do(f"cut {FIBRE}")
        incident = await self._until("the incident is open, its ticket filed, on-call told", self._told)
        seconds = time.monotonic() - at
        sent = notifications(await self._lab.state()) - notifications(before)
        since_start = time.monotonic() - self._began
        self._out.print(f"  {sent} traps became one incident, one ticket, one page in {seconds:.1f} s ({since_start:.0f} s after start)")
        self._out.print(scene.incident(incident, self._received.deliveries))
        return incident

    def _told(self) -> dict[str, Any] | None:
        for incident in self._reader.incidents(state="open"):
            if incident["ticket"] and incident["impacts"] and self._received.deliveries:
                return incident
        return None

    async def _confirmed(self, incident_id: str) -> dict[str, Any]:
        def confirmed() -> dict[str, Any] | None:
            incident = self._reader.incident(incident_id)
            outages = self._reader.outages(incident=incident_id)
            down = [outage for outage in outages if outage["state"] == "down"]
            return incident if incident and down and all(outage["confirmed_by"] for outage in down) else None

        incident = await self._until("a poll confirms the outages (a v2c trap alone never pays)", confirmed)
        self._out.print("  a poll has confirmed the outages: from here on they count towards the SLA\n")
        return incident

    async def _foretell(self, found: dict[str, Any]) -> None:
        """What customers would read if it lasted: the cut is over before the first of them is told."""
        incident, now = incident_of(found), time.time_ns()
        messages = await asyncio.to_thread(load_messages, self._settings.rules_dir or data_dir("rules"))
        inventory = (await asyncio.to_thread(read_present, self._settings)).inventory
        self._out.print(scene.foretold(foretold(incident, messages, inventory, notice.Stage.FIRST, now)))

    async def _mend(self, incident_id: str) -> None:
        self._out.print(f"[bold]The fibre {FIBRE} is mended.[/bold]")
        await self._lab.do(f"mend {FIBRE}")

        def resolved() -> dict[str, Any] | None:
            incident = self._reader.incident(incident_id)
            closed = (
                incident
                and incident["state"] == "resolved"
                and incident["ticket"]
                and incident["ticket"]["status"] in {"resolved", "closed"}
            )
            return incident if closed and all(outage["ended_at"] for outage in self._reader.outages(incident=incident_id)) else None

        incident = await self._until("the alarms clear, incident and ticket resolve, the outages end", resolved)
        self._out.print(scene.resolution(incident, await asyncio.to_thread(self._reader.outages, incident=incident_id)))

    async def _settle(self) -> None:
        self._out.print("[bold]The month is settled as if it ended now.[/bold]")
        at = await request_settlement(self._settings, "demo")
        wanted = len(await asyncio.to_thread(self._reader.services))

        def evaluated() -> list[dict[str, Any]] | None:
            evaluations = self._reader.evaluations(evaluated_at=at)
            owed = {(e["contract"], e["service"], e["period"]) for e in evaluations if e["credit_minor"]}
            entered = {(c["contract"], c["service"], c["period"]) for c in self._reader.credits()}
            return evaluations if len(evaluations) >= wanted and owed <= entered else None

        evaluations = await self._until("every service is evaluated, every credit in the ledger", evaluated)
        entries = await asyncio.to_thread(self._reader.credits)
        self._out.print(scene.settlement(evaluations, entries))
        self._out.print(scene.next_steps(self._settings, entries, own_command()))

    async def _until(self, what: str, probe: Callable[[], T | None], within_s: float = 60.0) -> T:
        """Ask ``probe`` until it answers. Raises ``TimeoutError`` that says what did not happen and where to look."""
        deadline = time.monotonic() + within_s
        trouble = ""
        with self._out.status(f"waiting until {what}"):
            while time.monotonic() < deadline:
                try:
                    found = await asyncio.to_thread(probe)
                except OSError as error:  # a store that was restarted answers again soon
                    found, trouble = None, f" ({error})"
                if found is not None:
                    return found
                await asyncio.sleep(0.1)
        raise TimeoutError(f"it did not happen within {within_s:.0f} s that {what}{trouble}; logs: {self._settings.data_dir / 'log'}")


def _all_answer(reader: Reader) -> int | None:
    devices, answering = reader.answering()
    return devices if devices and answering == devices else None


def notifications(state: dict[str, Any]) -> int:
    """How many the lab's devices have sent so far."""
    return int(state["counts"].get("notifications_sent", 0))
