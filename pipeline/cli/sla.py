"""`assure sla`: availability against what was agreed."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, print_json
from pipeline.cli.show import reader
from pipeline.cli.sla_claim import claim, claims, withdraw
from pipeline.cli.sla_exclude import exclude, exclusions, include
from pipeline.cli.sla_observed import observed
from pipeline.cli.sla_rate import rate
from pipeline.cli.sla_report import Files, chosen_options, report_month, what_if
from pipeline.rerating import Chosen

Json = dict[str, Any]
_file = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group(cls=Group)
def sla() -> None:
    """Availability of each service against its plan.

    \b
    assure sla settle             evaluate the present month as if it ended now
    assure sla report             the latest evaluation of each service
    assure sla report --month M   a month from the history; CSV, HTML
    assure sla what-if            the same under another plan
    assure sla observed           for how long nobody looked in a month
    assure sla exclude            say that time should not count, and why
    assure sla claim              say that a customer claims a credit
    assure sla claims             who claimed what, and what came of it
    assure sla rate               a calculator: outages and a plan from files
    """


@sla.command()
@config_option
@click.option("--month", default="", help="Rate this month from the history, such as 2026-11.")
@chosen_options
@click.option("--csv", type=_file, help="With --month: write a table ('-' prints it).")
@click.option("--html", type=_file, help="With --month: write a page to send or print.")
@click.option("--provider", default="", help="Your name, for the page.")
@json_option
def report(
    *,
    config: Path | None,
    month: str,
    customer: str,
    contract: str,
    service: str,
    csv: Path | None,
    html: Path | None,
    provider: str,
    as_json: bool,
) -> None:
    """The latest evaluation of each service and month.

    Missed targets come first, then each credit with its arithmetic. With --month, that month is rated anew from the history, beside what
    the ledger has; whoever wants a PDF prints the page.

    \b
    assure sla report
    assure sla report --json | jq '.[] | select(.violated)'
    assure sla report --month 2026-11 --customer acme --html acme.html
    """
    if month:
        report_month(config, month, Chosen(customer, contract, service), Files(csv, html, provider), as_json=as_json)
        return
    if any((customer, contract, service, csv, html)):
        fail("say which month: --month 2026-11", Exit.USAGE)
    with reader(config) as read:
        evaluations, entries = read.evaluations(), read.credits()
    if as_json:
        print_json(evaluations)
    elif evaluations:
        _print(evaluations, entries)
    else:
        click.echo("No month has been settled yet: `assure sla settle` evaluates the present one as if it ended now.")


@sla.command()
@config_option
@click.option(
    "--at",
    "instant",
    metavar="DATE|TIME",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    help="UTC, as 2026-11-30 or 2026-11-30T23:59:59. Default: now.",
)
@click.option("--wait-seconds", default=30.0, show_default=True, help="How long to wait for the answers.")
@json_option
def settle(*, config: Path | None, instant: datetime | None, wait_seconds: float, as_json: bool) -> None:
    """Evaluate every contract's month now.

    The month is cut at the given instant, and what is owed is entered into the ledger. Settling again proposes only what changed
    since: the same facts ten times give one credit.

    \b
    assure sla settle
    assure sla settle --at 2026-11-23T12:00:00     as if the month ended then
    """
    from pipeline.settling import request_settlement  # noqa: PLC0415  # the Kafka client is for this command only

    settings = read_settings(config)
    at = int(instant.replace(tzinfo=UTC).timestamp()) * 10**9 if instant else time.time_ns()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is said below
    try:
        asyncio.run(request_settlement(settings, "cli", at))
    except (OSError, RuntimeError):
        no_answer(f"no broker answers at {settings.broker.bootstrap}", config)
    with reader(config) as read:
        deadline = time.monotonic() + wait_seconds
        services = len(read.services())
        evaluations: list[Json] = []
        while time.monotonic() < deadline and len(evaluations) < services:
            time.sleep(0.2)
            evaluations = read.evaluations(evaluated_at=at)
        entries = read.credits()
    if len(evaluations) < services:
        fail(
            f"{len(evaluations)} of {services} services answered within {wait_seconds:g} s; is the worker running? (`assure doctor`)",
            Exit.NO_ANSWER,
        )
    if as_json:
        print_json(evaluations)
    else:
        _print(evaluations, entries)


def _print(evaluations: list[Json], entries: list[Json]) -> None:
    from pipeline.cli.demo_scene import settlement  # noqa: PLC0415  # the table that the demo shows

    console().print(settlement(evaluations, entries))


for command in (rate, what_if, observed, exclude, include, exclusions, claim, withdraw, claims):
    sla.add_command(command)
