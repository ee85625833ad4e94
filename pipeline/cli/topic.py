"""`assure topic tail`: a topic as JSON lines."""

import asyncio
import logging
from pathlib import Path

import click

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.group import Group
from pipeline.config.settings import Settings
from pipeline.wire import Topic, WireError, decode, to_json


@click.group(cls=Group)
def topic() -> None:
    """Read the topics that the parts speak through.

    \b
    assure topic tail incidents
    assure topic tail raw.traps --from-start --count 10 | jq .trap_oid
    """


@topic.command()
@click.argument("name", type=click.Choice([topic.value for topic in Topic]), metavar="NAME")
@config_option
@click.option("--from-start", is_flag=True, help="From the oldest message, instead of only new ones.")
@click.option("--count", type=int, help="End after this many values.")
def tail(*, name: str, config: Path | None, from_start: bool, count: int | None) -> None:
    """Follow topic NAME, one JSON object a line.

    NAME is one of raw.traps, raw.polls, events, alarms, incidents, outages, kpis, evaluations, effects, receipts, dead.letters.
    Ends at Ctrl-C. Commits nothing: nobody else misses a message because of it. What cannot be read is told on standard error.

    \b
    assure topic tail alarms
    assure topic tail dead.letters --from-start
    """
    settings = read_settings(config)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is said below
    try:
        asyncio.run(_tail(settings, Topic(name), from_start=from_start, count=count))
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError):
        no_answer(f"no broker answers at {settings.broker.bootstrap}", config)


async def _tail(settings: Settings, name: Topic, *, from_start: bool, count: int | None) -> None:
    from pipeline import bus  # noqa: PLC0415  # the Kafka client is for this command only

    left = count
    async with bus.reader(settings.broker.bootstrap, name, from_start=from_start) as messages:
        async for message in messages:
            try:
                values = decode(message.value or b"")
            except WireError as error:
                click.echo(f"partition {message.partition} offset {message.offset}: {error}", err=True)
                continue
            for value in values:
                click.echo(to_json(value))
                left = None if left is None else left - 1
                if left == 0:
                    return
