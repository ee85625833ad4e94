"""`assure remedies`: what is proposed to be done about incidents, and people's word on it."""

import time
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.group import Group
from pipeline.cli.operations import by_option
from pipeline.cli.output import Exit, clock, console, fail, json_option, print_json, table
from pipeline.core.obligation import StoredRemedy
from pipeline.core.remedy import RemedyState
from pipeline.obligations import Obligations
from pipeline.outputs.remedy import start_of

_WAITING = (RemedyState.PROPOSED,)


@click.group(cls=Group)
def remedies() -> None:
    """The closed loop: remedies that rules/remedies.yaml proposes for incidents.

    Nothing is started without an action of the settings, nor while remedies.acting is false. What is started is watched: a poll must see
    the repair, or the incident says that it did not help and how to roll back.

    \b
    assure remedies ls
    assure remedies approve power-cycle --incident 4f6c2a10
    assure remedies refuse power-cycle --reason "the far end is being changed"
    """


@remedies.command()
@config_option
@click.option("--incident", default="", metavar="ID", help="Those of one incident, or of a beginning of its id.")
@json_option
def ls(*, config: Path | None, incident: str, as_json: bool) -> None:
    """Remedies, newest first, with what became of each.

    \b
    assure remedies ls
    assure remedies ls --incident 4f6c2a10 --json
    """
    found = [one for one in _all(config) if one.incident.startswith(incident)]
    if as_json:
        print_json([_value(one) for one in found])
    elif found:
        rows = (
            (one.incident[:8], one.rule, one.resource, one.state.value, clock(one.proposed_at), one.decided_by, one.detail) for one in found
        )
        console().print(table(("incident", "rule", "resource", "state", "proposed", "by", "detail"), rows))
    else:
        click.echo("Nothing has been proposed: no incident was one of rules/remedies.yaml.")


def _word(rule: str, incident: str, config: Path | None) -> StoredRemedy:
    found = [one for one in _all(config) if one.rule.startswith(rule) and one.incident.startswith(incident) and one.state in _WAITING]
    if len(found) != 1:
        names = ", ".join(f"{one.rule} of {one.incident[:8]}" for one in found[:5]) or "none"
        fail(f"{len(found)} remedies wait by that name ({names}); give --incident, and see `assure remedies ls`", Exit.NOT_FOUND)
    return found[0]


@remedies.command()
@config_option
@click.argument("rule")
@click.option("--incident", default="", metavar="ID", help="Of which incident, if the rule waits for several.")
@by_option
def approve(rule: str, *, config: Path | None, incident: str, by: str) -> None:
    """Let a remedy be started. The guard rails hold all the same: rate, services that it could touch, dry run.

    \b
    assure remedies approve power-cycle --incident 4f6c2a10
    """
    remedy, now = _word(rule, incident, config), time.time_ns()
    start = start_of(remedy, now)
    moved = _move(config, remedy, (start,), state=RemedyState.APPROVED, decided_by=by, decided_at=now)
    if not moved:
        fail("somebody was faster; see `assure remedies ls`", Exit.PROBLEM)
    click.echo(f"{remedy.rule} of incident {remedy.incident[:8]} is approved; what comes of it: assure remedies ls")


@remedies.command()
@config_option
@click.argument("rule")
@click.option("--incident", default="", metavar="ID", help="Of which incident, if the rule waits for several.")
@click.option("--reason", required=True, help="Why not.")
@by_option
def refuse(rule: str, *, config: Path | None, incident: str, reason: str, by: str) -> None:
    """Let a remedy not be started.

    \b
    assure remedies refuse power-cycle --reason "the far end is being changed"
    """
    remedy, now = _word(rule, incident, config), time.time_ns()
    if not _move(config, remedy, state=RemedyState.REFUSED, decided_by=by, decided_at=now, ended_at=now, detail=reason):
        fail("somebody was faster; see `assure remedies ls`", Exit.PROBLEM)
    click.echo(f"{remedy.rule} of incident {remedy.incident[:8]} is refused")


def _all(config: Path | None) -> list[StoredRemedy]:
    try:
        with Obligations(read_settings(config).obligations_url()) as store:
            return store.remedies(limit=1000)
    except OSError as error:
        no_answer(str(error), config)


def _move(config: Path | None, remedy: StoredRemedy, *following: Any, **values: Any) -> bool:
    try:
        with Obligations(read_settings(config).obligations_url()) as store:
            return store.move_remedy(remedy.name, RemedyState.PROPOSED, *following, **values)
    except OSError as error:
        no_answer(str(error), config)


def _value(one: StoredRemedy) -> dict[str, Any]:
    return {name: getattr(one, name) for name in StoredRemedy.__slots__}
