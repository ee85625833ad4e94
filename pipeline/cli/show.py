"""`assure alarms`, `incidents`, `tickets`: what is wrong now, as a table or as JSON."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.incident_view import soonest, whole
from pipeline.cli.output import Exit, clock, console, fail, json_option, plural, print_json, styled, table
from pipeline.reading import Reader

Json = dict[str, Any]
WIDE = 130
"""Columns from which on a table of alarms has room for their text."""
ROOMY = 100
"""Columns from which on a table of incidents has room for their tickets."""
SHELVED = "shelved"
MARKS = {SHELVED: "shelved", "ack": "acknowledged", "closed": "closed by hand"}
"""What is told of an alarm's operator state."""


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
@click.option("--all", "everything", is_flag=True, help="Cleared and shelved alarms too.")
@click.option("--shelved", is_flag=True, help="Only those that are shelved.")
@click.option("--limit", default=200, show_default=True, help="At most this many.")
@json_option
def alarms(*, config: Path | None, everything: bool, shelved: bool, limit: int, as_json: bool) -> None:
    """Alarms that stand now, worst first.

    An alarm is an undesirable state of one resource (RFC 8632). What is shelved is hidden. A wide terminal also shows each alarm's id and
    text.
    Times are UTC.

    \b
    assure alarms
    assure alarms --shelved
    assure alarms --all --json | jq '.[].resource'
    """
    with reader(config) as read:
        every = read.alarms(standing=not everything, limit=limit)
    hidden = [alarm for alarm in every if alarm["operator_state"] == SHELVED]
    found = hidden if shelved else every if everything else [alarm for alarm in every if alarm not in hidden]
    if as_json:
        print_json(found)
        return
    if found:
        console().print(alarm_table(found, everything=everything, wide=console().width >= WIDE))
    elif shelved:
        click.echo("No alarm that stands is shelved.")
    else:
        click.echo("No alarm was ever raised." if everything else "No alarm stands. `assure alarms --all` shows those that have cleared.")
    if hidden and not (everything or shelved):
        click.echo(f"{plural(len(hidden), 'shelved alarm is', 'shelved alarms are')} hidden: `assure alarms --shelved`")


def alarm_table(found: Sequence[Json], *, everything: bool, wide: bool) -> Table:
    """One row for each alarm; when it cleared if cleared ones are asked for, else how often it was raised; id and text only if ``wide``.

    What people made of it has a column when there is any such alarm.
    """
    handled = any(alarm["operator_state"] in MARKS for alarm in found)
    columns = (
        *(["id"] if wide else []),
        *("severity", "resource", "alarm", "raised", "cleared" if everything else "times"),
        *(["people"] if handled else []),
        *(["text"] if wide else []),
    )
    rows = (
        (
            *([alarm["id"][:8]] if wide else []),
            styled(alarm["severity"]),
            alarm["resource"],
            alarm["alarm_type"],
            clock(alarm["last_raised_at"]),
            (clock(alarm["cleared_at"]) if alarm["is_cleared"] else "-") if everything else str(alarm["occurrences"]),
            *([_people(alarm)] if handled else []),
            *([alarm["text"]] if wide else []),
        )
        for alarm in found
    )
    return table(columns, rows)


def _people(alarm: Json) -> str:
    mark = MARKS.get(alarm["operator_state"], "")
    return f"{mark}: {alarm['shelved_reason']}" if alarm["shelved_reason"] else mark


@click.command()
@click.argument("incident", required=False)
@config_option
@click.option("--state", type=click.Choice(["open", "resolved"]), help="Only these.")
@click.option("--shelved", is_flag=True, help="Those too whose alarms are all shelved.")
@click.option("--limit", default=50, show_default=True, help="At most this many.")
@json_option
def incidents(*, incident: str | None, config: Path | None, state: str | None, shelved: bool, limit: int, as_json: bool) -> None:
    """Incidents, what matters most first; with INCIDENT one in full.

    One incident is one cause with its alarms, services and customers. Open ones come first: by the dearest tier that is hit, how much of
    it, and how soon a contract is missed (column SLA: the downtime that the first of them has left). Resolved ones follow, newest first.
    INCIDENT is an id, or the beginning of it. Times are UTC. `assure explain INCIDENT` shows the evidence, `assure ack INCIDENT` says that
    you have it.

    \b
    assure incidents --state open
    assure incidents 8d7876c1
    """
    with reader(config) as read:
        if incident:
            one = read.incident(incident)
        else:
            every = read.incidents(state=state, limit=limit)
            listed = [each for each in every if shelved or not (each["shelved"] and each["state"] == "open")]
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
    if not incident and not as_json and len(listed) < len(every):
        click.echo(
            f"{plural(len(every) - len(listed), 'shelved incident is', 'shelved incidents are')} hidden: `assure incidents --shelved`"
        )


def incident_table(listed: Sequence[Json], *, wide: bool) -> Table:
    """One row for each incident, its ticket only if ``wide``; under its cause, what people or planned work made of it."""
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
            f"{i['root_cause']}\n{marks(i)}" if marks(i) else i["root_cause"],
        )
        for i in listed
    )
    return table(columns, rows)


def marks(incident: Json) -> str:
    """What people, or planned work, made of an incident: ``bob has it``, ``planned mw-7``, ``shelved``, ``escalated 2``, ``1 comment``."""
    is_open = incident["state"] == "open"
    found = (
        f"{incident['acknowledged_by']} has it" if incident["acknowledged_by"] else "",
        f"planned {incident['planned']}" if incident["planned"] else "",
        "shelved" if incident["shelved"] and is_open else "",
        f"escalated {incident['escalation']}" if incident["escalation"] and is_open and not incident["acknowledged_by"] else "",
        plural(len(incident["comments"]), "comment") if incident["comments"] else "",
    )
    return ", ".join(mark for mark in found if mark)


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
