"""`assure run <part>`: one part in this process; what `assure up` and docker compose start."""

import asyncio
import logging
from pathlib import Path

import click

from pipeline import loop
from pipeline.cli.config import config_option, read_settings
from pipeline.cli.output import Exit, fail
from pipeline.cli.parent import LastResort, stop_event
from pipeline.config.settings import COMPONENTS, Settings
from pipeline.telemetry import configure_logging

log = logging.getLogger(__name__)


@click.command()
@click.argument("part", type=click.Choice(COMPONENTS), metavar="PART")
@config_option
@click.option("--watch-stdin", is_flag=True, help="Stop when standard input ends (the parent died).")
def run(*, part: str, config: Path | None, watch_stdin: bool) -> None:
    """Run one PART of the pipeline until SIGTERM or Ctrl-C.

    \b
    traps    receives notifications into the journal and the topic raw.traps
    polls    polls devices into the topic raw.polls
    worker   turns both into events, alarms, incidents, outages, effects (Faust)
    sink     writes every topic to ClickHouse
    outputs  carries effects out: tickets, webhooks, ledger
    api      the read-only console and API

    \b
    assure run traps -c /etc/assure/assure.yaml
    """
    settings = read_settings(config)
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
