"""`assure topology diff`: what changed in the inventory between two times or two folders, and which services that makes less safe."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from pipeline.cli.config import config_option
from pipeline.cli.moment import Moment
from pipeline.cli.output import Exit, clock, console, fail, json_option, print_json, table
from pipeline.cli.topology_view import Asked, View
from pipeline.core.topology_difference import Change, EntryChange, TopologyDifference, difference

MOST_ROWS = 40
"""Rows of a table that a person is shown, unless all are asked for."""
MOST_TOLD = 4
STYLES = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow"}
_TIMES = frozenset({"valid_from", "valid_until", "starts_at", "ends_at", "noticed_at"})
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.argument("folders", nargs=-1, type=_FOLDER, metavar="[BEFORE AFTER]")
@config_option
@click.option("--from", "from_", type=Moment(), help="As it was at this time, by what was known then.")
@click.option("--to", type=Moment(), help="The same for the other side; without it the files as they are now.")
@click.option("--all", "everything", is_flag=True, help="Every row, and the edges one by one.")
@click.option("--exit-code", is_flag=True, help="End with 1 if there is a difference.")
@json_option
def diff(
    *,
    folders: tuple[Path, ...],
    config: Path | None,
    from_: int | None,
    to: int | None,
    everything: bool,
    exit_code: bool,
    as_json: bool,
) -> None:
    """What changed between two times or two folders.

    Entries with their source and confidence, then how the graph of dependencies differs, then the services for which something became
    fatal alone, or no longer is.

    \b
    assure topology diff --from 1d
    assure topology diff --from 2026-11-01T00:00Z --to 2026-11-23T00:00Z --json
    assure topology diff inventory.old inventory --all
    """
    before, after = _sides(folders, config, from_, to)
    found = difference(before.inventory, after.inventory)
    if as_json:
        print_json({**_plain(found), "from": before.json, "to": after.json})
    else:
        for part in screen(found, _words(folders, before, after), everything=everything):
            console().print(part)
    if exit_code and not found.is_empty:
        raise click.exceptions.Exit(Exit.PROBLEM)


def _sides(folders: Sequence[Path], config: Path | None, from_: int | None, to: int | None) -> tuple[View, View]:
    if folders and (from_ is not None or to is not None):
        fail("name two folders, or --from and --to, not both", Exit.USAGE)
    if folders:
        if len(folders) != 2:  # noqa: PLR2004  # before and after
            fail("name two folders: the one before and the one after", Exit.USAGE)
        return Asked(inventory=folders[0]).view(), Asked(inventory=folders[1]).view()
    if from_ is None:
        fail("say since when: --from 1d, or name two folders; --help has examples", Exit.USAGE)
    if to is not None and to < from_:
        fail(f"--to ({clock(to)}) is before --from ({clock(from_)})", Exit.USAGE)
    return Asked(config, at=from_).view(), Asked(config, at=to).view()


def _words(folders: Sequence[Path], before: View, after: View) -> str:
    if folders:
        return f"{folders[0]} to {folders[1]}"
    return f"{clock(before.at)} to {clock(after.at) if after.at else f'now, {clock(time.time_ns())}'}"


def screen(found: TopologyDifference, words: str, *, everything: bool) -> Iterator[object]:
    """What a person is shown, part by part."""
    if found.is_empty:
        yield Text(f"No difference, {words} (inventory {found.after}).")
        return
    yield Text.assemble(f"{words}: ", (_counts(found), "bold"), f" (inventory {found.before} to {found.after})")
    if found.entries:
        yield ""
        sourced = any(each.source or each.confidence < 1 for each in found.entries)
        columns = ("", "entry", *(("source", "sure") if sourced else ()), "what")
        rows = [
            (_styled(each.change), f"{each.section}: {each.name}", *((each.source or "-", f"{each.confidence:g}") if sourced else ()), what)
            for each in found.entries
            for what in (_fields(each),)
        ]
        yield from _cut(columns, rows, everything=everything)
    edges = list(_edges(found))
    if edges and everything:
        yield ""
        yield table(("", "resource", "needs", "sure"), edges)
    gates = [(each.resource, each.needs[0], each.needs[1]) for each in found.nodes if each.change is Change.CHANGED]
    if gates:
        yield ""
        yield from _cut(("resource", "enough before", "enough now"), gates, everything=everything)
    yield ""
    if found.redundancy:
        yield Text("Services whose redundancy changed:", style="bold")
        rows_of = [
            (each.service, _some(each.fatal, everything=everything), _some(each.survived, everything=everything))
            for each in found.redundancy
        ]
        yield from _cut(("service", "now goes down with", "no longer goes down with"), rows_of, everything=everything)
    else:
        yield Text("No service gained or lost redundancy.")


def _counts(found: TopologyDifference) -> str:
    def told(changes: Sequence[Any], noun: str) -> str:
        counts = [f"{count} {change.value}" for change in Change if (count := sum(each.change is change for each in changes))]
        return f"{noun} {', '.join(counts)}" if counts else ""

    return "; ".join(filter(None, (told(found.entries, "entries"), told(found.nodes, "resources"), told(found.edges, "edges"))))


def _cut(columns: Sequence[str], rows: Sequence[Sequence[object]], *, everything: bool) -> Iterator[object]:
    shown = rows if everything else rows[:MOST_ROWS]
    yield table(columns, shown)
    if len(shown) < len(rows):
        yield Text(f"and {len(rows) - len(shown)} more: --all", style="dim")


def _edges(found: TopologyDifference) -> Iterator[tuple[Text, str, str, str]]:
    for each in found.edges:
        sure = f"{each.before:g} to {each.after:g}" if each.change is Change.CHANGED else f"{max(each.before, each.after):g}"
        yield _styled(each.change), each.resource, each.parent, sure


def _styled(change: Change) -> Text:
    return Text(change.value, style=STYLES[change])


def _fields(entry: EntryChange) -> str:
    return "; ".join(f"{each.field}: {_value(each.field, each.before)} to {_value(each.field, each.after)}" for each in entry.fields) or "-"


def _value(field: str, value: Any) -> str:
    """A value for people: a list without brackets, a time as one, of nested things only their names."""
    if field in _TIMES:
        return clock(value) if value else "open"
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items()) or "none"
    if isinstance(value, tuple):
        return f"{len(value)} of them" if value and is_dataclass(value[0]) else ", ".join(map(str, value)) or "none"
    return str(value) if value not in {"", None} else "none"


def _some(names: Sequence[str], *, everything: bool) -> str:
    told = names if everything else names[:MOST_TOLD]
    more = f" and {len(names) - len(told)} more" if len(told) < len(names) else ""
    return ", ".join(told) + more or "-"


def _plain(found: TopologyDifference) -> dict[str, Any]:
    return {key: value for key, value in asdict(found).items() if key not in {"before", "after"}}
