"""`assure lab`: the simulated operator."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from pipeline import loop
from pipeline.cli.config import DEMO_MARK, read_settings, settings_if_any
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, print_json, table
from pipeline.cli.parent import stop_event
from pipeline.config.problem import ConfigError
from pipeline.core.inventory import Inventory
from pipeline.inventory.files import load_inventory
from pipeline.lab.command import CommandError, usages
from pipeline.lab.config import LabConfig, LabError, inventory_dir
from pipeline.lab.control import LabClient
from pipeline.telemetry import configure_logging

Json = dict[str, Any]

control_option = click.option("--control", help="host:port of the running lab. Default: that of the demo of this folder.")


def control_of(control: str | None) -> str:
    """Where the running lab takes commands: as said, or beside the demo whose settings are used here, which may have shifted its ports."""
    path = None if control else settings_if_any(None)
    if path is None or not path.read_text().startswith(DEMO_MARK):
        return control or LabConfig().control
    from pipeline.cli.demo_stage import Ports  # noqa: PLC0415  # only a demo has these

    shift = read_settings(path).metrics_port - Ports().metrics
    return f"127.0.0.1:{Ports(shift).lab}"


@click.group(cls=Group)
def lab() -> None:
    """A simulated operator: 18 devices that answer SNMP and send traps on loopback.

    \b
    assure lab do cut f-ams-rtm-1     cut a fibre
    assure lab do mend f-ams-rtm-1    mend it
    assure lab commands               everything that can be done to it
    """


@lab.command()
@click.option(
    "--inventory", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder. Default: the one that comes along."
)
@click.option("--trap-target", default=LabConfig().trap_target, show_default=True, help="host:port that the devices send notifications to.")
@click.option("--control", default=LabConfig().control, show_default=True, help="host:port to take commands on.")
@click.option("--seed", default=1, show_default=True, help="Decides all that looks random.")
@click.option("--watch-stdin", is_flag=True, help="Stop when standard input ends (the parent died).")
def run(*, inventory: Path | None, trap_target: str, control: str, seed: int, watch_stdin: bool) -> None:
    """Run the lab until Ctrl-C. `assure demo` runs one itself.

    \b
    assure lab run --trap-target 192.0.2.10:162
    """
    configure_logging("lab")
    try:
        declared = load_inventory(inventory or inventory_dir())
        loop.run(_run(declared, LabConfig(trap_target=trap_target, control=control, seed=seed), watch_stdin=watch_stdin))
    except (ConfigError, LabError) as error:
        fail(str(error), Exit.USAGE)


async def _run(declared: Inventory, config: LabConfig, *, watch_stdin: bool) -> None:
    from pipeline.lab.simulation import Lab  # noqa: PLC0415  # the simulator is for this command only

    stop = await stop_event(watch_stdin=watch_stdin)
    async with Lab(declared, config):
        click.echo(f"ready {config.control}")
        await stop.wait()


@lab.command("do", context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True)
@control_option
def do_(*, command: tuple[str, ...], control: str | None) -> None:
    """Give the running lab a COMMAND.

    `assure lab commands` lists them.

    \b
    assure lab do cut f-ams-rtm-1
    assure lab do flap ams-p1/et-0/0/0 5 2
    """
    try:
        done = asyncio.run(LabClient(control_of(control)).do(" ".join(command)))
    except CommandError as error:
        fail(str(error), Exit.USAGE)
    except LabError as error:
        fail(str(error), Exit.NO_ANSWER)
    click.echo(f"{done['command']}: {done['changes']} changes in the network")


@lab.command()
def commands() -> None:
    """Everything that can be done to the lab.

    \b
    assure lab commands
    """
    console().print(table(("command", "what it does"), usages()))


@lab.command()
@control_option
@json_option
def state(*, control: str | None, as_json: bool) -> None:
    """What has failed in the running lab, and what is down by it.

    \b
    assure lab state
    assure lab state --json | jq .services_down
    """
    try:
        found: Json = asyncio.run(LabClient(control_of(control)).state())
    except LabError as error:
        fail(str(error), Exit.NO_ANSWER)
    if as_json:
        print_json(found)
    else:
        shown = table(("", ""), told(found))
        shown.show_header = False
        console().print(shown)


def told(state: Json) -> Iterator[tuple[str, str]]:
    """What is not as it should be, then how much was sent; what is fine is left out."""
    faults = {name: value for name, value in state["faults"].items() if value}
    yield "faults", "; ".join(f"{name}: {_listed(value)}" for name, value in faults.items()) or "none"
    for name, value in state.items():
        if isinstance(value, list) and value:
            yield name.replace("_", " "), _listed(value)
    for name, count in state["counts"].items():
        yield name.replace("_", " "), str(count)


def _listed(value: Iterable[Any]) -> str:
    return ", ".join(map(str, value.items() if isinstance(value, dict) else value))
