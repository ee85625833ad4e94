"""Outages and plans as a person lays them out for one calculation: a file of plans without tests, outages as YAML or CSV."""

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.decode import Decoder, plain_value
from pipeline.config.problem import ConfigError, Problem, Problems, did_you_mean
from pipeline.config.rule_files import RuleFile
from pipeline.config.rule_form import PlanExclusion, PlanOutage, PlanTest
from pipeline.config.rule_set import joined_plans
from pipeline.config.yaml_source import Fields, Node, Scalar, read_text, read_yaml
from pipeline.core.plan import Plan

KIND = "kind"
"""The column of a table that makes of a line an exclusion."""


@dataclass(frozen=True, slots=True)
class PlanSheet:
    """A file of plans; tests may be there and are not run."""

    plans: tuple[Plan, ...]
    tests: tuple[PlanTest, ...] = ()


@dataclass(frozen=True, slots=True)
class OutageSheet:
    """One service's outages, and what somebody says should not count."""

    outages: tuple[PlanOutage, ...] = ()
    exclusions: tuple[PlanExclusion, ...] = ()


def read_plan(path: Path, name: str = "") -> Plan:
    """The plan of a file, with its versions; ``name`` chooses one of several. Raises ``ConfigError`` with everything that is wrong."""
    problems = Problems()
    decoder = Decoder(str(path), path.parent, problems)
    node = read_yaml(path)
    sheet = decoder.read(node, PlanSheet)
    plans = joined_plans([RuleFile(str(path), node, sheet, decoder)]) if sheet is not None else {}
    problems.raise_if_any()
    chosen = name or (next(iter(plans)) if len(plans) == 1 else "")
    if chosen not in plans:
        remedy = did_you_mean(name, plans) if name else "choose one with --name"
        message = f"'{name}' is not a plan here" if name else f"there are several plans: {', '.join(plans)}"
        raise ConfigError([Problem(str(path), 0, "$.plans", message, remedy)])
    return plans[chosen]


def read_outages(path: Path) -> OutageSheet:
    """Outages from YAML (``outages:`` and ``exclusions:``), or from CSV with a heading of the same words.

    A line of CSV with a ``kind`` is an exclusion. Raises ``ConfigError`` with everything that is wrong.
    """
    problems = Problems()
    decoder = Decoder(str(path), path.parent, problems)
    sheet = _table(path, decoder) if path.suffix == ".csv" else decoder.read(read_yaml(path), OutageSheet)
    problems.raise_if_any()
    return sheet or OutageSheet()


def _table(path: Path, decoder: Decoder) -> OutageSheet:
    lines = csv.reader(read_text(path).splitlines())
    heading = [word.strip() for word in next(lines, [])]
    outages: list[PlanOutage] = []
    exclusions: list[PlanExclusion] = []
    for cells in lines:
        fields: dict[str, Node] = {
            word: Scalar(cell.strip(), plain=True, line=lines.line_num) for word, cell in zip(heading, cells, strict=False) if cell.strip()
        }
        node = Fields(fields, dict.fromkeys(fields, lines.line_num), lines.line_num)
        if len(cells) > len(heading):
            decoder.tell(node, (), "more cells than the heading has", "put a text with commas in quotes")
        elif KIND in fields:
            exclusion = decoder.read(node, PlanExclusion)
            exclusions += [] if exclusion is None else [exclusion]
        elif plain_value(node):
            outage = decoder.read(node, PlanOutage)
            outages += [] if outage is None else [outage]
    return OutageSheet(tuple(outages), tuple(exclusions))
