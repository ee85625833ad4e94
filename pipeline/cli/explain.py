"""`assure explain`: from a credit back to the datagrams, in one screen."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from pipeline.cli.config import config_option
from pipeline.cli.incident_view import revisions, whole
from pipeline.cli.output import Exit, console, fail, json_option, print_json
from pipeline.cli.show import reader
from pipeline.evidence import SEVERAL
from pipeline.reading import Reader

Json = dict[str, Any]
Line = tuple[int, str, Text]
"""Indentation, the kind of node that begins here (empty: it goes on), and what is told."""

KIND_STYLE = "bold cyan"
SHORT = {"SLA evaluation": "evaluation"}
STRAIGHT = frozenset({"credit", "SLA evaluation", "outage"})
"""Kinds whose one child is told under them without indentation."""
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})")
_BYTES = re.compile(r"[0-9a-f]{2}( [0-9a-f]{2})*( \.\.\. .*)?")


@click.command()
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Every alarm, event and service, not only those that prove the cause.")
@click.option("--history", "with_history", is_flag=True, help="Of an incident what each of its revisions changed, instead.")
@config_option
@json_option
def explain(*, name: str, everything: bool, with_history: bool, config: Path | None, as_json: bool) -> None:
    """Walk back from NAME to its evidence.

    NAME is the id, or its beginning, of a credit, an SLA evaluation, an outage, an incident or an alarm. The walk goes credit, SLA
    evaluation, outage, incident, alarms, events, and ends at the datagrams and polls in the collectors' journals. Times are UTC.

    An incident is explained in full: which alarms its cause explains, what is missing or speaks against it, what else it could be and how
    to find out, whom it hurts, on which way, and how much downtime their contracts still bear.

    \b
    assure explain f491e6dd                  a credit of `assure credits`
    assure explain 8d7876c1 --all            an incident with all its alarms
    assure explain 8d7876c1 --history        what its revisions changed, and when
    """
    with reader(config) as read:
        if with_history:
            _print_history(read.history(name), name, as_json=as_json)
            return
        found = read.explain(name)
        if found and everything:
            found = complete(found, read)
    if found is None:
        fail(f"nothing is known by the name {name}; ids: `assure credits`, `assure incidents`, `assure alarms --json`", Exit.NOT_FOUND)
    if as_json:
        print_json(found)
    elif found["kind"] == "incident" and found["value"]:
        _print_incident(found, name, everything=everything)
    else:
        console().print(screen(found, name, everything=everything))
    if found["kind"] == SEVERAL:
        raise click.exceptions.Exit(Exit.NOT_FOUND)


def _print_history(found: list[Json] | None, name: str, *, as_json: bool) -> None:
    if found is None:
        fail(f"there is no one incident that begins with {name}; ids: `assure incidents`", Exit.NOT_FOUND)
    if as_json:
        print_json(found)
    else:
        console().print(revisions(found) if found else "No revision of it is left in the history.")


def _print_incident(node: Json, name: str, *, everything: bool) -> None:
    """The incident in full, then the alarms that prove it."""
    out = console()
    out.print(whole(node["value"], f"assure explain {name}", everything=everything))
    if node["children"]:
        out.print()
        out.print(screen({**node, "kind": "evidence", "title": "", "lines": []}, name, everything=everything))


def complete(node: Json, read: Reader) -> Json:
    """The same chain with every alarm of its incidents."""
    if node["kind"] == "incident":
        shown = {child["id"]: child for child in node["children"] if child["id"]}
        names = dict.fromkeys((*shown, *node["value"]["alarms"]))
        children = [child for name in names if (child := shown.get(name) or read.explain(name))]
    else:
        children = [complete(child, read) for child in node["children"]]
    return {**node, "children": children}


def screen(node: Json, name: str, *, everything: bool) -> Table:
    """The chain as lines under each other: the kind of each node, and what is known of it."""
    made = Table.grid(padding=(0, 1))
    made.add_column(no_wrap=True, style=KIND_STYLE)
    made.add_column(overflow="fold")
    days = _Days()
    for depth, kind, text in lines(node, f"assure explain {name} --all", everything=everything):
        made.add_row(" " * depth + SHORT.get(kind, kind), days.shortened(text))
    return made


def lines(node: Json, command: str, *, everything: bool, depth: int = 0, brief: bool = False) -> Iterator[Line]:
    """What to print of a node and its children; a ``brief`` alarm tells only the first of its events."""
    children = node["children"]
    cut = brief and not everything and len(children) > 1
    yield depth, node["kind"], Text(node["title"] + (f" (here the first of its {len(children)} events)" if cut else ""))
    for line in node["lines"]:
        yield depth, "", _told(line)
    below = depth if node["kind"] in STRAIGHT and len(children) == 1 else depth + 1
    alarms = 0
    for child in children[:1] if cut else children:
        alarms += child["kind"] == "alarm"
        if child["kind"]:
            yield from lines(child, command, everything=everything, depth=below, brief=alarms > 1)
        else:  # how many more there are
            yield below, "", Text(f"{child['title']}: {command}", style="dim")


def _told(line: str) -> Text:
    """A line under a node; the bytes of a record are cut to the width."""
    if _BYTES.fullmatch(line):
        return Text(line, style="dim", no_wrap=True, overflow="ellipsis")
    return Text(line, style="dim")


class _Days:
    """Leaves out the date of an instant when it is that of the one told before."""

    def __init__(self) -> None:
        self._told = ""

    def shortened(self, text: Text) -> Text:
        short = _INSTANT.sub(self._instant, text.plain)
        return Text(short, style=text.style, no_wrap=text.no_wrap, overflow=text.overflow)

    def _instant(self, found: re.Match[str]) -> str:
        day, clock = found.groups()
        same, self._told = day == self._told, day
        return clock if same else f"{day} {clock}"
