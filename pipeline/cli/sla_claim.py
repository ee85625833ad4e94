"""`assure sla claim|withdraw|claims`: a customer asks for the credit of a month; what came of it."""

from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option
from pipeline.cli.moment import Moment
from pipeline.cli.operations import SHORT, by_option, do, given, wait_option
from pipeline.cli.output import Exit, console, fail, json_option, print_json, table
from pipeline.cli.show import reader
from pipeline.core.operation import OperationKind
from pipeline.core.period import month_named

Json = dict[str, Any]


@click.command()
@click.argument("service")
@click.option("--month", required=True, help="Which month is claimed, such as 2026-11.")
@click.option("--at", "claimed_at", type=Moment(), default=0, help="When the customer asked: a time (UTC), or how long ago. Default: now.")
@click.option("--text", default="", help="How they asked, for whoever checks the credit.")
@config_option
@by_option
@wait_option
@json_option
def claim(
    *, service: str, month: str, claimed_at: int, text: str, config: Path | None, by: str, wait_seconds: float, as_json: bool
) -> None:
    """Say that a customer claims a service's credit.

    For plans with `automatic: false`. It is kept with your name. What the month owes is proposed once it is settled, and waits for approval
    like any other credit. A claim that comes after the plan's time is kept and refused (exit code 1). The same claim twice is one.

    \b
    assure sla claim acme-vpn-1 --month 2026-11
    assure sla claim acme-vpn-1 --month 2026-11 \\
      --at 2026-12-03T09:00:00Z --text "letter of 3 December"
    """
    operation = given(OperationKind.CLAIM, service, by, text=text, starts_at=claimed_at, period=month)
    do(config, operation, (), wait_seconds, as_json=as_json)
    if not as_json:
        with reader(config) as read:
            name = service.removeprefix("service/")
            click.echo("\n".join(f"  {each['told']}" for each in read.claims(month) if each["service"] == name and _stands(each)))


def _stands(each: Json) -> bool:
    return each["state"] not in {"withdrawn", "refused"}


@click.command()
@click.argument("claim")
@click.option("-m", "--message", default="", help="Why.")
@config_option
@by_option
@wait_option
@json_option
def withdraw(*, claim: str, message: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Take a claim back: what was proposed for it is taken back too.

    CLAIM is its id or the beginning of it (`assure sla claims`).

    \b
    assure sla withdraw 5a0f5d0e -m "they meant another service"
    """
    do(config, given(OperationKind.WITHDRAW, claim, by, text=message), (), wait_seconds, as_json=as_json)


@click.command()
@click.option("--month", default="", help="Only claims for this month, such as 2026-11.")
@config_option
@json_option
def claims(*, month: str, config: Path | None, as_json: bool) -> None:
    """What customers claimed, newest first, and what came of it. Days are the customer's.

    \b
    assure sla claims
    assure sla claims --month 2026-11
    assure sla claims --json | jq '.[] | select(.state == "owed")'
    """
    if month:
        try:
            month = month_named(month, "UTC").label
        except ValueError as error:
            fail(str(error), Exit.USAGE)
    with reader(config) as read:
        found = read.claims(month)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["id"][:SHORT],
            each["customer"],
            each["service"],
            each["month"],
            each["claimed_on"],
            each["last_day"] or "no limit",
            each["operator"],
            each["told"],
            each["text"],
        )
        for each in found
    )
    columns = ("id", "customer", "service", "month", "claimed", "last day", "by", "what came of it", "text")
    nothing = f"Nobody has claimed anything{f' for {month}' if month else ''}: `assure sla claim --help`"
    console().print(table(columns, rows) if found else nothing)
