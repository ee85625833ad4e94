"""What the commands on journals have in common: which journals, which sender, and how trouble with one is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import click

from collectors.journal import JournalCorruptError, JournalError
from collectors.trap.address import plain
from pipeline.cli.output import Exit, fail
from pipeline.config.settings import Settings
from pipeline.journaled import collectors_of

Folders = list[tuple[str, Path]]
"""Collector and the folder of its journal."""


@contextmanager
def journals_read() -> Iterator[None]:
    """End with what is wrong with a journal, in one line."""
    try:
        yield
    except JournalError as error:
        fail(str(error), Exit.PROBLEM)
    except PermissionError as error:
        fail(f"{error.filename}: {error.strerror}; a journal is read by its owner: run this as the user of the collectors", Exit.PROBLEM)


def address(text: str) -> str:
    """A sender's address in the form in which journals have it; wrong usage for what is none."""
    try:
        return plain(str(ip_address(text))) if text else ""
    except ValueError:
        raise click.UsageError(f"'{text}' is no address") from None


def folders(settings: Settings, collector: str) -> Folders:
    """The journals to look into: one by name, or those of all collectors of traps. Ends for a name that is no collector's."""
    known = collectors_of(settings)
    if collector and collector not in known:
        fail(f"there is no collector '{collector}'; there are {', '.join(known)}", Exit.NOT_FOUND)
    names = [collector] if collector else [name for name, collects in known.items() if collects == "traps"]
    return [(name, settings.journal_dir(name)) for name in names]


def tell_damage(damage: list[JournalCorruptError]) -> None:
    """On standard error, so that what could be read stays a clean answer."""
    for error in damage:
        click.echo(f"assure: {error}", err=True)
