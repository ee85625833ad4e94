"""`assure mibs`: what an OID means, and how vendors' MIBs become the index that the pipeline reads."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, read_settings, settings_if_any
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, plural, print_json, table
from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import did_you_mean
from pipeline.config.rule_set import load_rule_set
from pipeline.core.mib import MibIndex, MibNotification, MibObject
from pipeline.core.rule import RuleBook
from pipeline.resources import data_dir

Json = dict[str, Any]
Entry = MibObject | MibNotification
SHOWN_LABELS = 12


@click.group(cls=Group)
def mibs() -> None:
    """MIB knowledge: look up names and OIDs; compile vendors' MIBs into an index.

    \b
    assure mibs lookup linkDown
    assure mibs lookup 1.3.6.1.2.1.2.2.1.8.5
    assure mibs compile vendor-mibs/ --out mynet/mibs
    """


@mibs.command()
@click.argument("what", metavar="OID|NAME")
@config_option
@json_option
def lookup(*, what: str, config: Path | None, as_json: bool) -> None:
    """What an OID or a name means.

    Tells its type, labels and unit; for a notification its objects and the rules that read it. An OID may be that of an instance.
    MODULE::name is exact. Works without settings, on the index that comes along.

    \b
    assure mibs lookup ifOperStatus
    assure mibs lookup 1.3.6.1.6.3.1.1.5.3
    """
    rules_dir, mibs_dir = _knowledge(config)
    index = load_mib_index(mibs_dir)
    entry, instance = find(index, what)
    if entry is None:
        remedy = did_you_mean(what, index.names()) if not what[:1].isdigit() else "compile the vendor's MIB: assure mibs compile --help"
        fail(f"nothing is known of '{what}'; {remedy or 'compile its MIB: assure mibs compile --help'}", Exit.NOT_FOUND)
    facts = dict(describe(entry, instance))
    if isinstance(entry, MibNotification):
        facts["rule"] = _rule_text(load_rule_set(rules_dir, index).book, entry.oid)
    if as_json:
        print_json({key: value for key, value in asdict(entry).items() if not key.startswith("_")} | {"instance": instance})
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


def find(index: MibIndex, what: str) -> tuple[Entry | None, str]:
    """The entry of an OID (or of an instance of it, with the index after it) or a name."""
    base, _, rest = (what, "", "") if what[:1].isdigit() else what.partition(".")
    oid = what.strip(".") if what[:1].isdigit() or what.startswith(".") else index.oid_of(base)
    if oid is None:
        return None, ""
    if oid in index.notifications:
        return index.notifications[oid], ""
    known, instance = index.split(f"{oid}.{rest}" if rest else oid)
    return known, instance


def describe(entry: Entry, instance: str) -> Iterator[tuple[str, str]]:
    """What is known of it, in the order in which people ask."""
    yield "name", f"{entry.module}::{entry.name}" if entry.module else entry.name
    yield "OID", entry.oid
    if instance:
        yield "instance", instance
    if isinstance(entry, MibNotification):
        yield "is a", "notification"
        yield "objects", ", ".join(entry.objects) or "none"
        return
    yield "is a", f"object of type {entry.syntax.value}" + (f" in {entry.units}" if entry.units else "")
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


@mibs.command("compile")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("mibs"), show_default=True, help="Folder of the index, or a .json file."
)
@click.option("--timeout", "timeout_s", default=30.0, show_default=True, help="Seconds that one module may take.")
@json_option
def compile_(*, sources: tuple[Path, ...], out: Path, timeout_s: float, as_json: bool) -> None:
    """Compile MIB sources into one index.

    Each module is compiled in a process of its own, with a time limit. The index holds all that comes along and what compiled. A
    module that fails is told with file, line and remedy, and costs only itself.
    Nothing is downloaded: give the modules that yours import, too. Then name the folder as mibs_dir in the settings.

    \b
    assure mibs compile ACME-OPTICAL-MIB.txt ACME-SMI.txt --out mynet/mibs

    Exit code 1 when a module failed.
    """
    from pipeline.mib.compiling import FACTS_NAME, compile_mibs  # noqa: PLC0415  # the compiler is for this command only

    if out.suffix != ".json":
        out.mkdir(parents=True, exist_ok=True)
    with console().status(f"compiling {plural(len(sources), 'source')}"):
        report = compile_mibs(sources, out, timeout_s, data_dir("mibs") / FACTS_NAME)
    if as_json:
        failures = [{**asdict(each), "file": str(each.file)} for each in report.failures]
        print_json({"compiled": [{**asdict(each), "file": str(each.file)} for each in report.compiled], "failures": failures})
    else:
        rows = [(each.module, str(each.objects), str(each.notifications), str(each.file)) for each in report.compiled]
        if rows:
            console().print(table(("module", "objects", "notifications", "file"), rows))
        for each in report.failures:
            click.echo(f"failed: {each}")
        wrote = f"{plural(len(rows), 'module')} compiled, {plural(len(report.failures), 'failure')}"
        click.echo(f"{wrote}; {len(report.index.objects)} objects and {len(report.index.notifications)} notifications in {out}")
    if report.failures:
        raise click.exceptions.Exit(Exit.PROBLEM)
