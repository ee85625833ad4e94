"""`assure messages`: what customers are told of incidents, what became of it, and what they would be told."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.padding import Padding
from rich.text import Text

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.effects import as_row, obligations
from pipeline.cli.group import Group
from pipeline.cli.incident_asked import by_id, of_cause
from pipeline.cli.message_view import addressed, intention, shown_rows
from pipeline.cli.output import Exit, clock, console, fail, json_option, print_json, styled, table
from pipeline.config.message_check import load_messages
from pipeline.config.output_settings import MessageSettings
from pipeline.config.problem import did_you_mean
from pipeline.core.inventory import Customer
from pipeline.core.notice import Stage
from pipeline.core.topology import Topology
from pipeline.foretelling import foretold
from pipeline.inventory.present import read_present
from pipeline.resources import data_dir

Json = dict[str, Any]
STAGES = (Stage.FIRST, Stage.PROGRESS, Stage.RESTORED)


@click.group(cls=Group)
def messages() -> None:
    """Messages to customers: a first notice, progress, restoration with its cause; by rules/notices.yaml, in rules/messages' words.

    Nothing is sent while messages.sending is false: all is decided and worded, and kept as a dry run.

    \b
    assure messages ls
    assure messages test 8d7876c1
    assure messages test --cause fibre/f-ams-rtm-1 --customer northsea-exchange
    """


@messages.command()
@click.argument("incident", required=False, default="")
@click.option("--limit", default=50, show_default=True, help="At most this many.")
@config_option
@json_option
def ls(*, incident: str, limit: int, config: Path | None, as_json: bool) -> None:
    """What customers were told, or not, and why.

    The newest first; of INCIDENT, an id or its beginning, or of all. In dry run it says what would have been sent.

    \b
    assure messages ls
    assure messages ls 8d7876c1 --json | jq -r '.[].detail'
    """
    with obligations(read_settings(config)) as store:
        found = store.messages(incident, limit)
    if as_json:
        print_json([as_row(each) for each in found])
    elif found:
        console().print(table(("decided", "incident", "customer", "message", "what became of it"), shown_rows(found, time.time_ns())))
    else:
        click.echo("No customer was to be told of anything: no incident reached one with contacts and a rule of rules/notices.yaml.")


@messages.command()
@click.argument("incident", required=False)
@click.option("--cause", help="As if this resource failed now: who feels it comes from the inventory.")
@click.option("--stage", type=click.Choice([each.value for each in STAGES]), default="first", show_default=True, help="Which message.")
@click.option("--customer", default="", help="Only this customer, with the text.")
@click.option("--all", "everything", is_flag=True, help="Every text; without it the first of each language.")
@click.option("--rules", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Another rules folder than the settings'.")
@config_option
@json_option
def test(
    *,
    incident: str | None,
    cause: str | None,
    stage: str,
    customer: str,
    everything: bool,
    rules: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Who would be told of INCIDENT, or of a cause.

    When, in which language, and the text.
    INCIDENT is an id or its beginning: as it stands now, which needs the stores; a cause needs nothing to run. Nobody is told anything.
    Ends with 1 when nobody would be told.

    \b
    assure messages test 8d7876c1
    assure messages test 8d7876c1 --stage restored --all
    assure messages test --cause fibre/f-ams-rtm-1 --rules rules-next
    """
    if bool(incident) == bool(cause):
        raise click.UsageError("name an INCIDENT or a --cause")
    settings, now = read_settings(config), time.time_ns()
    inventory = read_present(settings).inventory
    asked = by_id(config, incident) if incident else of_cause(inventory, Topology.of(inventory), str(cause), now)
    found = foretold(asked, load_messages(rules or settings.rules_dir or data_dir("rules")), inventory, Stage(stage), now)
    if customer:
        found = _only(found, customer, inventory.customers)
    told = [each for each in found if not each["reason"]]
    if as_json:
        print_json(found)
    else:
        console().print(Text(intention(settings.messages, told)))
        _print(found, told if everything or customer else one_of_each_language(told), settings.messages)
    if not told:
        click.get_current_context().exit(Exit.PROBLEM)


def _only(found: Sequence[Json], customer: str, known: dict[str, Customer]) -> list[Json]:
    if customer not in known:
        remedy = did_you_mean(customer, known) or "the inventory has none"
        fail(f"there is no customer '{customer}'; {remedy}", Exit.NOT_FOUND)
    named = [each for each in found if each["customer"] == customer]
    return named or fail(f"{customer} feels nothing of it", Exit.NOT_FOUND)


def one_of_each_language(told: Sequence[Json]) -> list[Json]:
    """The first message in each language."""
    firsts: dict[str, Json] = {}
    for each in told:
        firsts.setdefault(each["language"], each)
    return list(firsts.values())


def _print(found: Sequence[Json], in_full: Sequence[Json], settings: MessageSettings) -> None:
    out = console()
    told = [each for each in found if not each["reason"]]
    others = [each for each in found if each["reason"]]
    if told:
        out.print(table(("at (UTC)", "tier", "customer", "in", "to"), _rows(told, settings)))
    if others:
        click.echo()
        out.print(table(("told nothing", "tier", "why"), ((each["name"], each["tier"], each["reason"]) for each in others)))
    for each in in_full:
        click.echo()
        out.print(Text.assemble("To ", (each["name"], "bold"), f" in {each['language']}: ", (each["subject"], "bold")))
        out.print(Padding(Text(each["text"].rstrip()), (0, 0, 0, 2)))
    rest = len(told) - len(in_full)
    if told and rest and in_full:
        click.echo(f"\n{rest} more in the same words: --all")


def _rows(told: Sequence[Json], settings: MessageSettings) -> Iterator[tuple[object, ...]]:
    for each in told:
        yield (clock(each["at"]), styled(each["tier"]), each["name"], each["language"], addressed(each["contacts"], settings))
