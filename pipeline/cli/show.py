"""`assure alarms`, `incidents`, `tickets`: what is wrong now, as a table or as JSON."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.incident_view import soonest, whole
from pipeline.cli.output import Exit, clock, console, fail, json_option, print_json, styled, table
from pipeline.reading import Reader

Json = dict[str, Any]
WIDE = 130
"""Columns from which on a table of alarms has room for their text."""
ROOMY = 100
"""Columns from which on a table of incidents has room for their tickets."""


@contextmanager
def reader(config: Path | None) -> Iterator[Reader]:
    """The stores of the settings; ends with exit code 4, and what to start, when one does not answer."""
    try:
        with Reader(read_settings(config)) as opened:
            yield opened
    except BrokenPipeError:
        raise
    except OSError as error:
        no_answer(str(error), config)


@click.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Cleared alarms too.")
@click.option("--limit", default=200, show_default=True, help="At most this many.")
@json_option
def alarms(*, config: Path | None, everything: bool, limit: int, as_json: bool) -> None:
    """Alarms that stand now, worst first.

    An alarm is an undesirable state of one resource (RFC 8632). A wide terminal also shows each alarm's text. Times are UTC.

    \b
    assure alarms
    assure alarms --all --json | jq '.[].resource'
    """
    with reader(config) as read:
        found = read.alarms(standing=not everything, limit=limit)
    if as_json:
        print_json(found)
    elif found:
        console().print(alarm_table(found, everything=everything, wide=console().width >= WIDE))
    else:
        click.echo("No alarm was ever raised." if everything else "No alarm stands. `assure alarms --all` shows those that have cleared.")


def alarm_table(found: Sequence[Json], *, everything: bool, wide: bool) -> Table:
    """One row for each alarm; when it cleared if cleared ones are asked for, else how often it was raised; its text only if ``wide``."""
    columns = ("severity", "resource", "alarm", "raised", "cleared" if everything else "times", *(["text"] if wide else []))
    rows = (
        (
            styled(alarm["severity"]),
            alarm["resource"],
            alarm["alarm_type"],
            clock(alarm["last_raised_at"]),
            (clock(alarm["cleared_at"]) if alarm["is_cleared"] else "-") if everything else str(alarm["occurrences"]),
            *([alarm["text"]] if wide else []),
        )
        for alarm in found
    )
    return table(columns, rows)


@click.command()
@click.argument("incident", required=False)
@config_option
@click.option("--state", type=click.Choice(["open", "resolved"]), help="Only these.")
@click.option("--limit", default=50, show_default=True, help="At most this many.")
@json_option
def incidents(*, incident: str | None, config: Path | None, state: str | None, limit: int, as_json: bool) -> None:
    """Incidents, what matters most first; with INCIDENT one in full.

    One incident is one cause with its alarms, services and customers. Open ones come first: by the dearest tier that is hit, how much of
    it, and how soon a contract is missed (column SLA: the downtime that the first of them has left). Resolved ones follow, newest first.
    INCIDENT is an id, or the beginning of it. Times are UTC. `assure explain INCIDENT` shows the evidence.

    \b
    assure incidents --state open
    assure incidents 8d7876c1
    """
    with reader(config) as read:
        if incident:
            one = read.incident(incident)
        else:
            listed = read.incidents(state=state, limit=limit)
    if incident:
        if one is None:
            fail(f"there is no one incident that begins with {incident}; ids: `assure incidents`", Exit.NOT_FOUND)
        print_json(one) if as_json else console().print(whole(one, f"assure explain {one['id'][:8]}", everything=False))
    elif as_json:
        print_json(listed)
    elif listed:
        console().print(incident_table(listed, wide=console().width >= ROOMY))
    else:
        click.echo(f"No incident {'is ' + state if state else 'yet'}.")


def incident_table(listed: Sequence[Json], *, wide: bool) -> Table:
    """One row for each incident; its ticket only if ``wide``."""
    columns = ("id", "state", "severity", "since", *(["ticket"] if wide else []), "services", "SLA", "root cause")
    rows = (
        (
            i["id"][:8],
            styled(i["state"]),
            styled(i["severity"]),
            clock(i["started_at"]),
            *([i["ticket"]["number"] if i["ticket"] else "-"] if wide else []),
            felt(i["impacts"]).partition(",")[0],
            soonest(i),
            i["root_cause"],
        )
        for i in listed
    )
    return table(columns, rows)


@click.command()
@config_option
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@json_option
def tickets(*, config: Path | None, limit: int, as_json: bool) -> None:
    """Trouble tickets (TMF621), newest first, with the incident that each belongs to. Times are UTC.

    \b
    assure tickets
    assure tickets --json | jq '.[] | select(.status != "resolved")'
    """
    with reader(config) as read:
        found = read.tickets(limit)
    if as_json:
        print_json(found)
        return
    rows = ((t["number"], t["status"], t["system"], t["incident"][:8], clock(t["linked_at"]), clock(t["updated_at"])) for t in found)
    columns = ("ticket", "status", "system", "incident", "opened", "changed")
    console().print(table(columns, rows) if found else "No tickets.")


def felt(impacts: list[Json]) -> str:
    """``2 down, 5 redundancy-lost``."""
    counts = {state: sum(impact["state"] == state for impact in impacts) for state in ("down", "degraded", "redundancy-lost")}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none"
