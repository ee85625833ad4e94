"""`assure mibs`: what an OID means, and how vendors' MIBs become the index that the pipeline reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli.config import config_option, read_settings, settings_if_any
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, plural, print_json, table
from pipeline.config.mib_file import load_mib_index, read_modules
from pipeline.config.problem import did_you_mean
from pipeline.config.rule_set import load_rule_set
from pipeline.core.mib import MibEntry, MibIndex, MibModule, MibNode, MibNotification, MibObject
from pipeline.core.rule import RuleBook
from pipeline.resources import data_dir

if TYPE_CHECKING:  # the compiler is imported by the commands that compile
    from pipeline.mib.compiling import CompileReport
    from pipeline.mib.library import Accept, Library

Json = dict[str, Any]
SHOWN_LABELS = 12
folder_option = click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Folder of your own MIBs, instead of the settings' mibs_dir."
)
vendor_option = click.option("--vendor", default="", help="Whose the modules are; by default that is told by their OIDs.")
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds that one module may take.",
)


@click.group(cls=Group)
def mibs() -> None:
    """MIB knowledge: look up names and OIDs; add vendors' MIBs.

    \b
    assure mibs lookup linkDown
    assure mibs lookup 1.3.6.1.2.1.2.2.1.8.5
    assure mibs add acme-mibs.zip -c mynet/assure.yaml
    assure mibs ls -c mynet/assure.yaml
    """


@mibs.command()
@click.argument("what", metavar="OID|NAME")
@config_option
@folder_option
@json_option
def lookup(*, what: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """What an OID or a name means.

    Tells its type, labels and unit; for a notification its objects and the rules that read it; for an instance its index.
    MODULE::name is exact, VENDOR/MODULE::name where two vendors have one module name. Works without settings, on the index that comes
    along.

    \b
    assure mibs lookup ifOperStatus
    assure mibs lookup 1.3.6.1.6.3.1.1.5.3
    assure mibs lookup ifOperStatus.7
    """
    rules_dir, mibs_dir = _knowledge(config)
    index = load_mib_index(folder or mibs_dir)
    entry, instance = find(index, what)
    if entry is None:
        remedy = did_you_mean(what, index.names()) if not what[:1].isdigit() else ""
        fail(f"nothing is known of '{what}'; {remedy or 'add its MIB: assure mibs add --help'}", Exit.NOT_FOUND)
    facts = dict(describe(index, entry, instance))
    others = [index.qualified(oid) for oid in index.meanings(what.partition(".")[0]) if oid != entry.oid]
    if others:
        facts["also"] = ", ".join(others)
    if isinstance(entry, MibNotification):
        facts["rule"] = _rule_text(load_rule_set(rules_dir, index).book, entry.oid)
    if as_json:
        print_json(asdict(entry) | {"instance": instance})
    else:
        shown = table(("", ""), facts.items())
        shown.show_header = False
        console().print(shown)


def _knowledge(config: Path | None) -> tuple[Path, Path]:
    """The folders of rules and MIB index: the settings' if there are any, else those that come along."""
    path = settings_if_any(config)
    settings = read_settings(path) if path else None
    rules = settings.rules_dir if settings else None
    own = settings.mibs_dir if settings else None
    return rules or data_dir("rules"), own or data_dir("mibs")


def find(index: MibIndex, what: str) -> tuple[MibEntry | None, str]:
    """The entry of an OID (or of an instance of it, with the index after it) or a name."""
    numeric = what.strip(".")[:1].isdigit()
    base, _, rest = (what, "", "") if numeric else what.partition(".")
    oid = what.strip(".") if numeric else index.oid_of(base)
    if oid is None:
        return None, ""
    exact = None if rest else index.entry(oid)
    if exact is not None:
        return exact, ""
    return index.split(f"{oid}.{rest}" if rest else oid)


def describe(index: MibIndex, entry: MibEntry, instance: str) -> Iterator[tuple[str, str]]:
    """What is known of it, in the order in which people ask."""
    yield "name", index.qualified(entry.oid) if entry.module else entry.name
    yield "OID", entry.oid
    if instance:
        values = index.instance(f"{entry.oid}.{instance}").values
        yield "instance", ", ".join(f"{part.known.name} = {part.text}" for part in values) or instance
    if isinstance(entry, MibNotification):
        yield "is a", "notification"
        yield "objects", ", ".join(entry.objects) or "none"
    elif isinstance(entry, MibNode):
        yield "is a", "row of a table" if entry.index else "node without a value"
        if entry.index:
            yield "index", ", ".join(map(index.named, entry.index)) + (" (the last one's length is implied)" if entry.implied else "")
    else:
        yield from _describe_object(index, entry)


