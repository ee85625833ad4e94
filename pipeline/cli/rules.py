"""`assure rules`: the rules that are used, new ones drafted from a MIB, and those of other systems carried over."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, read_settings, settings_if_any
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, console, fail, json_option, plural, print_json, table
from pipeline.config.mib_file import INDEX_NAME, load_mib_index
from pipeline.config.problem import Problems, did_you_mean
from pipeline.config.rule_files import read_files
from pipeline.config.rule_form import TrapFile
from pipeline.config.rule_set import load_rule_set
from pipeline.core.mib import MibIndex
from pipeline.core.rule import RuleBook, TrapRule
from pipeline.drafting.draft import Draft, Names, Refusal, Taken
from pipeline.drafting.proof import Ground, Proof, ground, paths_of, prove
from pipeline.resources import data_dir

Json = dict[str, Any]
DRAFTED, IMPORTED = "drafted", "imported"
SHOWN_REFUSALS = 40
source_type = click.Path(path_type=Path, exists=True)


@dataclass(frozen=True, slots=True)
class Target:
    """Where rules are written, on which rules they are proved, and by which MIB index.

    ``fresh``: the folder has no rules yet, and gets a copy of ``base`` first.
    """

    out: Path
    base: Path
    mibs: MibIndex
    fresh: bool


def writing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what the commands that write rules have in common."""
    for option in (
        json_option,
        click.option("--dry-run", is_flag=True, help="Tell what would be written, and write nothing."),
        click.option("--force", is_flag=True, help="Write anew what was drafted or imported before."),
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            help="Rules folder to write to. Default: the settings' one, else ./rules.",
        ),
        config_option,
    ):
        command = option(command)
    return command


@click.group(cls=Group)
def rules() -> None:
    """Trap rules: which are used, and new ones.

    \b
    assure rules ls linkDown
    assure rules draft ACME-OPTICAL-MIB.txt --out mynet/rules
    assure rules import opennms etc/events/ --out mynet/rules
    """


@rules.command()
@click.argument("what", required=False, default="", metavar="[WORD]")
@click.option(
    "--rules", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Rules folder. Default: the settings' one."
)
@config_option
@json_option
def ls(*, what: str, folder: Path | None, config: Path | None, as_json: bool) -> None:
    """Every trap rule, by file: what it reads, and what it says.

    WORD leaves only those that have it in the name of the notification, the rule, the alarm type or the file.

    \b
    assure rules ls
    assure rules ls peer-down
    """
    place, index = _knowledge(config, folder)
    book = load_rule_set(place, index).book
    files = _files_of(place)
    by_name = {rule.name: rule for found in book.by_oid.values() for rule in found}
    rows = [
        _row(rule, index, files.get(rule.name, ""))
        for rule in sorted(by_name.values(), key=lambda rule: (files.get(rule.name, ""), rule.oid))
    ]
    shown = [row for row in rows if what.lower() in " ".join(map(str, row.values())).lower()]
    if what and not shown:
        fail(f"no rule has '{what}' in it; {did_you_mean(what, by_name) or 'assure rules ls lists all'}", Exit.NOT_FOUND)
    if as_json:
        print_json(shown)
        return
    for file, of_file in groupby(shown, key=lambda row: str(row["file"])):
        click.echo(f"{file}")
        columns = ("rule", "notification", "signal", "alarm_type")
        console().print(
            table(("rule", "notification", "signal", "alarm type"), [tuple(row[column] for column in columns) for row in of_file])
        )
    click.echo(f"{plural(len(shown), 'rule')} in {place}")


def _row(rule: TrapRule, index: MibIndex, file: str) -> Json:
    row = {"notification": index.named(rule.oid), "rule": rule.name, "signal": rule.signal.value}
    return row | {"alarm_type": rule.alarm_type.name, "severity": rule.severity.name.lower(), "file": file, "oids": list(rule.oids)}


def _files_of(folder: Path) -> dict[str, str]:
    """The file of each rule, below the rules folder."""
    found = read_files(folder / "traps", TrapFile, Problems())
    return {form.name: str(Path(file.name).relative_to(folder)) for file in found for form in file.form.traps}


@rules.command()
@click.argument("mibs", nargs=-1, required=True, metavar="MIB...")
@writing_options
def draft(*, mibs: tuple[str, ...], config: Path | None, out: Path | None, force: bool, dry_run: bool, as_json: bool) -> None:
    """Write a first rule file for the notifications of a MIB.

    MIB is a module that the index has, or a file or folder of MIB sources, which is compiled for this and also tells the
    descriptions. What raises and what clears is guessed from names (Down, Up), from states and from severities; each guess is
    marked `# check:` with its reason, for a person to settle. A notification that has a rule already is left alone.

    \b
    assure rules draft ACME-OPTICAL-MIB.txt --out mynet/rules
    assure rules draft BGP4-MIB --dry-run

    Exit code 3 when the MIB is not known.
    """
    from pipeline.drafting.from_mib import draft_module  # noqa: PLC0415  # for this command only

    target = _target(config, out)
    files = [Path(each) for each in mibs if Path(each).exists()]
    index, found, modules = _compiled(files, target.mibs) if files else (target.mibs, {}, [])
    modules += [each for each in mibs if not Path(each).exists()]
    known = {each.module for each in index.notifications.values()}
    for module in modules:
        if module not in known:
            remedy = did_you_mean(module, known) or "name its file, or add it: assure mibs add --help"
            fail(f"the index has no notification of a module '{module}'; {remedy}", Exit.NOT_FOUND)

    def drafts(on: Ground) -> list[Draft]:
        taken = _taken(on.book)
        return [draft_module(module, index, on.book, taken, found) for module in dict.fromkeys(modules)]

    _write(Target(target.out, target.base, index, target.fresh), drafts, DRAFTED, force=force, dry_run=dry_run, as_json=as_json)
    needed = [each for each in files if not dry_run]
    if needed and not as_json:
        click.echo(f"the index must know the MIB, too: assure mibs add {' '.join(map(str, needed))} --dir {target.out.parent / 'mibs'}")


