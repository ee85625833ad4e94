"""A draft proves itself before it is written: beside the rules that are there it must load, and every rule must read its own example."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.config.problem import ConfigError, Problem, Problems
from pipeline.config.rule_check import check_rules, event_of
from pipeline.config.rule_files import read_rules
from pipeline.config.rule_form import TrapForm, TrapTest
from pipeline.core.event import Event, Signal
from pipeline.core.mib import MibIndex
from pipeline.core.rule import RuleBook
from pipeline.drafting.draft import Draft, DraftRule
from pipeline.drafting.writer import alarm_file, trap_file


@dataclass(frozen=True, slots=True)
class Proof:
    """The files to write by their path below the rules folder, and what is wrong with them, if anything."""

    files: Mapping[str, str]
    problems: tuple[Problem, ...]
    tests: int
    unread: tuple[DraftRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """A copy of a rules folder, without the files that are to be written."""

    folder: Path
    mibs: MibIndex
    book: RuleBook


def paths_of(draft: Draft, kind: str) -> tuple[str, str]:
    """Where a draft's alarm types and trap rules are written, below the rules folder."""
    return f"alarms/{draft.name}.yaml", f"traps/{kind}/{draft.name}.yaml"


@contextmanager
def ground(rules: Path, mibs: MibIndex, written: Sequence[str]) -> Iterator[Ground]:
    """Copy a rules folder to prove drafts on. Raises ``ConfigError`` when its own rules are broken."""
    with tempfile.TemporaryDirectory(prefix="assure-draft-") as folder:
        place = Path(folder) / "rules"
        shutil.copytree(rules, place)
        for name in written:
            (place / name).unlink(missing_ok=True)
        problems = Problems()
        found = read_rules(place, mibs, problems)
        if problems.errors:
            raise ConfigError([replace(each, file=each.file.replace(str(place), str(rules))) for each in problems.errors])
        yield Ground(place, mibs, found.book)


def prove(drafts: Sequence[Draft], kind: str, on: Ground, out: Path) -> Proof:
    """Write drafts to the ground with the tests that they pass, and say what does not hold. ``out`` is the folder that problems name."""
    files: dict[str, str] = {}
    for draft in drafts:
        alarms, traps = paths_of(draft, kind)
        files |= ({alarms: alarm_file(draft)} if draft.types else {}) | ({traps: trap_file(draft)} if draft.rules else {})
    _write(on.folder, files)
    problems = Problems()
    found = read_rules(on.folder, on.mibs, problems)
    unread: list[DraftRule] = []
    if not problems.errors:
        for draft in drafts:
            tests = list(_tests(draft.rules, found.book, on.mibs, unread))
            if draft.rules:
                files[paths_of(draft, kind)[1]] = trap_file(draft, tests)
        _write(on.folder, files)
        result = check_rules(on.folder, on.mibs)
        problems.extend(result.problems)
    told = tuple(replace(each, file=each.file.replace(str(on.folder), str(out))) for each in problems.errors)
    tests_written = sum(len(draft.rules) + len(draft.types) for draft in drafts) - len(unread)
    return Proof(files, told, 0 if told else tests_written, tuple(unread))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _tests(rules: Sequence[DraftRule], book: RuleBook, mibs: MibIndex, unread: list[DraftRule]) -> Iterator[TrapTest]:
    """A test for each rule that reads its own example; one that does not stands behind another rule, and is told."""
    for rule in rules:
        test = _test_of(rule.form, rule.example)
        event = event_of(test, book, mibs)
        if event is None or event.rule != rule.form.name:
            unread.append(rule)
        else:
            yield replace(test, expect=_expected(event))


def _test_of(form: TrapForm, example: Mapping[str, Any]) -> TrapTest:
    oid = form.oid or (f"{form.enterprise}.0.{form.specific}" if form.enterprise else "")
    return TrapTest({}, form.notification, oid, varbinds=dict(example))


def _expected(event: Event) -> dict[str, Any]:
    expected: dict[str, Any] = {"resource": event.resource, "alarm_type": event.alarm_type}
    if event.qualifier:
        expected["qualifier"] = event.qualifier
    expected["signal"] = event.signal
    return expected | ({} if event.signal is Signal.CLEAR else {"severity": event.severity})
