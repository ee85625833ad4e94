"""The README's map and its list of commands are those of the lab."""

import re
from pathlib import Path

from pipeline.lab import __file__ as package
from pipeline.lab.command import USAGES
from tests.support.lab import lab_inventory

TEXT = Path(package).with_name("README.md").read_text()


def test_the_map_has_every_link_and_no_other() -> None:
    drawn = re.findall(r"^ +(\S+) (?:---|===\|\S+\|) (\S+)$", TEXT.split("```mermaid")[1].split("```")[0], re.MULTILINE)
    links = [{end.partition("/")[0] for end in (link.a, link.b)} for link in lab_inventory().links.values()]
    assert sorted(map(sorted, drawn)) == sorted(map(sorted, links))


def test_every_command_is_listed() -> None:
    listed = TEXT.split("## Commands")[1].split("## How it works")[0]
    assert {verb for verb in USAGES if f"`{verb}`" not in listed} == set()


def test_every_file_of_the_lab_is_placed() -> None:
    files = {path.name for path in Path(package).parent.glob("*.py")} - {"__init__.py"}
    assert {name for name in files if f"`{name}`" not in TEXT} == set()
