"""`assure alarms`, `incidents`, `tickets`: what is wrong now, as a table or as JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.output import Exit, clock, console, duration, fail, json_option, print_json, styled, table
from pipeline.reading import Reader

Json = dict[str, Any]


@contextmanager
def reader(config: Path | None) -> Iterator[Reader]:
    """The stores of the settings; ends with exit code 4 when one does not answer."""
    try:
        with Reader(read_settings(config)) as opened:
            yield opened
    except OSError as error:
        fail(f"{error}; is it running (`assure up`, `assure demo`)?", Exit.NO_ANSWER)


@click.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Cleared alarms too.")
@click.option("--limit", default=200, show_default=True, help="At most this many.")
@json_option
def alarms(*, config: Path | None, everything: bool, limit: int, as_json: bool) -> None:
    """Alarms that stand now, worst first: an undesirable state of one resource (RFC 8632)."""
    with reader(config) as read:
        found = read.alarms(standing=not everything, limit=limit)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            styled(alarm["severity"]),
            "cleared" if alarm["is_cleared"] else "stands",
            alarm["resource"],
            alarm["alarm_type"],
            str(alarm["occurrences"]),
            clock(alarm["last_raised_at"]),
            alarm["text"],
        )
        for alarm in found
    )
    console().print(
        table(("severity", "state", "resource", "alarm", "times", "raised (UTC)", "text"), rows) if found else "No alarm stands."
    )


@click.command()
@click.argument("incident", required=False)
@config_option
@click.option("--state", type=click.Choice(["open", "resolved"]), help="Only these.")
@click.option("--limit", default=50, show_default=True, help="At most this many.")
@json_option
def incidents(*, incident: str | None, config: Path | None, state: str | None, limit: int, as_json: bool) -> None:
    """Incidents, newest first; with INCIDENT (an id or its beginning) one in full.

    One incident is one cause with its alarms, services and customers. `assure explain INCIDENT` shows its evidence.
    """
    with reader(config) as read:
        if incident:
            found = read.incident(incident)
            if found is None:
                fail(f"there is no incident {incident}", Exit.NOT_FOUND)
            print_json(found) if as_json else _print_incident(found)
            return
        listed = read.incidents(state=state, limit=limit)
    if as_json:
        print_json(listed)
        return
    rows = (
        (i["id"][:8], styled(i["state"]), styled(i["severity"]), clock(i["started_at"]), _ticket(i), felt(i["impacts"]), i["reason"])
        for i in listed
    )
    console().print(table(("id", "state", "severity", "since (UTC)", "ticket", "services", "cause"), rows) if listed else "No incidents.")


@click.command()
@config_option
@json_option
def tickets(*, config: Path | None, as_json: bool) -> None:
    """Trouble tickets (TMF621), newest first, with the incident that each belongs to."""
    with reader(config) as read:
        found = read.tickets()
    if as_json:
        print_json(found)
        return
    rows = ((t["number"], t["status"], t["system"], t["incident"][:8], clock(t["linked_at"]), clock(t["updated_at"])) for t in found)
    columns = ("ticket", "status", "system", "incident", "opened (UTC)", "changed (UTC)")
    console().print(table(columns, rows) if found else "No tickets.")


def felt(impacts: list[Json]) -> str:
    """``2 down, 5 redundancy-lost``."""
    counts = {state: sum(impact["state"] == state for impact in impacts) for state in ("down", "degraded", "redundancy-lost")}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none"


def _ticket(incident: Json) -> str:
    return f"{incident['ticket']['number']} {incident['ticket']['status']}" if incident["ticket"] else "-"


def _print_incident(incident: Json) -> None:
    from pipeline.cli.demo_scene import impacts  # noqa: PLC0415  # the table that the demo shows

    out = console()
    out.print(f"[bold]{incident['reason']}[/bold]")
    lasted = f", resolved after {duration(incident['resolved_at'] - incident['started_at'])}" if incident["resolved_at"] else ""
    since = f"since {clock(incident['started_at'])} UTC{lasted}"
    out.print(f"{incident['id']}  {incident['state']}  {incident['severity']}  {since}  ticket {_ticket(incident)}")
    for line in incident["explanation"]:
        out.print(f"- {line}", markup=False)
    out.print(impacts(incident["impacts"]))