def _compiled(files: Sequence[Path], mibs: MibIndex) -> tuple[MibIndex, dict[str, str], list[str]]:
    """The index with these sources in it, the descriptions of their notifications, and their modules that have notifications."""
    from pipeline.mib.compiling import FACTS_NAME, compile_mibs  # noqa: PLC0415  # for one command only
    from pipeline.mib.describe import describe  # noqa: PLC0415  # as above
    from pipeline.mib.source import find_sources  # noqa: PLC0415  # as above

    with tempfile.TemporaryDirectory(prefix="assure-mibs-") as folder, console().status(f"compiling {plural(len(files), 'source')}"):
        report = compile_mibs(files, Path(folder), facts=data_dir("mibs") / FACTS_NAME)
    for failure in report.failures:
        click.echo(f"failed: {failure}", err=True)
    modules = [each.module for each in report.compiled if each.notifications]
    if not modules:
        fail("none of these sources has a notification that could be read", Exit.PROBLEM)
    return report.index.merged(mibs), describe(find_sources(files)[0]), modules


@rules.group("import", cls=Group)
def import_() -> None:
    """Carry over what another system knows of notifications.

    Nothing of theirs is run: no command, no script, no regular expression. What cannot be carried over is told with file, line and reason.

    \b
    assure rules import opennms etc/events/ --dry-run
    assure rules import snmptt /etc/snmp/snmptt.conf
    """


@import_.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|DIR...", type=source_type)
@writing_options
def opennms(*, files: tuple[Path, ...], config: Path | None, out: Path | None, force: bool, dry_run: bool, as_json: bool) -> None:
    """OpenNMS event configuration files (eventconf XML).

    Masks become what a rule matches, alarm-data becomes raise and clear: the reduction key is the alarm's identity, and an event whose
    clear key names it clears it. Give all files at once, since a clear key may name an event of another. An event without alarm-data
    becomes a notify. Varbinds get their names where the MIB index knows the notification; add your MIBs first.

    \b
    assure rules import opennms etc/events/ --dry-run
    assure rules import opennms Acme.events.xml --out mynet/rules

    Exit code 1 when nothing could be carried over.
    """
    from pipeline.drafting.from_opennms import read_and_draft  # noqa: PLC0415  # for this command only

    paths = list(_expanded(files, ".xml"))
    target = _target(config, out)
    _write(
        target, lambda on: read_and_draft(paths, on.mibs, on.book, _taken(on.book)), IMPORTED, force=force, dry_run=dry_run, as_json=as_json
    )


@import_.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=source_type)
@writing_options
def snmptt(*, files: tuple[Path, ...], config: Path | None, out: Path | None, force: bool, dry_run: bool, as_json: bool) -> None:
    """snmptt.conf files.

    EVENT, FORMAT and MATCH become rules. snmptt knows no clearing: what clears what is guessed from names, and from a severity Normal
    among the events of one notification; each guess is marked `# check:`. EXEC is never carried over: no notification starts a command.

    \b
    assure rules import snmptt /etc/snmp/snmptt.conf --out mynet/rules

    Exit code 1 when nothing could be carried over.
    """
    from pipeline.drafting.from_snmptt import read_and_draft  # noqa: PLC0415  # for this command only

    paths = list(_expanded(files, ".conf"))
    target = _target(config, out)
    _write(
        target, lambda on: read_and_draft(paths, on.mibs, on.book, _taken(on.book)), IMPORTED, force=force, dry_run=dry_run, as_json=as_json
    )


def _expanded(paths: Iterable[Path], suffix: str) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob(f"*{suffix}") if each.is_file())
        else:
            yield path


def _knowledge(config: Path | None, folder: Path | None) -> tuple[Path, MibIndex]:
    """The rules folder and the MIB index: those named, else the settings', else those that come along."""
    path = settings_if_any(config)
    settings = read_settings(path) if path else None
    place = folder or (settings.rules_dir if settings else None) or data_dir("rules")
    return place, load_mib_index((settings.mibs_dir if settings else None) or _index_beside(place))


def _index_beside(folder: Path) -> Path:
    return folder.parent / "mibs" if (folder.parent / "mibs" / INDEX_NAME).is_file() else data_dir("mibs")