def _describe_object(index: MibIndex, entry: MibObject) -> Iterator[tuple[str, str]]:
    yield "is a", f"object of type {entry.syntax.value}" + (f" in {entry.units}" if entry.units else "")
    row = index.nodes.get(entry.oid.rpartition(".")[0])
    if row and row.index:
        yield "indexed by", ", ".join(map(index.named, row.index))
    if entry.hint:
        yield "shown as", f"DISPLAY-HINT {entry.hint}"
    if entry.enumeration:
        labels = [f"{label}({number})" for number, label in sorted(entry.enumeration.items())]
        more = f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else ""
        yield "values", ", ".join(labels[:SHOWN_LABELS]) + more


def _rule_text(book: RuleBook, oid: str) -> str:
    found = book.by_oid.get(oid, ())
    return "\n".join(f"{rule.name}: {rule.signal.value} {rule.alarm_type.name}" for rule in found) or (
        "none: it becomes an unknown-notification; add a file to rules/traps"
    )


@mibs.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE|DIR|ARCHIVE...", type=click.Path(path_type=Path))
@config_option
@folder_option
@vendor_option
@timeout_option
@json_option
def add(*, sources: tuple[Path, ...], config: Path | None, folder: Path | None, vendor: str, timeout_s: float, as_json: bool) -> None:
    """Add vendors' MIBs to your own index.

    A running pipeline takes the new index over within seconds. Give files, folders, .zip or .tar.gz; file names do not matter. Mistakes
    that published modules have are repaired, each module is compiled in a process of its own, and what fails is told with file, line and
    remedy and costs only itself. Nothing is downloaded: give the modules that yours import, too, now or later. What did not change is not
    compiled again.

    A module is told from others by vendor and name. The vendor is that of the enterprise number below which the module stands, unless
    --vendor says another.

    \b
    assure mibs add ACME-SMI.txt ACME-OPTICAL-MIB.txt -c mynet/assure.yaml
    assure mibs add acme-mibs.zip --dir mynet/mibs --vendor acme

    Exit code 1 when a module failed.
    """
    from pipeline.mib.vendor import vendor_name  # noqa: PLC0415  # the compiler is for these commands only

    library, accept = _library(config, folder)
    with _progress("compiling") as progress:
        report = library.add(sources, vendor_name(vendor), timeout_s, progress, accept)
    _tell(report, library.folder, as_json=as_json)


