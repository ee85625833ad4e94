"""`assure check`: every problem of settings, inventory and rules at once, before anything runs with them."""

import os
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, settings_path
from pipeline.cli.output import Exit, json_option, plural, print_json
from pipeline.config.mib_file import INDEX_NAME
from pipeline.config.problem import ConfigError, Level, Problem
from pipeline.config.rule_check import CheckResult
from pipeline.config.settings_file import read_settings
from pipeline.inventory.check import check as check_all
from pipeline.inventory.check import read_any
from pipeline.resources import data_dir

Json = dict[str, Any]
folder_type = click.Path(path_type=Path, exists=True, file_okay=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be checked; a part that is ``None`` is left out."""

    settings: Path | None
    inventory: Path | None
    rules: Path
    mibs: Path


@click.command()
@config_option
@click.option("--inventory", type=folder_type, help="Check this inventory folder instead of the settings' one.")
@click.option("--rules", type=folder_type, help="Check this rules folder instead of the settings' one.")
@json_option
def check(*, config: Path | None, inventory: Path | None, rules: Path | None, as_json: bool) -> None:
    """Validate settings, inventory and rules, and run the tests that each rule file carries.

    Every problem is told at once, each with file, line and remedy. A warning alone does not fail the check. With --inventory or --rules
    and no settings file, only those are checked.

    \b
    assure check -c mynet/assure.yaml
    assure check --rules mynet/rules     a rules folder alone, as in its own CI

    Exit code 0 when all is well, 1 when there is a problem.
    """
    subject = _subject(config, inventory, rules)
    result = check_all(subject.rules, subject.inventory, subject.settings, subject.mibs)
    errors = [problem for problem in result.problems if problem.level is Level.ERROR]
    if as_json:
        problems = [_as_json(problem) for problem in result.problems]
        print_json({"problems": problems, "tests_run": result.tests_run, "counts": counts(result, subject)})
    else:
        for problem in result.problems:
            click.echo(str(problem))
        click.echo(_summary(result, subject, len(errors)))
    if errors:
        raise click.exceptions.Exit(Exit.PROBLEM)


def _subject(config: Path | None, inventory: Path | None, rules: Path | None) -> Subject:
    """The folders to check: those named, else those of the settings, else where they usually lie."""
    if config is None and (inventory or rules):
        return Subject(None, inventory, rules or data_dir("rules"), _mibs_beside(rules))
    path = settings_path(config)
    try:
        settings, _ = read_settings(path, os.environ)
    except ConfigError:  # told with the rest
        usual = path.parent / "inventory"
        found = inventory or (usual if usual.is_dir() else None)
        return Subject(path, found, rules or data_dir("rules"), _mibs_beside(rules))
    own = rules or settings.rules_dir
    return Subject(path, inventory or settings.inventory_dir, own or data_dir("rules"), settings.mibs_dir or _mibs_beside(own))


def _mibs_beside(rules: Path | None) -> Path:
    """The index beside a rules folder, else the one that comes along."""
    beside = rules.parent / "mibs" if rules else data_dir("mibs")
    return beside if (beside / INDEX_NAME).is_file() else data_dir("mibs")


def counts(result: CheckResult, subject: Subject) -> dict[str, int]:
    """How many things of each kind were checked; what could not be read counts nothing."""
    found = _inventory_counts(subject.inventory, subject.settings) if subject.inventory else {}
    if result.rules:
        rules = result.rules
        traps = len({rule.name for each in rules.book.by_oid.values() for rule in each})
        found |= {"alarm types": len(rules.book.alarm_types), "trap rules": traps, "thresholds": len(rules.thresholds)}
        found |= {"SLA plans": len(rules.plans), "routes": len(rules.routing.routes), "poll profiles": len(rules.profiles)}
        found |= {"anomaly rules": len(rules.anomalies), "correlation rules": len(rules.correlations)}
        found |= {"languages": len(rules.languages), "remedy rules": len(rules.remedies)}
    return found


def _inventory_counts(folder: Path, settings: Path | None) -> dict[str, int]:
    try:
        inventory, _ = read_any(folder, read_settings(settings, os.environ)[0] if settings else None)
    except ConfigError:
        return {}
    kinds = ("devices", "links", "fibres", "lsps", "tunnels", "services", "customers", "contracts", "windows")
    names = {"lsps": "LSPs", "windows": "maintenance windows"}
    return {names.get(kind, kind): len(getattr(inventory, kind)) for kind in kinds}


def _summary(result: CheckResult, subject: Subject, errors: int) -> str:
    warnings = len(result.problems) - errors
    told = f"{plural(errors, 'problem')}, {plural(warnings, 'warning')}" if errors else f"fine, {plural(warnings, 'warning')}"
    listed = ", ".join(plural(count, kind.removesuffix("s")) for kind, count in counts(result, subject).items() if count)
    checked = f"checked: {listed}; {plural(result.tests_run, 'test')} of rule files ran" if listed else "nothing could be checked"
    return f"{told.removesuffix(', 0 warnings')}\n{textwrap.fill(checked, 79, subsequent_indent='  ')}"


def _as_json(problem: Problem) -> Json:
    return {name: getattr(problem, name) for name in ("file", "line", "path", "message", "remedy")} | {"level": problem.level.value}
