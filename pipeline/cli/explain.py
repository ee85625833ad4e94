"""`assure explain`: from a credit back to the datagrams, in one screen."""

from pathlib import Path
from typing import Any

import click
from rich.text import Text
from rich.tree import Tree

from pipeline.cli.config import config_option
from pipeline.cli.output import Exit, console, fail, json_option, print_json
from pipeline.cli.show import reader

Json = dict[str, Any]


@click.command()
@click.argument("name")
@config_option
@json_option
def explain(*, name: str, config: Path | None, as_json: bool) -> None:
    """Walk back from NAME to its evidence.

    NAME is the id (or its beginning) of a credit, an evaluation, an outage, an incident or an alarm. The walk goes credit, SLA evaluation,
    outage, incident, alarms, events, and ends at the datagrams in the collector's journal.
    """
    with reader(config) as read:
        found = read.explain(name)
    if found is None:
        fail(f"nothing is known by the name {name}; ids: `assure credits`, `assure incidents`, `assure alarms`", Exit.NOT_FOUND)
    if as_json:
        print_json(found)
    else:
        console().print(tree(found))


def tree(node: Json) -> Tree:
    """The chain of evidence as a tree."""
    made = Tree(_label(node), guide_style="dim")
    for child in node["children"]:
        made.add(tree(child))
    return made


def _label(node: Json) -> Text:
    label = Text.assemble((f"{node['kind']} ", "bold cyan"), node["title"])
    for line in node["lines"]:
        label.append(f"\n  {line}", style="dim")
    return label