def _target(config: Path | None, out: Path | None) -> Target:
    """Where to write: ``--out``, else the settings' folder, else ``./rules``; proved on what is there, else on what is used."""
    path = settings_if_any(config)
    settings = read_settings(path) if path else None
    used = settings.rules_dir if settings else None
    place = out or used or Path("rules")
    fresh = not (place / "alarms").is_dir()
    mibs = (settings.mibs_dir if settings else None) or _index_beside(place)
    return Target(place, (used or data_dir("rules")) if fresh else place, load_mib_index(mibs), fresh)


def _taken(book: RuleBook) -> Taken:
    return Taken(Names(book.alarm_types), Names(rule.name for found in book.by_oid.values() for rule in found))


def _write(target: Target, make: Callable[[Ground], list[Draft]], kind: str, *, force: bool, dry_run: bool, as_json: bool) -> None:
    """Draft, prove, write and tell."""
    with ground(target.base, target.mibs, ()) as plain:
        names = [path for draft in make(plain) for path in paths_of(draft, kind)]
    with ground(target.base, target.mibs, names) as on:
        drafts = make(on)
        proof = prove(drafts, kind, on, target.out)
    existing = [name for name in proof.files if (target.out / name).exists()]
    if existing and not force and not dry_run:
        fail(f"{target.out / existing[0]} is there already; --force writes it anew, and loses what people changed in it", Exit.USAGE)
    if not dry_run and proof.files and not proof.problems:
        if target.fresh:
            shutil.copytree(target.base, target.out, dirs_exist_ok=True)
        for name, text in proof.files.items():
            (target.out / name).parent.mkdir(parents=True, exist_ok=True)
            (target.out / name).write_text(text, encoding="utf-8")
    if as_json:
        print_json(_as_json(drafts, proof, dry_run=dry_run))
    else:
        _tell(drafts, proof, target, kind, dry_run=dry_run)
    if proof.problems or (not proof.files and not _all_ruled(drafts)):
        raise click.exceptions.Exit(Exit.PROBLEM)


def _all_ruled(drafts: Sequence[Draft]) -> bool:
    """Whether there is nothing to write because rules read everything already."""
    refused = [each for draft in drafts for each in draft.refusals]
    return bool(refused) and all(each.kind == "ruled" for each in refused)


def _as_json(drafts: Sequence[Draft], proof: Proof, *, dry_run: bool) -> Json:
    refusals = [asdict(each) for draft in drafts for each in draft.refusals]
    losses = [asdict(each) for draft in drafts for each in draft.losses]
    rules_written = sum(len(draft.rules) for draft in drafts)
    counts = {"read": sum(draft.read for draft in drafts), "rules": rules_written, "alarm_types": sum(len(draft.types) for draft in drafts)}
    problems = [str(each) for each in proof.problems]
    return {"counts": counts, "files": [] if dry_run else list(proof.files), "refused": refusals, "lost": losses, "problems": problems}


def _tell(drafts: Sequence[Draft], proof: Proof, target: Target, kind: str, *, dry_run: bool) -> None:
    for problem in proof.problems:
        click.echo(str(problem))
    refusals = [each for draft in drafts for each in draft.refusals]
    losses = [each for draft in drafts for each in draft.losses]
    _list("not carried over", refusals)
    _list("carried over, but not whole", losses)
    for rule in proof.unread:
        click.echo(f"{rule.origin}: the rule {rule.form.name} has no test: another rule reads its example first")
    if proof.problems:
        click.echo("nothing was written: the rules above do not hold")
        return
    written = [(draft, path) for draft in drafts for path in paths_of(draft, kind) if path in proof.files]
    would = "would write" if dry_run else "wrote"
    if target.fresh and not dry_run and written:
        click.echo(f"copied the rules that are used from {target.base} to {target.out}")
    for draft, path in written:
        count = plural(len(draft.rules), "rule") if path.startswith("traps") else plural(len(draft.types), "alarm type")
        click.echo(f"{would} {target.out / path}: {count}")
    checks = sum(text.count("# check:") for text in proof.files.values())
    read, carried = sum(draft.read for draft in drafts), sum(len(draft.rules) for draft in drafts)
    counted = f"{plural(read, 'definition')} read, {plural(carried, 'rule')}, {len(refusals)} not carried over"
    click.echo(f"{counted}; {plural(proof.tests, 'test')} pass")
    if written and not dry_run:
        click.echo(f"next: settle the {plural(checks, '`# check:` line')}, then assure check --rules {target.out}")


def _list(title: str, found: Sequence[Refusal]) -> None:
    """What was left out, counted by reason, and the first of them one by one."""
    if not found:
        return
    counted = ", ".join(f"{count} {kind}" for kind, count in Counter(each.kind for each in found).most_common())
    click.echo(f"{title}: {len(found)} ({counted})")
    for each in found[:SHOWN_REFUSALS]:
        click.echo(f"  {each}")
    if len(found) > SHOWN_REFUSALS:
        click.echo(f"  … and {len(found) - SHOWN_REFUSALS} more; --json lists all")
