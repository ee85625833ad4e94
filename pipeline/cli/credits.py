"""`assure credits`: the ledger, read."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.credit_decisions import DECISIONS
from pipeline.cli.credit_posting import POSTING
from pipeline.cli.effects import obligations
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, clock, console, fail, json_option, money, plural, print_json, table
from pipeline.cli.show import reader
from pipeline.core.credit_export import APPLIED, as_csv, as_tmf678
from pipeline.core.money import money_text
from pipeline.core.posting import CreditState, UnknownCreditError
from pipeline.crediting import Crediting, credit_value

Json = dict[str, Any]
SHORT = 8
EVERYTHING = 10_000_000


@click.group("credits", cls=Group, invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def credits_(ctx: click.Context, *, config: Path | None, as_json: bool) -> None:
    """The ledger of SLA credits: append-only, hash-chained, dry run until posting is switched on.

    People approve what was computed, two different ones above a limit; then it is posted to billing, once, and read back there.

    \b
    assure credits                   newest first
    assure credits approve KEY       by its beginning; also reject, adopt, reverse
    assure credits verify            recompute the chain of hashes
    assure explain CREDIT            from one, by its beginning, to its evidence
    """
    ctx.obj = config
    if ctx.invoked_subcommand:
        return
    with reader(config) as read:
        found = read.credits()
    _list(found, as_json=as_json)


def _list(found: list[Json], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found:
        rows = (
            (
                c["key"][:SHORT],
                c["customer"],
                c["service"],
                c["period"],
                str(c["revision"]),
                money(c["amount_minor"], c["currency"]),
                c["told"],
            )
            for c in found
        )
        console().print(table(("credit", "customer", "service", "period", "rev", "amount", "state"), rows))
    else:
        click.echo("The ledger is empty: `assure sla settle` evaluates the month and enters what is owed.")


@credits_.command()
@config_option
@click.option("--customer", default="", help="Of this customer only.")
@click.option("--period", default="", help="Of this month only, as 2026-11.")
@click.option("--state", type=click.Choice([state.value for state in CreditState]), help="Those that stand so.")
@click.option("--limit", default=200, show_default=True, help="At most this many.")
@json_option
@click.pass_obj
def ls(outer: Path | None, *, config: Path | None, customer: str, period: str, state: str | None, limit: int, as_json: bool) -> None:
    """Credits, newest first: some of them.

    \b
    assure credits ls --state computed
    assure credits ls --customer acme --period 2026-11 --json
    """
    with obligations(read_settings(config or outer)) as store:
        found = [credit_value(each) for each in store.stored_credits(customer, period, state or "", limit)]
    if found or as_json:
        _list(found, as_json=as_json)
    else:
        click.echo("No credit is so.")


@credits_.command()
@click.argument("key")
@config_option
@json_option
@click.pass_obj
def show(outer: Path | None, *, key: str, config: Path | None, as_json: bool) -> None:
    """One credit: how it came about and who said what.

    KEY is its key or the beginning of it. Times are UTC.

    \b
    assure credits show f491e6dd
    """
    settings = read_settings(config or outer)
    with obligations(settings) as store:
        try:
            found = Crediting(store, settings.billing).value(key)
        except UnknownCreditError as error:
            fail(f"{error.args[0]}", Exit.NOT_FOUND)
    if as_json:
        print_json(found)
        return
    click.echo(f"{money_text(found['amount_minor'], found['currency'])} to {found['customer']} for {found['service']}, {found['period']}")
    click.echo(f"  credit {found['key']}, contract {found['contract']}, revision {found['revision']}: {found['told']}")
    if found["detail"]:
        click.echo(f"  {found['detail']}")
    for line in found["evidence"].get("summary", ())[:40]:
        click.echo(f"  {line}")
    if found["steps"]:
        rows = ((clock(s["at"]), s["kind"], s["person"], s["remote_id"] or s["comment"]) for s in found["steps"])
        console().print(table(("when", "what", "who", ""), rows))
    for other in found["revisions"]:
        click.echo(f"  beside it: revision {other['revision']}, {money_text(other['amount_minor'], other['currency'])}, {other['told']}")


@credits_.command()
@config_option
@click.pass_obj
def verify(outer: Path | None, *, config: Path | None) -> None:
    """Recompute the ledger's chain of hashes.

    Each step in it must also have been allowed then. Names the first entry that was changed by hand, with exit code 1.

    \b
    assure credits verify
    """
    with reader(config or outer) as read:
        entries, broken = read.verify_ledger()
    if broken:
        fail(broken, Exit.PROBLEM)
    click.echo(f"{plural(entries, 'entry', 'entries')}, every hash holds")


@credits_.command()
@config_option
@click.option("--csv", "form", flag_value="csv", default="csv", help="One line for each credit, for spreadsheets. This is the default.")
@click.option("--tmf678", "form", flag_value="tmf678", help="Applied billing rates (TMF678) of what was posted, as JSON.")
@click.option("--customer", default="", help="Of this customer only.")
@click.option("--period", default="", help="Of this month only, as 2026-11.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write. Default: standard output.")
@click.pass_obj
def export(outer: Path | None, *, config: Path | None, form: str, customer: str, period: str, out: Path | None) -> None:
    """Hand the ledger to others, as CSV or TMF678.

    Refused, with exit code 1, while its chain is broken.

    \b
    assure credits export --period 2026-11 --out november.csv
    assure credits export --tmf678 --customer acme
    """
    with obligations(read_settings(config or outer)) as store:
        broken = store.verify()
        if broken:
            fail(f"the ledger is broken and not exported: entry {broken.sequence} ({broken.key}): {broken.why}", Exit.PROBLEM)
        found = list(reversed(store.stored_credits(customer, period, limit=EVERYTHING)))
    text = as_csv(found) if form == "csv" else json.dumps(as_tmf678(found), indent=2, default=_number) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{out}: {error.strerror}", Exit.PROBLEM)
    written = found if form == "csv" else [each for each in found if each.standing.state in APPLIED]
    click.echo(f"{plural(len(written), 'credit')} written to {out}")


def _number(value: object) -> float:
    """A decimal as a JSON number. No currency has more digits than a double keeps (15), unless it is a thousand billion."""
    assert isinstance(value, Decimal)
    return float(value)


for _command in (*DECISIONS, *POSTING):
    credits_.add_command(_command)
