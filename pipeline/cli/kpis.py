"""`assure kpis`: indicators of a resource, plotted in the terminal."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from pipeline.cli.anomalies import reading
from pipeline.cli.config import config_option
from pipeline.cli.group import Group
from pipeline.cli.moment import Moment
from pipeline.cli.output import console, json_option, print_json

if TYPE_CHECKING:
    from pipeline.anomalies import Line

Json = dict[str, Any]
_HOUR_NS = 3_600 * 10**9


@click.group(cls=Group)
def kpis() -> None:
    """Indicators of a resource.

    \b
    assure kpis show interface/pe1/ge-0/0/1
    """


@kpis.command()
@click.argument("resource")
@click.argument("names", nargs=-1, metavar="[KPI]...")
@config_option
@click.option("--at", type=Moment(), help="Until when: 2026-11-23T10:46:00Z, 10:46 or 10m (ago). Default: now.")
@click.option("--hours", default=6.0, show_default=True, type=click.FloatRange(0.25, 24 * 366), help="How long a time to plot.")
@json_option
def show(*, resource: str, names: tuple[str, ...], config: Path | None, at: int | None, hours: float, as_json: bool) -> None:
    """Plot the KPIs of RESOURCE; without any named, all that it has.

    \b
    assure kpis show device/pe1
    assure kpis show interface/pe1/ge-0/0/1 in_utilisation --hours 48
    """
    now = time.time_ns()
    ends_at = at or now
    with reading(config) as read:
        found = read.lines(resource, names, ends_at - int(hours * _HOUR_NS), ends_at, now)
    if as_json:
        print_json([_json(line) for line in found])
    else:
        _print(found)


def _json(line: "Line") -> Json:
    points = [[at, None if math.isnan(value) else value] for at, value in zip(line.at, line.observed, strict=True)]
    return {"kpi": line.kpi, "points": points}


def _print(found: Sequence["Line"]) -> None:
    from pipeline.cli.plot import legend, terminal  # noqa: PLC0415  # only a command that plots pays for it

    out = console()
    for number, line in enumerate(found):
        latest, mean = line.observed[-1], sum(line.observed) / len(line.observed)
        out.print(
            Text.assemble("\n" if number else "", legend(line, 0), f": now {latest:.4g}, mean {mean:.4g}, highest {max(line.observed):.4g}")
        )
        out.print(terminal(line, 0, min(out.width, 140), 18 if len(found) == 1 else 12), soft_wrap=True)
