"""`assure lab`: the simulated operator."""

import asyncio
from pathlib import Path
from typing import Any

import click

from pipeline.cli.output import Exit, console, fail, json_option, print_json, table
from pipeline.cli.parent import stop_event
from pipeline.config.problem import ConfigError
from pipeline.core.inventory import Inventory
from pipeline.inventory.files import load_inventory
from pipeline.lab.command import CommandError, usage_text
from pipeline.lab.config import LabConfig, LabError, inventory_dir
from pipeline.lab.control import LabClient
from pipeline.telemetry import configure_logging

Json = dict[str, Any]

control_option = click.option("--control", default=LabConfig().control, show_default=True, help="host:port of the running lab.")


@click.group()
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
    """Run the lab until Ctrl-C."""
    configure_logging("lab")
    try:
        declared = load_inventory(inventory or inventory_dir())
        asyncio.run(_run(declared, LabConfig(trap_target=trap_target, control=control, seed=seed), watch_stdin=watch_stdin))
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
def do_(*, command: tuple[str, ...], control: str) -> None:
    """Give the running lab a COMMAND, for example `cut f-ams-rtm-1`; `assure lab commands` lists them."""
    try:
        done = asyncio.run(LabClient(control).do(" ".join(command)))
    except CommandError as error:
        fail(str(error), Exit.USAGE)
    except LabError as error:
        fail(str(error), Exit.NO_ANSWER)
    click.echo(f"{done['command']}: {done['changes']} changes in the network")


@lab.command()
def commands() -> None:
    """Everything that can be done to the lab."""
    click.echo(usage_text())


@lab.command()
@control_option
@json_option
def state(*, control: str, as_json: bool) -> None:
    """What has failed in the running lab, and what is down because of it."""
    try:
        found: Json = asyncio.run(LabClient(control).state())
    except LabError as error:
        fail(str(error), Exit.NO_ANSWER)
    if as_json:
        print_json(found)
    else:
        console().print(
            table(
                ("", ""), ((name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for name, value in found.items())
            )
        )
