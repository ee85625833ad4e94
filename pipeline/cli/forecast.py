"""`assure forecast`: when each link will be full, from the history's busy hours."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.output import Exit, console, fail, json_option, print_json, table
from pipeline.config.problem import did_you_mean

if TYPE_CHECKING:
    from pipeline.core.forecast import Forecast
    from pipeline.core.inventory import Inventory
    from pipeline.forecasting import PathForecast

Json = dict[str, Any]
WIDE = 130
_STYLE = {"already": "bold red", "passes": "yellow", "never": "green", "too-little-history": "dim"}
_MONTH, _YEAR = 30.44, 365.25


@click.command()
@click.argument("subject", required=False, metavar="[LINK|CUSTOMER]")
@config_option
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), help="Share of the speed. Default: detectors.forecast_threshold.")
@click.option("--all", "everything", is_flag=True, help="Links that will not pass it, and those without history, too.")
@json_option
def forecast(*, subject: str | None, config: Path | None, threshold: float | None, everything: bool, as_json: bool) -> None:
    """When each link's busy hour passes the threshold, the most urgent first.

    The busy hour is the hour of a day with the highest mean; what counts is the busiest weekday. `in` is until then, `range` holds it
    nine times of ten. With LINK (or an interface DEVICE/NAME of a customer) only that one; with CUSTOMER the links that the customer's
    services need. `sure` is high when eight weeks are known and no longer a time is looked ahead, low when it may not grow at all.

    \b
    assure forecast
    assure forecast ams-p1--rtm-p1 --threshold 0.7
    assure forecast northsea-exchange --json
    """
    from pipeline.forecasting import forecast_paths  # noqa: PLC0415  # numpy and the database client, once it is known what is asked
    from pipeline.inventory.present import load_present  # noqa: PLC0415  # as above
    from pipeline.store.element import ElementHistory  # noqa: PLC0415  # as above

    settings = read_settings(config)
    inventory = load_present(settings)
    wanted = threshold or settings.detectors.forecast_threshold
    try:
        with ElementHistory.of(settings.history) as history:
            found = forecast_paths(history, inventory, wanted, time.time_ns())
    except OSError as error:
        no_answer(str(error), config)
    chosen = _chosen(found, subject, inventory)
    if as_json:
        print_json([_json(each) for each in chosen])
        return
    _print(chosen, wanted, everything=everything or len(chosen) == 1)


def _chosen(found: Sequence["PathForecast"], subject: str | None, inventory: "Inventory") -> list["PathForecast"]:
    """Those of a link or of a customer; ends with exit code 3 for a name that is neither."""
    if subject is None:
        return list(found)
    links = [each for each in found if each.path.name == subject.removeprefix("link/").removeprefix("interface/")]
    if links:
        return links
    customer = subject.removeprefix("customer/")
    if customer not in inventory.customers:
        names = [*(each.path.name for each in found), *inventory.customers]
        fail(f"'{subject}' is no link and no customer; {did_you_mean(subject, names)}", Exit.NOT_FOUND)
    return [each for each in found if customer in each.path.customers]


def _json(each: "PathForecast") -> Json:
    own = {"link": each.path.name, "customers": list(each.path.customers), "resource": each.resource, "kpi": each.kpi}
    return {**own, **asdict(each.forecast), "reason": each.reason}


def _print(chosen: Sequence["PathForecast"], threshold: float, *, everything: bool) -> None:
    shown = [each for each in chosen if everything or each.forecast.days is not None]
    if shown:
        console().print(forecast_table(shown, wide=console().width >= WIDE))
    elif chosen:
        click.echo(f"No link's busy hour is expected to pass {threshold:.0%} within five years.")
    else:
        click.echo("There is no link to forecast.")
    left_out = [each for each in chosen if each not in shown]
    if left_out:
        click.echo(_summary(left_out))


def _summary(left_out: Iterable["PathForecast"]) -> str:
    outlooks = [each.forecast.outlook.value for each in left_out]
    counts = ((outlooks.count("never"), "never"), (outlooks.count("too-little-history"), "with too little history"))
    return f"Not shown: {', '.join(f'{count} {what}' for count, what in counts if count)}. `--all` shows them."


def forecast_table(found: Sequence["PathForecast"], *, wide: bool) -> Table:
    """One row for each link; why only if ``wide``."""
    columns = ("link", "now", "points/week", "in", "range", "sure", "customers", *(["why"] if wide else []))
    rows = (
        (
            each.path.name,
            f"{each.forecast.value_now:.0%}" if each.forecast.value_now else "-",
            f"{each.forecast.slope_per_day * 700:+.2f}" if each.forecast.slope_per_day else "-",
            Text(until(each.forecast), style=_STYLE[each.forecast.outlook.value]),
            _between(each.forecast),
            each.forecast.sure.value if each.forecast.outlook.value != "too-little-history" else "-",
            str(len(each.path.customers)) if not wide else ", ".join(each.path.customers) or "-",
            *([each.reason] if wide else []),
        )
        for each in found
    )
    return table(columns, rows)


def until(found: "Forecast") -> str:
    """``already``, ``never``, ``too little history`` or how long."""
    return span(found.days) if found.outlook.value == "passes" and found.days is not None else found.outlook.value.replace("-", " ")


def _between(found: "Forecast") -> str:
    if found.outlook.value != "passes":
        return "-"
    low, high = span(found.days_low), span(found.days_high)
    (number, _, unit), (_, _, other) = low.partition(" "), high.partition(" ")
    return f"{number} to {high}" if unit.rstrip("s") == other.rstrip("s") else f"{low} to {high}"


def span(days: float | None) -> str:
    """``12 days``, ``5 months``, ``2.4 years``; ``never`` for none."""
    if days is None:
        return "never"
    two_months, two_years = 60, 730
    if days < two_months:
        return f"{days:.0f} day{'' if round(days) == 1 else 's'}"
    return f"{days / _MONTH:.0f} months" if days < two_years else f"{days / _YEAR:.1f} years"
