"""`assure topic tail`: a topic as JSON lines."""

import asyncio
from pathlib import Path

import click

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.output import Exit, fail
from pipeline.config.settings import Settings
from pipeline.wire import Topic, WireError, decode, to_json


@click.group()
def topic() -> None:
    """Read the topics that the parts speak through."""


@topic.command()
@click.argument("name", type=click.Choice([topic.value for topic in Topic]))
@config_option
@click.option("--from-start", is_flag=True, help="From the oldest message, instead of only new ones.")
@click.option("--count", type=int, help="End after this many values.")
def tail(*, name: str, config: Path | None, from_start: bool, count: int | None) -> None:
    """Print the values of topic NAME, one JSON object a line, until Ctrl-C. Commits nothing."""
    try:
        asyncio.run(_tail(read_settings(config), Topic(name), from_start=from_start, count=count))
    except KeyboardInterrupt:
        return
    except (OSError, RuntimeError) as error:
        fail(f"the broker does not answer: {error}", Exit.NO_ANSWER)


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
