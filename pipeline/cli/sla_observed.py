"""`assure sla observed`: for how long nobody looked in a month, and what a person may want to exclude because of it."""

import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from pipeline.cli.config import config_option
from pipeline.cli.moment import Length
from pipeline.cli.output import Exit, console, duration, fail, json_option, own_command, plural, print_json, table
from pipeline.cli.show import reader
from pipeline.cli.sla_report import chosen_options
from pipeline.core.exclusion import ExclusionKind
from pipeline.core.observation import LONGER_THAN_NS, Observation, Stretch
from pipeline.core.period import NANOSECONDS, local_text
from pipeline.observing import Asked, Observed, observed_value
from pipeline.rerating import Chosen

SHOWN = 5
"""Stretches of one service that the table has; JSON has all."""
DEVICES_SHOWN = 2


@click.command()
@config_option
@click.option("--month", required=True, help="Such as 2026-11.")
@chosen_options
@click.option("--longer-than", type=Length(), default=f"{LONGER_THAN_NS // NANOSECONDS // 60}m", show_default=True, help="Pauses to tell.")
@json_option
def observed(*, config: Path | None, month: str, customer: str, contract: str, service: str, longer_than: int, as_json: bool) -> None:
    """Whether a month was measured all the time.

    A poll that a device did not answer is an observation; no poll at all is none. Told are the stretches in which a device that the service
    depends on (by the present inventory, on every path) was not polled for longer than --longer-than and than three times its usual
    interval: to the minute for 90 days, by the hour after that. For a stretch at an outage that nobody has excluded, the line to record
    that is printed; it is never recorded by itself.

    \b
    assure sla observed --month 2026-11
    assure sla observed --month 2026-11 --service acme-vpn-1 --longer-than 15m
    """
    asked = Asked(month, time.time_ns(), Chosen(customer, contract, service), longer_than)
    with reader(config) as read:
        try:
            found = read.observed(asked)
        except ValueError as error:
            fail(str(error), Exit.USAGE)
    if as_json:
        print_json([observed_value(each) for each in found])
    elif found:
        _print(found)
    else:
        click.echo(f"No agreement that was chosen has anything to say of {month}.")


def _print(found: Sequence[Observed]) -> None:
    console().print(table(("customer", "service", "observed", "not observed"), [row for each in found for row in _rows(each.observation)]))
    for line in dict.fromkeys(line for each in found for line in _notes(each.observation)):
        click.echo(line)
    proposed = list(dict.fromkeys(line for each in found for line in _exclusions(each)))
    if proposed:
        click.echo("\nAt an outage, and excluded by nobody. Whoever finds that it should not count may record it:")
        for line in proposed:
            click.echo(f"  {line}")


def _rows(seen: Observation) -> list[tuple[str, ...]]:
    """The lines of one service: its share, and each stretch in UTC and where the customer lives."""
    head = (seen.customer, seen.service, seen.told.replace(" %", "%"))
    shown = ["\n".join(_lines(each, seen)) for each in seen.stretches[:SHOWN]]
    if len(seen.stretches) > SHOWN:
        rest = sum(each.ends_at - each.starts_at for each in seen.stretches[SHOWN:])
        shown.append(f"and {plural(len(seen.stretches) - SHOWN, 'more stretch', 'more stretches')}, {duration(rest)}")
    first, *others = shown or [""]
    return [(*head, first), *(("", "", "", each) for each in others)]


def _lines(stretch: Stretch, seen: Observation) -> list[str]:
    """A stretch: in UTC with its length, on the customer's clock, and of which devices."""
    zones = dict.fromkeys(("UTC", seen.period.timezone))
    utc, *here = (f"{_from_to(stretch, zone)} {zone}" for zone in zones)
    before = stretch.starts_at < (seen.first_at or 0)
    who = "before the first poll, or after it:" if before and stretch.ends_at > (seen.first_at or 0) + LONGER_THAN_NS else ""
    who = "before the first poll" if before and not who else f"{who} {_devices(stretch)}".strip()
    return [line for line in (f"{utc}, {duration(stretch.ends_at - stretch.starts_at)}", *here, who) if line]


def _from_to(stretch: Stretch, zone: str) -> str:
    start, end = (datetime.fromisoformat(local_text(at, zone)) for at in (stretch.starts_at, stretch.ends_at))
    offsets = (start.utcoffset(), end.utcoffset())
    form = "%m-%d %H:%M" if offsets[0] == offsets[1] else "%m-%d %H:%M%z"
    return f"{start:{form}} to {end:{form if start.date() != end.date() else form.removeprefix('%m-%d ')}}"


def _devices(stretch: Stretch) -> str:
    more = f" and {len(stretch.devices) - DEVICES_SHOWN} more" if len(stretch.devices) > DEVICES_SHOWN else ""
    return ", ".join(stretch.devices[:DEVICES_SHOWN]) + more


def _notes(seen: Observation) -> list[str]:
    notes = []
    if seen.first_at is None:
        notes.append("Nothing was ever polled by this installation, as far as the history goes back.")
    elif seen.first_at:
        notes.append(f"Not measured until {datetime.fromtimestamp(seen.first_at // NANOSECONDS, UTC):%Y-%m-%d %H:%M} UTC: the first poll.")
    if not seen.devices:
        notes.append(f"{seen.service}: nothing that it depends on is polled.")
    if seen.is_coarse:
        notes.append("Minutes of a part of it are no longer kept: there, only whole hours without a poll are told.")
    return notes


def _exclusions(found: Observed) -> list[str]:
    """The commands that record each open stretch as blind, ready to be copied."""
    lines = []
    for each in found.open:
        times = [f"{datetime.fromtimestamp(at // NANOSECONDS, UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (each.starts_at, each.ends_at)]
        words = ["sla", "exclude", found.observation.service, "--from", times[0], "--until", times[1]]
        text = f"not polled: {_devices(each) or 'nothing it depends on'}"
        lines.append(shlex.join([own_command(), *words, "--reason-kind", ExclusionKind.BLIND.value, "--text", text]))
    return lines
