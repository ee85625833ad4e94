"""`assure anomalies`: what is unlike itself, why, and the models that judge elements as a whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.group import Group
from pipeline.cli.moment import Moment
from pipeline.cli.output import Exit, clock, console, fail, json_option, plural, print_json, styled, table

if TYPE_CHECKING:
    from pipeline.anomalies import Anomalies, Explanation
    from pipeline.detectors.shelf import Manifest, Shelf

Json = dict[str, Any]
WIDE = 130
_DAY_NS = 86_400 * 10**9


@click.group(cls=Group)
def anomalies() -> None:
    """What is unlike itself: single series, and elements as a whole.

    An anomaly is an alarm of its own severity: never an outage, never money. A series (interface, indicator) is judged as it streams; an
    element by all its indicators together (indicator kpi-vector), by a model trained from the history.

    \b
    assure anomalies ls
    assure anomalies explain 3f2a
    assure anomalies explain interface/pe1/ge-0/0/1 in_utilisation --png plot.png
    assure anomalies models
    """


@contextmanager
def reading(config: Path | None) -> Iterator["Anomalies"]:
    """The anomalies of the settings' installation; ends with exit code 4 when the history does not answer, 3 for what is not there."""
    from pipeline.anomalies import Anomalies, NotFoundError  # noqa: PLC0415  # numpy and the database client, for commands that ask

    try:
        with Anomalies(read_settings(config)) as opened:
            yield opened
    except BrokenPipeError:
        raise
    except NotFoundError as error:
        fail(str(error), Exit.NOT_FOUND)
    except OSError as error:
        no_answer(str(error), config)


@anomalies.command()
@config_option
@click.option("--since", type=Moment(), default="7d", show_default=True, help="From when on: 2026-11-23T10:46:00Z, 10:46 or 7d (ago).")
@click.option("--standing", is_flag=True, help="Only those that stand now.")
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@json_option
def ls(*, config: Path | None, since: int, standing: bool, limit: int, as_json: bool) -> None:
    """Anomalies that stand, then those that are over, latest first.

    A wide terminal also shows each one's text. Times are UTC.

    \b
    assure anomalies ls --standing
    assure anomalies ls --since 24h --json | jq '.[].resource'
    """
    with reading(config) as read:
        found = read.episodes(since, standing=standing, limit=limit)
    if as_json:
        print_json(found)
    elif found:
        console().print(episode_table(found, wide=console().width >= WIDE))
    else:
        click.echo(f"No anomaly {'stands' if standing else f'since {clock(since)} UTC'}.")


def episode_table(found: Sequence[Json], *, wide: bool) -> Table:
    """One row for each."""
    rows = (
        (
            each["id"][:8],
            styled(each["severity"]),
            clock(each["raised_at"]),
            _lasted(each["ended_at"] - each["raised_at"]) if each["ended_at"] else "stands",
            each["resource"],
            each["kpi"],
            *([each["text"]] if wide else []),
        )
        for each in found
    )
    return table(("id", "severity", "raised", "for", "resource", "indicator", *(["text"] if wide else [])), rows)


def _lasted(nanoseconds: int) -> str:
    """How long, in one number: ``40 s``, ``5 min``, ``3.5 h``, ``12 days``."""
    seconds = nanoseconds / 1e9
    for least, per, unit in ((2 * 86_400, 86_400, "days"), (2 * 3_600, 3_600, "h"), (120, 60, "min")):
        if seconds >= least:
            return f"{seconds / per:.3g} {unit}"
    return f"{seconds:.0f} s"


@anomalies.command()
@click.argument("subject", metavar="ID|RESOURCE")
@click.argument("kpi", required=False)
@config_option
@click.option("--at", type=Moment(), help="When: 2026-11-23T10:46:00Z, 10:46 or 10m (ago). Default: the latest anomaly, else now.")
@click.option("--hours", default=6.0, show_default=True, type=click.FloatRange(0.25, 24 * 14), help="How long a time to plot.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Write the plot into this file as well.")
@json_option
def explain(*, subject: str, kpi: str | None, config: Path | None, at: int | None, hours: float, png: Path | None, as_json: bool) -> None:
    """Why: what was observed, what expected, how rare that is.

    And what else was odd on the same element at the time.

    By the anomaly's ID (or its beginning) from `assure anomalies ls`; or any RESOURCE and indicator, whether it was told as an anomaly
    or not. An element as a whole is device/NAME kpi-vector. Times are UTC.

    \b
    assure anomalies explain 3f2a
    assure anomalies explain device/pe1 kpi-vector --at 10:46
    assure anomalies explain interface/pe1/ge-0/0/1 in_utilisation --png p.png
    """
    import time  # noqa: PLC0415  # this command alone

    now = time.time_ns()
    with reading(config) as read:
        resource, named, moment = (subject, kpi, at or now) if kpi else read.find(subject, at, now)
        found = read.explain(resource, named, moment, hours, now)
    if png:
        _write_png(found, png)
    if as_json:
        print_json({**asdict(found), "line": _points(found)})
    else:
        _print(found)
        if png:
            click.echo(f"\nwrote {png}")


def _write_png(found: "Explanation", path: Path) -> None:
    from pipeline.cli.plot import png as draw  # noqa: PLC0415  # as above

    try:
        draw(found.line, found.at, f"{found.resource}: {found.facts[0][1]}", path)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", Exit.USAGE)


