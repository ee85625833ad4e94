"""`assure credits`: the ledger."""

from pathlib import Path

import click

from pipeline.cli.config import config_option
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, money, plural, print_json, table
from pipeline.cli.show import reader


@click.group("credits", cls=Group, invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def credits_(ctx: click.Context, *, config: Path | None, as_json: bool) -> None:
    """The ledger of SLA credits: append-only, hash-chained, dry run until posting is switched on.

    \b
    assure credits                   newest first
    assure credits verify            recompute the chain of hashes
    assure explain CREDIT            from one, by its beginning, to its evidence
    """
    ctx.obj = config
    if ctx.invoked_subcommand:
        return
    with reader(config) as read:
        found = read.credits()
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("The ledger is empty: `assure sla settle` evaluates the month and enters what is owed.")
        return
    rows = (
        (
            c["key"][:8],
            c["customer"],
            c["service"],
            c["period"],
            str(c["revision"]),
            money(c["amount_minor"], c["currency"]),
            "dry run" if c["dry_run"] else "computed",
        )
        for c in found
    )
    console().print(table(("credit", "customer", "service", "period", "rev", "amount", "state"), rows))


@credits_.command()
@config_option
@click.pass_obj
def verify(outer: Path | None, *, config: Path | None) -> None:
    """Recompute the ledger's chain of hashes.

    Names the first entry that was changed by hand, with exit code 1.

    \b
    assure credits verify
    """
    with reader(config or outer) as read:
        entries, broken = read.verify_ledger()
    if broken:
        fail(broken, Exit.PROBLEM)
    click.echo(f"{plural(entries, 'entry', 'entries')}, every hash holds")
