"""`assure windows`: planned work, declared, extended, ended early or cancelled while the pipeline runs."""

import time
from pathlib import Path

import click

from pipeline.cli.config import config_option
from pipeline.cli.group import Group
from pipeline.cli.moment import Ahead
from pipeline.cli.operations import by_option, do, given, wait_option
from pipeline.cli.output import clock, console, json_option, print_json, styled, table
from pipeline.cli.show import reader
from pipeline.core.operation import OperationKind


@click.group(cls=Group)
def windows() -> None:
    """Maintenance windows: planned work, which pages nobody and opens no ticket.

    Those of the inventory and those declared here stand beside each other. What still is wrong when a window ends is told at once.

    \b
    assure windows ls
    assure windows add mw-7 site/ams --until 4h --reason "power work"
    assure windows end mw-7
    """


@windows.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Those that are over or cancelled too.")
@json_option
def ls(*, config: Path | None, everything: bool, as_json: bool) -> None:
    """Windows that are planned or in force, by their start. Times are UTC.

    \b
    assure windows ls
    assure windows ls --all --json
    """
    with reader(config) as read:
        found = read.windows(time.time_ns(), everything=everything)
    if as_json:
        print_json(found)
    elif found:
        rows = (
            (
                each["name"],
                styled(each["state"]),
                clock(each["starts_at"]),
                clock(each["ends_at"]),
                " ".join(each["resources"]),
                each["operator"] or "inventory",
                each["reason"],
            )
            for each in found
        )
        console().print(table(("window", "state", "from", "until", "over", "by", "reason"), rows))
    else:
        click.echo(
            "There never was a maintenance window." if everything else "No work is planned. `assure windows ls --all` shows past windows."
        )


@windows.command()
@click.argument("name")
@click.argument("resources", nargs=-1, required=True, metavar="RESOURCE...")
@click.option("--from", "starts_at", type=Ahead(), help="When it begins: a time (UTC), or how long from now, as 30m. Default: now.")
@click.option("--until", type=Ahead(), required=True, help="When it ends.")
@click.option("--reason", default="", help="What the work is.")
@config_option
@by_option
@wait_option
@json_option
def add(
    *,
    name: str,
    resources: tuple[str, ...],
    starts_at: int | None,
    until: int,
    reason: str,
    config: Path | None,
    by: str,
    wait_seconds: float,
    as_json: bool,
) -> None:
    """Declare planned work on resources and on all that depends on them.

    A RESOURCE is named as in the inventory: region/west, site/ams, device/pe1, link/pe1--pe2, fibre/f1, service/acme-vpn-1. A window over a
    service excludes the service's own outages, whatever their cause. Agreements count a window from when it was announced.

    \b
    assure windows add mw-7 site/ams --until 4h --reason "power work"
    assure windows add mw-8 device/pe1 device/pe2 --from 2h --until 6h
    """
    operation = given(
        OperationKind.WINDOW_ADD, name, by, text=reason, until=until, starts_at=starts_at or time.time_ns(), resources=tuple(resources)
    )
    do(config, operation, (), wait_seconds, as_json=as_json)


@windows.command()
@click.argument("name")
@click.option("--until", type=Ahead(), required=True, help="The new end, later than the present one.")
@click.option("--reason", default="", help="Why, for the audit trail.")
@config_option
@by_option
@wait_option
@json_option
def extend(*, name: str, until: int, reason: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Let a window last longer.

    Nobody is told meanwhile; but what is added after it began was never announced, so agreements count it as an outage.

    \b
    assure windows extend mw-7 --until 6h --reason "the splice takes longer"
    """
    do(config, given(OperationKind.WINDOW_EXTEND, name, by, text=reason, until=until), (), wait_seconds, as_json=as_json)


@windows.command()
@click.argument("name")
@config_option
@by_option
@wait_option
@json_option
def end(*, name: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """End a window now: the work is done. What is still wrong is told at once.

    \b
    assure windows end mw-7
    """
    do(config, given(OperationKind.WINDOW_END, name, by), (), wait_seconds, as_json=as_json)


@windows.command()
@click.argument("name")
@config_option
@by_option
@wait_option
@json_option
def cancel(*, name: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Take back a window that has not begun.

    \b
    assure windows cancel mw-8
    """
    do(config, given(OperationKind.WINDOW_CANCEL, name, by), (), wait_seconds, as_json=as_json)