def _points(found: "Explanation") -> list[Json]:
    """The plotted series as JSON has it: no number is ``null``."""
    line = found.line
    columns = (line.at, line.observed, line.expected, line.lower, line.upper)
    names = ("at", "observed", "expected", "lower", "upper")
    return [{name: value if value == value else None for name, value in zip(names, row, strict=True)} for row in zip(*columns, strict=True)]  # noqa: PLR0124  # not NaN


def _print(found: "Explanation") -> None:
    from pipeline.cli.plot import legend, terminal  # noqa: PLC0415  # as above

    out = console()
    out.print(Text(f"{found.resource}  {found.kpi}  {clock(found.at)} UTC", style="bold"))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in found.facts:
        facts.add_row(name, Text(value))
    out.print(facts)
    out.print()
    out.print(legend(found.line, found.at))
    out.print(terminal(found.line, found.at, min(out.width, 140)), soft_wrap=True)


@anomalies.command()
@config_option
@click.option("--name", help="Only the model of this class of elements: their role in the inventory.")
@json_option
def train(*, config: Path | None, name: str | None, as_json: bool) -> None:
    """Train the models of elements now, from the history.

    One model for each class of elements (their role in the inventory). It is trained on most of the history and judged, beside the model
    that runs, by anomalies put into the rest; it runs only if it is better. The detectors process takes it up by itself.

    Exit code 1 when there was too little history for any.

    \b
    assure anomalies train
    assure anomalies train --name core
    """
    from pipeline.cli.config import settings_path  # noqa: PLC0415  # as above
    from pipeline.detectors.training import Outcome  # noqa: PLC0415  # as above
    from pipeline.inventory.present import load_present  # noqa: PLC0415  # as above
    from pipeline.store.element import ElementHistory  # noqa: PLC0415  # as above
    from pipeline.training import AnotherTrainsError, classes, train_all  # noqa: PLC0415  # as above

    settings = read_settings(config)
    inventory = load_present(settings)
    known = classes(inventory)
    if name and name not in known:
        fail(f"there is no class of elements '{name}'; there is: {', '.join(known)}", Exit.NOT_FOUND)
    try:
        with ElementHistory.of(settings.history) as history:
            trained = train_all(settings, history, inventory, only=name or "")
    except AnotherTrainsError as error:
        fail(str(error), Exit.PROBLEM)
    except OSError as error:
        no_answer(str(error), settings_path(config))
    if as_json:
        print_json([{"name": each.name, "outcome": each.outcome.value, "told": each.told} for each in trained])
    else:
        for each in trained:
            click.echo(each.told)
    if trained and all(each.outcome is Outcome.TOO_LITTLE_HISTORY for each in trained):
        raise SystemExit(Exit.PROBLEM)


@anomalies.command()
@config_option
@json_option
def models(*, config: Path | None, as_json: bool) -> None:
    """Every version of every model, newest first, and which one runs.

    `score` is the average precision of finding injected anomalies in history that the model had not seen: 1 is all of them first. `rival`
    is what the version that ran then had on the same. Times are UTC. Nothing needs to run.

    \b
    assure anomalies models
    assure anomalies use 20261123T140541Z
    """
    from pipeline.training import shelf_of  # noqa: PLC0415  # as above

    shelf = shelf_of(read_settings(config))
    found = [(manifest, shelf.running(name) == manifest.version) for name in shelf.names() for manifest in shelf.versions(name)]
    if as_json:
        print_json([{**asdict(manifest), "is_running": runs} for manifest, runs in found])
    elif found:
        console().print(table(("model", "version", "runs", "score", "rival", "became", "trained on"), map(_row, found)))
    else:
        click.echo("No model was trained yet: `assure anomalies train`, or wait until there is history enough.")


def _row(one: "tuple[Manifest, bool]") -> tuple[str, ...]:
    manifest, runs = one
    rival = f"{manifest.rival_evaluation['all']:.3f}" if manifest.rival_evaluation else "-"
    days = (manifest.held_from - manifest.starts_at) / _DAY_NS
    trained_on = f"{plural(manifest.devices, 'element')}, {days:.1f} days"
    return manifest.name, manifest.version, "yes" if runs else "", f"{manifest.score:.3f}", rival, manifest.decision, trained_on


@anomalies.command()
@click.argument("version")
@config_option
@click.option("--name", help="The model; needed only if several have this version.")
def use(*, version: str, config: Path | None, name: str | None) -> None:
    """Let VERSION run from now on, whatever its score.

    The next training still judges a new model against it.

    \b
    assure anomalies use 20261123T140541Z
    """
    from pipeline.detectors.shelf import ModelError  # noqa: PLC0415  # as above
    from pipeline.store.element import ElementHistory  # noqa: PLC0415  # as above
    from pipeline.training import shelf_of, tell  # noqa: PLC0415  # as above

    settings = read_settings(config)
    shelf = shelf_of(settings)
    for each in _named(shelf, version, name):
        try:
            shelf.use(each, version)
        except ModelError as error:
            fail(str(error), Exit.PROBLEM)
        click.echo(f"{each}: {version} runs")
        with ElementHistory.of(settings.history) as history:
            tell(history, shelf, [each])


def _named(shelf: "Shelf", version: str, name: str | None) -> list[str]:
    """The models that have this version: all of them, since they were trained together, or the one that is named."""
    having = [each for each in shelf.names() if any(manifest.version == version for manifest in shelf.versions(each))]
    found = [each for each in having if name in {None, each}]
    if not found:
        of = f" of model {name}" if name else ""
        fail(f"there is no version {version}{of}; `assure anomalies models` lists them", Exit.NOT_FOUND)
    return found
