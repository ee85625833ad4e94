"""`assure credits`: the ledger."""

from pathlib import Path

import click

from pipeline.cli.config import config_option
from pipeline.cli.output import Exit, console, fail, json_option, money, print_json, table
from pipeline.cli.show import reader


@click.group("credits", invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def credits_(ctx: click.Context, *, config: Path | None, as_json: bool) -> None:
    """The ledger of SLA credits: append-only, hash-chained, dry run until posting is switched on.

    `assure explain CREDIT` walks back to the evidence; `assure credits verify` recomputes the chain.
    """
    ctx.obj = config
    if ctx.invoked_subcommand:
        return
    with reader(config) as read:
        found = read.credits()
    if as_json:
        print_json(found)
        return
    rows = (
        (
            c["key"],
            c["customer"],
            c["service"],
            c["period"],
            str(c["revision"]),
            money(c["amount_minor"], c["currency"]),
            "dry run" if c["dry_run"] else "computed",
        )
        for c in found
    )
    console().print(
        table(("credit", "customer", "service", "period", "revision", "amount", "state"), rows) if found else "The ledger is empty."
    )


@credits_.command()
@click.pass_obj
def verify(config: Path | None) -> None:
    """Recompute the hash chain; names the first row that was changed by hand (exit code 1)."""
    with reader(config) as read:
        entries, broken = read.verify_ledger()
    if broken:
        fail(broken, Exit.PROBLEM)
    click.echo(f"{entries} entries, every hash holds")
