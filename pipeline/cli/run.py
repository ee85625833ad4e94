"""`assure run <part>`: one part in this process; what `assure up` and docker compose start."""

import asyncio
import logging
import re
from pathlib import Path

import click

from pipeline import loop
from pipeline.cli.config import config_option, read_settings
from pipeline.cli.output import Exit, fail
from pipeline.cli.parent import LastResort, stop_event
from pipeline.config.problem import did_you_mean
from pipeline.config.settings import COMPONENTS, Settings
from pipeline.telemetry import configure_logging

log = logging.getLogger(__name__)


class _Part(click.ParamType):
    """The name of a part, or of a further receiver of traps or poller."""

    name = "part"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in COMPONENTS and not re.fullmatch(r"(traps|polls)-[1-9]\d*", value):
            self.fail(f"there is no part '{value}'; {did_you_mean(value, COMPONENTS)}", param, ctx)
        return value


@click.command()
@click.argument("part", type=_Part(), metavar="PART")
@config_option
@click.option("--watch-stdin", is_flag=True, help="Stop when standard input ends (the parent died).")
def run(*, part: str, config: Path | None, watch_stdin: bool) -> None:
    """Run one PART of the pipeline until SIGTERM or Ctrl-C.

    \b
    traps    receives notifications into the journal and the topic raw.traps;
             traps-2 and so on beside it, as traps.processes says
    polls    polls devices into the topic raw.polls;
             polls-2 and so on beside it, as polls.processes says
    worker   turns both into events, alarms, incidents, outages, effects (Faust)
    sink     writes every topic to ClickHouse
    outputs  carries effects out: tickets, webhooks, ledger
    api      the read-only console and API
    detectors  judges elements by models trained from the history;
             trains them, and writes the capacity forecast

    \b
    assure run traps -c /etc/assure/assure.yaml
    """
    settings = read_settings(config)
    if part not in settings.processes:
        section = part.partition("-")[0]
        count = getattr(settings, section).processes
        fail(f"{section}.processes is {count}: there is no {part}; raise it in the settings", Exit.USAGE)
    configure_logging(part)
    try:
        loop.run(_run(part, settings, watch_stdin=watch_stdin))
    except (OSError, TimeoutError) as error:
        log.critical("%s", error)
        fail(str(error), Exit.USAGE)
    except Exception as error:
        log.exception("%s ends", part)
        fail(f"{part}: {error}", Exit.PROBLEM)


async def _run(part: str, settings: Settings, *, watch_stdin: bool) -> None:
    from pipeline.main import run_part  # noqa: PLC0415  # imports only this part's libraries, after the log is set up

    stop = await stop_event(watch_stdin=watch_stdin)
    last_resort = LastResort()
    stopping = asyncio.create_task(last_resort.begin_when(stop))
    try:
        await run_part(part, settings, stop)
    finally:
        last_resort.begin()
        stopping.cancel()
