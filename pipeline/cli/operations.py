"""`assure ack|unack|comment|close|shelve|unshelve`: what people do about incidents and alarms; `assure audit`: who did what."""

import asyncio
import getpass
import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import click

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.effects import obligations
from pipeline.cli.moment import Ahead
from pipeline.cli.output import Exit, clock, console, fail, json_option, print_json, styled, table
from pipeline.cli.show import reader
from pipeline.core.operation import Operation, OperationError, OperationKind
from pipeline.core.reason import Reason

Json = dict[str, Any]

wait_option = click.option("--wait-seconds", default=5.0, show_default=True, help="How long to wait for the answer.")
SHORT = 8


def by_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--by`` to a command."""
    return click.option("--by", default=_login, show_default="your login name", help="Who does it, for the audit trail.")(command)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def do(config: Path | None, operation: Operation, kinds: tuple[str, ...], wait_seconds: float, *, as_json: bool) -> None:
    """Have it done, and tell what became of it: exit code 1 when it was refused, 3 for an unknown name, 4 without an answer."""
    from pipeline.config.rule_set import PlanSource  # noqa: PLC0415  # plans are for claims only
    from pipeline.inventory.present import load_present  # noqa: PLC0415  # read only when it is looked into
    from pipeline.operating import Operating  # noqa: PLC0415  # the Kafka client is for these commands only
    from pipeline.planning import operation_value  # noqa: PLC0415
    from pipeline.resources import data_dir  # noqa: PLC0415

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is said below
    settings = read_settings(config)
    with reader(config) as read, obligations(settings) as store:
        plans = PlanSource(settings.rules_dir or data_dir("rules")).current
        operating = Operating(settings.broker, read, store, cache(lambda: load_present(settings)), plans=plans)
        try:
            stored = asyncio.run(operating.submit(operation, kinds, wait_seconds))
        except OperationError as error:
            fail(str(error), Exit.NOT_FOUND if error.reason is Reason.UNKNOWN_TARGET else Exit.USAGE)
    found = operation_value(stored)
    if as_json:
        print_json(found)
    tell(found, wait_seconds, quiet=as_json)


def tell(found: Json, wait_seconds: float, *, quiet: bool) -> None:
    """One line that says what happened, and the exit code."""
    if found["outcome"] == "waiting":
        _no_answer(found, wait_seconds)
    if found["outcome"] != "done":
        fail(f"{found['outcome']}: {found['detail']} ({found['reason']})", Exit.PROBLEM)
    if not quiet:
        click.echo(f"{_shortened(found['target'])}: {found['detail']}")


def _no_answer(found: Json, wait_seconds: float) -> NoReturn:
    fail(
        f"kept, and not answered within {wait_seconds:g} s; it is done when the pipeline runs (`assure doctor`)\n"
        f"  assure audit {found['id'][:SHORT]}   tells what became of it",
        Exit.NO_ANSWER,
    )


def given(kind: OperationKind, target: str, by: str, **fields: Any) -> Operation:
    """An operation of now, with an id of its own; its domain is looked up later."""
    return Operation(id=str(uuid4()), kind=kind, at=time.time_ns(), operator=by, target=target, domain="", via="cli", **fields)


@click.command()
@click.argument("name")
@config_option
@by_option
@click.option("-m", "--message", default="", help="A comment that goes with it.")
@wait_option
@json_option
def ack(*, name: str, config: Path | None, by: str, message: str, wait_seconds: float, as_json: bool) -> None:
    """Acknowledge an incident: you have taken charge of it.

    NAME is its id or the beginning of it, or that of an alarm. Nobody further is told of it from now on; its ticket says who has it.
    Whoever acknowledges later takes over.

    \b
    assure ack 8d7876c1
    assure ack 8d7876c1 --by alice -m "splicer is on the way"
    """
    do(config, given(OperationKind.ACK, name, by, text=message), ("incident", "alarm"), wait_seconds, as_json=as_json)


@click.command()
@click.argument("name")
@config_option
@by_option
@wait_option
@json_option
def unack(*, name: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Take an acknowledgement back: nobody has the incident, and its escalation begins anew.

    NAME is the id of an incident or alarm, or the beginning of it.

    \b
    assure unack 8d7876c1
    """
    do(config, given(OperationKind.UNACK, name, by), ("incident", "alarm"), wait_seconds, as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("text")
@config_option
@by_option
@wait_option
@json_option
def comment(*, name: str, text: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Remark on an incident or alarm; the incident's ticket gets the remark as a note.

    NAME is the id of an incident or alarm, or the beginning of it.

    \b
    assure comment 8d7876c1 "cut found at km 14"
    """
    do(config, given(OperationKind.COMMENT, name, by, text=text), ("incident", "alarm"), wait_seconds, as_json=as_json)


@click.command()
@click.argument("name")
@config_option
@by_option
@click.option("-m", "--message", default="", help="Why.")
@wait_option
@json_option
def close(*, name: str, config: Path | None, by: str, message: str, wait_seconds: float, as_json: bool) -> None:
    """Clear by hand what only notifications raised and nothing clears.

    NAME is the id of an incident or alarm, or the beginning of it. What polls or measurements still see is refused: it ends by itself, and
    can be shelved until then. What is told again opens again.

    \b
    assure close 8d7876c1 -m "the customer says it works"
    """
    do(config, given(OperationKind.CLOSE, name, by, text=message), ("incident", "alarm"), wait_seconds, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--until", type=Ahead(), required=True, help="When it ends: a time (UTC), or how long from now, as 4h.")
@click.option("--reason", required=True, help="Why, for those who wonder.")
@config_option
@by_option
@wait_option
@json_option
def shelve(*, name: str, until: int, reason: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Hide an alarm until a time: no page, no ticket, and out of the lists.

    NAME is the alarm's id or the beginning of it, or a resource for all its alarms, those to come too. It goes on being recorded, and what
    its services feel counts. At the end, what is still wrong is told.

    \b
    assure shelve 5a0f5d0e --until 4h --reason "bad optics, part ordered"
    assure shelve device/pe1 --until 2026-12-01T06:00:00Z --reason "in the lab"
    """
    operation = given(OperationKind.SHELVE, name, by, text=reason, until=until)
    do(config, operation, ("alarm",), wait_seconds, as_json=as_json)


@click.command()
@click.argument("name")
@config_option
@by_option
@wait_option
@json_option
def unshelve(*, name: str, config: Path | None, by: str, wait_seconds: float, as_json: bool) -> None:
    """Take an alarm off its shelf now; what is still wrong is told at once.

    NAME is as it was given to `assure shelve`: an alarm's id or the beginning of it, or a resource.

    \b
    assure unshelve 5a0f5d0e
    assure unshelve interface/pe1/ge-0/0/1
    """
    do(config, given(OperationKind.UNSHELVE, name, by), ("alarm",), wait_seconds, as_json=as_json)


@click.command()
@click.argument("name", required=False, default="")
@config_option
@click.option("--limit", default=50, show_default=True, help="At most this many.")
@json_option
def audit(*, name: str, config: Path | None, limit: int, as_json: bool) -> None:
    """Who did what, newest first, and what became of it.

    NAME is an incident, alarm, resource, maintenance window or operation, or the beginning of it; without it, all. Times are UTC.

    \b
    assure audit
    assure audit 8d7876c1 --json
    """
    with reader(config) as read:
        found = read.operations_of(name, limit) if name else read.operations(limit=limit)
    if as_json:
        print_json(found)
    elif found:
        rows = (
            (
                clock(each["at"]),
                each["operator"],
                each["kind"],
                _shortened(each["target"]),
                styled(each["outcome"]),
                each["reason"] if each["outcome"] != "done" else "",
                each["text"],
            )
            for each in found
        )
        console().print(table(("when", "who", "what", "on", "outcome", "why not", "text"), rows))
    else:
        click.echo("Nothing was done to anything of that name." if name else "Nobody has done anything yet.")


def _shortened(target: str) -> str:
    """An id by its beginning, as elsewhere; any other name in full."""
    is_id = "/" not in target and len(target) == 36 and target.count("-") == 4  # noqa: PLR2004  # a UUID's text (RFC 9562)
    return target[:SHORT] if is_id else target
