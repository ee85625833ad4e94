"""`assure sla exclude|include|exclusions`: saying that time should not count against agreements, and who said so."""

from pathlib import Path

import click

from pipeline.cli.config import config_option
from pipeline.cli.moment import Moment
from pipeline.cli.operations import SHORT, by_option, do, given, wait_option
from pipeline.cli.output import clock, console, json_option, print_json, table
from pipeline.cli.show import reader
from pipeline.core.exclusion import ExclusionKind
from pipeline.core.operation import OperationKind

KINDS = tuple(kind.value for kind in ExclusionKind)


@click.command()
@click.argument("target", metavar="SERVICE|INCIDENT")
@click.option("--from", "starts_at", type=Moment(), required=True, help="Since when: a time (UTC), or how long ago, as 2h.")
@click.option("--until", type=Moment(), required=True, help="Until when.")
@click.option("--reason-kind", type=click.Choice(KINDS), required=True, metavar="KIND", help="Why it is not the provider's.")
@click.option("--text", required=True, help="The same in words, for whoever checks the credit.")
@config_option
@by_option
@wait_option
@json_option
def exclude(
    *,
    target: str,
    starts_at: int,
    until: int,
    reason_kind: str,
    text: str,
    config: Path | None,
    by: str,
    wait_seconds: float,
    as_json: bool,
) -> None:
    """Say that a stretch of time should not count, and why.

    Of a service, or of what one incident (its id or the beginning of it) did. It is kept with your name, and each plan says whether such a
    reason excuses, stops the clock, or does not count. A month that was settled is settled again, and the difference waits for approval.

    KIND: planned, customer-caused, force-majeure, off-net, unknown, blind, customer-delay, no-access or customer-power.

    \b
    assure sla exclude acme-vpn-1 --from 2026-11-10T08:00:00Z \\
      --until 2026-11-10T09:00:00Z --reason-kind no-access --text "site locked"
    """
    operation = given(OperationKind.EXCLUDE, target, by, text=text, starts_at=starts_at, until=until, reason_kind=reason_kind)
    do(config, operation, ("incident",), wait_seconds, as_json=as_json)


@click.command()
@click.argument("exclusion")
@click.option("-m", "--message", default="", help="Why.")
@config_option
@by_option
@wait_option
@json_option
def include(*, exclusion: str, message: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Take an exclusion back: the time counts again.

    EXCLUSION is its id or the beginning of it (`assure sla exclusions`).

    \b
    assure sla include 5a0f5d0e -m "the customer had let us in"
    """
    do(config, given(OperationKind.INCLUDE, exclusion, by, text=message), ("incident",), wait_seconds, as_json=as_json)


@click.command()
@config_option
@json_option
def exclusions(*, config: Path | None, as_json: bool) -> None:
    """What people said should not count, newest first. Times are UTC.

    \b
    assure sla exclusions
    assure sla exclusions --json | jq '.[] | select(.withdrawn | not)'
    """
    with reader(config) as read:
        found = read.exclusions()
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["id"][:SHORT],
            each["target"].removeprefix("service/") if "/" in each["target"] else each["target"][:SHORT],
            each["reason_kind"],
            clock(each["starts_at"]),
            clock(each["until"]),
            each["operator"],
            "taken back" if each["withdrawn"] else each["outcome"],
            each["text"],
        )
        for each in found
    )
    columns = ("id", "of", "kind", "from", "until", "by", "", "text")
    console().print(table(columns, rows) if found else "Nobody has excluded anything: `assure sla exclude --help`")
