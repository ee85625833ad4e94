"""`assure doctor`: is anything lost, and does every part work?"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.text import Text

from pipeline.cli.config import config_option, read_settings, settings_path, start_command
from pipeline.cli.output import Exit, console, fail, json_option, print_json, table
from pipeline.config.settings import Settings
from pipeline.doctoring import Finding, Verdict, first_broken, watch
from pipeline.inventory.present import PresentInventory
from pipeline.obligations import Obligations
from pipeline.store.queries import Queries
from pipeline.vitals import Vitals

LOOK_AGAIN_S = 0.5
WORDS = {Verdict.HOLDS: ("ok", "green"), Verdict.BROKEN: ("BROKEN", "bold red"), Verdict.UNKNOWN: ("unknown", "yellow")}


@click.command()
@config_option
@click.option("--wait-seconds", default=10.0, show_default=True, help="How long what is under way may take to arrive.")
@json_option
def doctor(*, config: Path | None, wait_seconds: float, as_json: bool) -> None:
    """Is anything lost? The sums that must hold, and each part's health.

    Each datagram is followed from the socket to the store: sent = dropped + received, received = journaled + refused, journaled =
    published + absorbed + quarantined + waiting, published = stored; then one ticket per incident and one credit per decision. The first
    sum that is broken names the stage that loses, and what to do.

    \b
    assure doctor
    assure doctor --json | jq '.[] | select(.verdict != "holds")'

    Exit code 0 when all holds, 1 when something is broken, 4 when a part does not answer so that not all can be seen.
    """
    settings, start = read_settings(config), start_command(settings_path(config))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say of a broker that is down is a finding
    with _vitals(settings, start) as vitals:
        sums = (*watch(vitals.looks, _until(time.monotonic() + wait_seconds)), vitals.polls(), *vitals.obligations())
        parts = vitals.parts()
    if as_json:
        print_json([asdict(finding) for finding in (*sums, *parts)])
    else:
        _print(sums, parts)
    _end(sums, parts, start, quiet=as_json)


@contextmanager
def _vitals(settings: Settings, start: str) -> Iterator[Vitals]:
    try:
        with ExitStack() as stack:
            obligations = stack.enter_context(Obligations(settings.obligations_url()))
            queries = stack.enter_context(Queries.of(settings.history))
            yield Vitals(settings, queries, obligations, PresentInventory(settings).current, start)
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(str(error), Exit.NO_ANSWER)


def _until(deadline: float) -> Callable[[], bool]:
    def pause() -> bool:
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
        return True

    return pause


def _print(sums: Sequence[Finding], parts: Sequence[Finding]) -> None:
    out = console()
    out.print(Text("Is anything lost?", style="bold"))
    out.print(_table(sums))
    out.print(Text("\nDoes every part work?", style="bold"))
    out.print(_table(parts))
    first = first_broken((*sums, *parts))
    if first:
        out.print(Text.assemble(("\nBegin here: ", "bold"), f"{first.name}: {first.detail}\n  {first.remedy}"))
    elif all(each.verdict is Verdict.HOLDS for each in (*sums, *parts)):
        out.print("\nEverything holds.")


def _table(findings: Sequence[Finding]) -> object:
    rows = ((Text(*WORDS[each.verdict]), each.name, each.detail) for each in findings)
    made = table(("", "", ""), rows)
    made.show_header = False
    return made


def _end(sums: Sequence[Finding], parts: Sequence[Finding], start: str, *, quiet: bool) -> None:
    """Choose the exit code: a broken sum outweighs a part that does not answer."""
    if any(each.verdict is Verdict.BROKEN for each in sums):
        raise click.exceptions.Exit(Exit.PROBLEM)
    unseen = any(each.verdict is Verdict.UNKNOWN for each in sums)
    if unseen and not quiet:
        click.echo(f"Not all could be seen. Is it running? `{start}` starts it.", err=True)
    if unseen or any(each.verdict is Verdict.BROKEN for each in parts):
        raise click.exceptions.Exit(Exit.NO_ANSWER if unseen else Exit.PROBLEM)
