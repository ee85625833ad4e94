"""`assure topology fetch | sources | conflicts`: what tells of the network, when it last did, and where it disagrees."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from pipeline.cli.config import config_option, read_settings, settings_path
from pipeline.cli.output import Exit, console, fail, json_option, plural, print_json, table
from pipeline.config.problem import Level, Problems, did_you_mean
from pipeline.config.settings import Settings
from pipeline.config.source_settings import SourceKind, SourceSettings
from pipeline.core.inventory_merge import FILES, Conflict, counts
from pipeline.inventory.present import parts_of, read_present
from pipeline.inventory.snapshot import Snapshots, State, age_text

Json = dict[str, Any]
Tell = Callable[[str, int, int], None]
_MOST_NOTICES = 10
_OF_INTERFACE = re.compile(r"interfaces\[(.*)\]\.(\w+)")
_NANOSECONDS = 1_000_000_000
_WORDS = {"lsps": "LSPs", "lags": "LAGs", "power": "power feeds"}
_ONE = {"lsps": "LSP", "lags": "LAG", "power": "power feed", "dependencies": "dependency"}


@click.command()
@click.argument("names", nargs=-1, metavar="[SOURCE]...")
@click.option("--force", is_flag=True, help="Take an answer as it is, however much of what the source had is gone.")
@config_option
@json_option
def fetch(*, names: tuple[str, ...], force: bool, config: Path | None, as_json: bool) -> None:
    """Ask the inventory's sources, and keep what they say.

    Without a SOURCE all are asked, what others refer to first. An answer is kept whole or not at all: when one fails, what the source said
    before stays in use. The running system takes over what is new within seconds.

    \b
    assure topology fetch
    assure topology fetch netbox

    Exit code 0 when each gave a whole answer, 4 when one did not.
    """
    settings = read_settings(config)
    chosen = _chosen(settings, names, config)
    from pipeline.fetching import fetch as ask  # noqa: PLC0415  # as above
    from pipeline.fetching import in_order  # noqa: PLC0415  # clients of every kind, once it is known that they are wanted

    with _progress() as telling:
        found = [ask(source, settings, telling(source.name), takes_loss=force) for source in in_order(chosen)]
    if as_json:
        print_json([{**asdict(each), "notices": [str(notice) for notice in each.notices]} for each in found])
    else:
        for each in found:
            _print_fetched(each.source, each.error, each.kept_from, each.at, each.is_new, each.took_s, each.entries)
            _print_notices([str(notice) for notice in each.notices])
    if any(each.error for each in found):
        raise click.exceptions.Exit(Exit.NO_ANSWER)


def _chosen(settings: Settings, names: Sequence[str], config: Path | None) -> list[SourceSettings]:
    known = {source.name: source for source in settings.inventory.fetched}
    if not known:
        fail(f"{settings_path(config)} names no source to ask; add one to inventory.sources", Exit.USAGE)
    for name in names:
        if name not in known:
            fail(f"there is no source '{name}' to ask; {did_you_mean(name, known)}", Exit.NOT_FOUND)
    return [known[name] for name in dict.fromkeys(names or known)]


def _print_fetched(source: str, error: str, kept_from: int, at: int, is_new: bool, took_s: float, entries: Mapping[str, int]) -> None:
    if not error:
        click.echo(f"{source}: {listed(entries)}, in {took_s:.1f} s{'' if is_new else '; nothing new'}")
        return
    click.echo(f"{source}: {error}", err=True)
    kept = f"What it said {age_text(at - kept_from)} ago stays in use." if kept_from else "It never gave a whole answer yet."
    click.echo(f"  {kept}", err=True)


def _print_notices(notices: Sequence[str]) -> None:
    for notice in notices[:_MOST_NOTICES]:
        click.echo(f"  {notice}")
    if len(notices) > _MOST_NOTICES:
        click.echo(f"  and {len(notices) - _MOST_NOTICES} more like these; --json tells them all")


@contextmanager
def _progress() -> Any:
    """A bar on standard error, gone when all is done; gives each source a way to tell of its progress."""
    screen = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.fields[source]}"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task("", source="", total=None)

        def telling(source: str) -> Tell:
            bar.reset(task, description="asked", source=source, total=None)

            def tell(what: str, got: int, total: int) -> None:
                bar.update(task, description=what, completed=got, total=total)

            return tell

        yield telling


@dataclass(frozen=True, slots=True)
class Standing:
    """How it goes with a source: its place in the order, what it tells of, how old that is (ns), and what is wrong with it."""

    place: int
    source: str
    kind: str
    entries: dict[str, int]
    fetched_at: int
    tried_at: int
    is_stale: bool
    error: str


@click.command()
@config_option
@json_option
def sources(*, config: Path | None, as_json: bool) -> None:
    """What tells of the network, in order of precedence.

    The first that states a field has it, unless inventory.precedence says otherwise. "files" is the inventory folder.

    \b
    assure topology sources

    Exit code 0 when all is well, 1 when a source failed when it was last asked, is stale, or was never fetched.
    """
    settings = read_settings(config)
    now = time.time_ns()
    found = standings(settings, now)
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        _print_standings(found, settings, now)
    if any(each.error for each in found):
        raise click.exceptions.Exit(Exit.PROBLEM)


def standings(settings: Settings, now: int) -> list[Standing]:
    """Every source at ``now`` (UTC nanoseconds), the first in order first."""
    problems = Problems()
    parts, _ = parts_of(settings, problems)
    entries = {part.source: dict(counts(part.entries)) for part in parts}
    broken = {Path(problem.file).stem: problem.message for problem in problems.errors}
    kinds = {source.name: source for source in settings.inventory.sources}
    found = []
    for place, name in enumerate(settings.inventory.order, start=1):
        source = kinds.get(name)
        if source is None or source.kind is SourceKind.FILES:
            trouble = next((problem.message for problem in problems.errors if name == FILES), "")
            found.append(Standing(place, name, SourceKind.FILES.value, entries.get(name, {}), 0, 0, is_stale=False, error=trouble))
            continue
        state = Snapshots(settings.snapshot_dir).state(name)
        is_stale = 0 < settings.inventory.stale_s * _NANOSECONDS < now - state.fetched_at
        trouble = broken.get(name) or _trouble(state, now, is_stale=is_stale)
        found.append(Standing(place, name, source.kind.value, entries.get(name, {}), state.fetched_at, state.tried_at, is_stale, trouble))
    return found


def _trouble(state: State, now: int, *, is_stale: bool) -> str:
    if state.error:
        return f"asked {age_text(now - state.tried_at)} ago: {state.error}"
    if not state.fetched_at:
        return "never fetched; `assure topology fetch` asks it"
    return f"stale: its last whole answer is {age_text(now - state.fetched_at)} old" if is_stale else ""


def _print_standings(found: Sequence[Standing], settings: Settings, now: int) -> None:
    rows = []
    for each in found:
        is_read = each.kind == SourceKind.FILES
        age = "as they are" if is_read else f"{age_text(now - each.fetched_at)} ago" if each.fetched_at else "never"
        colour = "red" if each.error and not each.fetched_at and not is_read else "yellow" if each.error else ""
        rows.append((each.place, each.source, each.kind, Text(age, style=colour), listed(each.entries) or "nothing"))
    out = console()
    out.print(table(("", "source", "kind", "fetched", "tells of"), rows))
    for each in found:
        if each.error:
            out.print(Text(f"{each.source}: {each.error}", style="yellow"), soft_wrap=True)
    for key, first in settings.inventory.precedence.items():
        out.print(Text(f"{key}: {', then '.join(first)} before the others"))


@click.command()
@click.option("--source", default="", help="Only those that this source is part of.")
@config_option
@json_option
def conflicts(*, source: str, config: Path | None, as_json: bool) -> None:
    """Where sources say different things, and whose word is used.

    \b
    assure topology conflicts
    assure topology conflicts --source netbox --json

    Exit code 0 when all agree, 1 when some do not.
    """
    settings = read_settings(config)
    if source and source not in settings.inventory.order:
        fail(f"there is no source '{source}'; {did_you_mean(source, settings.inventory.order)}", Exit.NOT_FOUND)
    present = read_present(settings)
    found = [each for each in present.conflicts if source in {"", each.source, each.other_source}]
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        _print_conflicts(found, len(settings.inventory.order))
        left = [each for each in present.warnings if each.level is Level.WARNING]
        if left:
            click.echo(f"{plural(len(left), 'warning')} besides; `assure check` tells {'it' if len(left) == 1 else 'them'}")
    if found:
        raise click.exceptions.Exit(Exit.PROBLEM)


def _print_conflicts(found: Sequence[Conflict], told_by: int) -> None:
    if not found:
        click.echo(f"no conflicts: {plural(told_by, 'source')} {'agree' if told_by > 1 else 'alone'}")
        return
    rows = [
        (
            *entry_text(each),
            Text(f"{value_text(each.value)} ({each.source})", style="green"),
            f"{value_text(each.other)} ({each.other_source})",
            "; ".join(part.rpartition(": ")[2] for part in each.why.split("; ")),
        )
        for each in found
    ]
    out = console()
    out.print(table(("entry", "field", "used", "not used", "why"), rows))
    out.print(plural(len(found), "conflict"))


def entry_text(conflict: Conflict) -> tuple[str, str]:
    """What a conflict is about, and of which field: an interface stands by itself."""
    within = _OF_INTERFACE.fullmatch(conflict.field)
    if within:
        return f"{conflict.name}/{within[1]}", within[2]
    return f"{conflict.section}/{conflict.name}", conflict.field


def value_text(value: Any) -> str:
    """A value of a field as people write it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return ", ".join(f"{key}: {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)


def listed(entries: Mapping[str, int]) -> str:
    """``2 sites, 12 devices, 1 link``."""
    return ", ".join(
        plural(count, _ONE.get(section, section.removesuffix("s")), _WORDS.get(section, section)) for section, count in entries.items()
    )