@mibs.command("compile")
@click.argument("sources", nargs=-1, metavar="[FILE|DIR|ARCHIVE]...", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the index, or a .json file, that SOURCES alone shall make.")
@config_option
@folder_option
@vendor_option
@timeout_option
@json_option
def compile_(
    *,
    sources: tuple[Path, ...],
    out: Path | None,
    config: Path | None,
    folder: Path | None,
    vendor: str,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Make the index anew, from all that was added.

    That is for after an update of the package. With SOURCES and --out an index apart is made of them alone: for a test, say.

    \b
    assure mibs compile -c mynet/assure.yaml
    assure mibs compile ACME-OPTICAL-MIB.txt ACME-SMI.txt --out apart.json

    Exit code 1 when a module failed.
    """
    from pipeline.mib.compiling import FACTS_NAME, compile_mibs  # noqa: PLC0415  # the compiler is for these commands only
    from pipeline.mib.vendor import vendor_name  # noqa: PLC0415  # as above

    if bool(sources) != bool(out):
        wanted = "with SOURCES say --out too; to add them to your own index: assure mibs add" if sources else "with --out give SOURCES too"
        fail(wanted, Exit.USAGE)
    if out is None:
        library, accept = _library(config, folder)
        with _progress("compiling") as progress:
            report = library.rebuild(timeout_s, progress, accept)
        _tell(report, library.folder, as_json=as_json)
        return
    if out.suffix != ".json":
        out.mkdir(parents=True, exist_ok=True)
    with _progress("compiling") as progress:
        report = compile_mibs(sources, out, timeout_s, data_dir("mibs") / FACTS_NAME, vendor_name(vendor), progress)
    _tell(report, out, as_json=as_json)


@mibs.command("ls")
@click.argument("module", required=False, metavar="[MODULE]")
@config_option
@folder_option
@json_option
def ls(*, module: str | None, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """What modules are known, and whose.

    Tells of each how many of its notifications a rule reads. With MODULE (or VENDOR/MODULE): its notifications, each with its rules. What
    no rule reads becomes an unknown-notification.

    \b
    assure mibs ls
    assure mibs ls ACME-OPTICAL-MIB
    """
    rules_dir, mibs_dir = _knowledge(config)
    place = folder or mibs_dir
    modules = read_modules(place)
    book = load_rule_set(rules_dir, MibIndex.of_modules(modules)).book
    if module is not None:
        _list_notifications(
            [each for each in modules if module in {each.name, "/".join(each.identity)}], module, modules, book, as_json=as_json
        )
        return
    from pipeline.mib.library import Library  # noqa: PLC0415  # the compiler is for these commands only

    kept = Library(place, data_dir("mibs")).sources()
    waiting = sorted(kept.keys() - {each.identity for each in modules if each.digest})
    rows = [_row(each, "added" if each.identity in kept else "package", book) for each in modules]
    if as_json:
        print_json({"modules": rows, "not_compiled": ["/".join(identity) for identity in waiting]})
        return
    columns = ("vendor", "module", "objects", "notifications", "with a rule", "from")
    console().print(table(columns, [tuple(str(value) for value in row.values()) for row in rows]))
    for identity in waiting:
        click.echo(f"not compiled: {'/'.join(identity)}; `assure mibs compile` tells why")


def _row(module: MibModule, origin: str, book: RuleBook) -> Json:
    read = sum(each.oid in book.by_oid for each in module.notifications)
    facts = {"vendor": module.vendor, "module": module.name, "objects": len(module.objects)}
    return {**facts, "notifications": len(module.notifications), "with_rule": read, "from": origin}


def _list_notifications(found: Sequence[MibModule], name: str, modules: Sequence[MibModule], book: RuleBook, *, as_json: bool) -> None:
    if not found:
        remedy = did_you_mean(name, [each.name for each in modules]) or "`assure mibs ls` lists them"
        fail(f"no module '{name}'; {remedy}", Exit.NOT_FOUND)
    notifications = [each for module in found for each in module.notifications]
    rules = {each.oid: [rule.name for rule in book.by_oid.get(each.oid, ())] for each in notifications}
    if as_json:
        print_json([{"name": each.name, "oid": each.oid, "objects": each.objects, "rules": rules[each.oid]} for each in notifications])
    elif not notifications:
        click.echo(f"{name} defines no notification")
    else:
        rows = [(each.name, each.oid, ", ".join(rules[each.oid]) or "-") for each in notifications]
        console().print(table(("notification", "OID", "rules"), rows))


@mibs.command()
@click.argument("modules", nargs=-1, required=True, metavar="MODULE|VENDOR/MODULE...")
@config_option
@folder_option
@timeout_option
def remove(*, modules: tuple[str, ...], config: Path | None, folder: Path | None, timeout_s: float) -> None:
    """Remove modules that were added, with their sources.

    One that another module imports, or a rule names, is not removed.

    \b
    assure mibs remove ACME-OPTICAL-MIB -c mynet/assure.yaml
    """
    from pipeline.mib.library import InUseError  # noqa: PLC0415  # the compiler is for these commands only

    library, accept = _library(config, folder)
    try:
        gone = library.remove(modules, timeout_s, accept)
    except KeyError as error:
        kept = [name for identity in library.sources() for name in (identity[1], "/".join(identity))]
        fail(f"no module '{error.args[0]}' was added; {did_you_mean(error.args[0], kept) or '`assure mibs ls` lists them'}", Exit.NOT_FOUND)
    except InUseError as error:
        fail(str(error), Exit.PROBLEM)
    click.echo(f"removed {', '.join('/'.join(identity) for identity in gone)} from {library.folder}")


def _library(config: Path | None, folder: Path | None) -> tuple["Library", "Accept"]:
    """Where people's own MIBs are kept, and what holds a new index against the rules; ends with the remedy when no folder is named."""
    from pipeline.mib.library import Library  # noqa: PLC0415  # the compiler is for these commands only

    path = settings_if_any(config)
    settings = read_settings(path) if path else None
    own = folder or (settings.mibs_dir if settings else None)
    if own is None and path is None:
        fail("no settings file here to say where your MIBs are kept; name it with -c, or the folder with --dir", Exit.USAGE)
    if own is None:
        fail(f"{path} names no folder for your own MIBs; write the line `mibs_dir: mibs` into it, and try again", Exit.USAGE)
    rules = settings.rules_dir if settings else None

    def accept(index: MibIndex) -> None:
        load_rule_set(rules or data_dir("rules"), index)

    return Library(own, data_dir("mibs")), accept


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal while modules are compiled; nothing in a script."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("modules"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, of_all: shown.update(task, completed=done, total=of_all)


def _tell(report: "CompileReport", place: Path, *, as_json: bool) -> None:
    """What became of each module; ends with 1 when one failed."""
    if as_json:
        failures = [{**asdict(each), "file": str(each.file)} for each in report.failures]
        print_json({"compiled": [{**asdict(each), "file": str(each.file)} for each in report.compiled], "failures": failures})
    else:
        unchanged = [each for each in report.compiled if not each.fresh]
        rows = [(each.vendor, each.module, str(each.objects), str(each.notifications)) for each in report.compiled if each.fresh]
        if rows:
            console().print(table(("vendor", "module", "objects", "notifications"), rows))
        if unchanged:
            click.echo(f"unchanged: {plural(len(unchanged), 'module')}")
        for each in report.failures:
            click.echo(f"failed: {each}")
        wrote = f"{plural(len(rows), 'module')} compiled, {plural(len(report.failures), 'failure')}"
        click.echo(f"{wrote}; {len(report.index.objects)} objects and {len(report.index.notifications)} notifications in {place}")
    if report.failures:
        raise click.exceptions.Exit(Exit.PROBLEM)
