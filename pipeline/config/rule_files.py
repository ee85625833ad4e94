"""The rules folder: every file of one kind as one compiled, consistent set."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.config.decode import Decoder
from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError, Path_, Problem, Problems
from pipeline.config.rule_compile import Compiler
from pipeline.config.rule_form import AlarmFile, AlarmTypeTest, TrapFile, TrapTest
from pipeline.config.settings_file import line_at
from pipeline.config.yaml_source import Node, read_yaml
from pipeline.core.event import AlarmType, Signal
from pipeline.core.mib import MibIndex
from pipeline.core.rule import UNKNOWN_NOTIFICATION, RuleBook, TrapRule

T = TypeVar("T")
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class RuleFile(Generic[T]):
    """A decoded file: its form, and what is needed to tell of problems in it."""

    name: str
    node: Node
    form: T
    decoder: Decoder

    def tell(self, path: Path_, message: str, remedy: str = "") -> None:
        """Report a problem at a place of the file."""
        self.decoder.tell(line_at(self.node, path), path, message, remedy)


def load_rules(folder: Path, mibs: MibIndex | None = None) -> RuleBook:
    """Read and compile ``alarms/`` and ``traps/`` of a rules folder.

    Names are resolved in ``mibs``, by default the index in the folder ``mibs`` beside it. The files' tests are not run here.

    Raises:
        ConfigError: with every problem of every file.
    """
    problems = Problems()
    rules = read_rules(folder, mibs or default_mibs(folder), problems)
    problems.raise_if_any()
    return rules.book


def default_mibs(folder: Path) -> MibIndex:
    """The index beside a rules folder. Raises ``ConfigError`` when there is none."""
    return load_mib_index(folder.parent / "mibs")


@dataclass(slots=True)
class ReadRules:
    """What reading the rules gave; usable when no problem was told."""

    book: RuleBook
    alarm_tests: list[tuple[RuleFile[AlarmFile], Path_, AlarmTypeTest]] = field(default_factory=list)
    trap_tests: list[tuple[RuleFile[TrapFile], Path_, TrapTest]] = field(default_factory=list)


def read_rules(folder: Path, mibs: MibIndex, problems: Problems) -> ReadRules:
    """Compile all that can be, telling every problem of the rest."""
    alarm_files = list(read_files(folder / "alarms", AlarmFile, problems))
    trap_files = list(read_files(folder / "traps", TrapFile, problems))
    types = _catalogue(alarm_files, mibs)
    if UNKNOWN_NOTIFICATION not in types and not problems.errors:
        problems.add(
            Problem(str(folder / "alarms"), 0, "$", f"the alarm type '{UNKNOWN_NOTIFICATION}' is missing", "add it to the catalogue")
        )
    rules = _trap_rules(trap_files, types, mibs)
    by_oid: dict[str, list[TrapRule]] = defaultdict(list)
    for rule in sorted(rules, key=lambda rule: -len(rule.conditions)):
        for oid in rule.oids:
            by_oid[oid].append(rule)
    book = RuleBook(_version(types, rules), types, {oid: tuple(found) for oid, found in by_oid.items()})
    return ReadRules(
        book,
        [(file, ("tests", place), test) for file in alarm_files for place, test in enumerate(file.form.tests)],
        [(file, ("tests", place), test) for file in trap_files for place, test in enumerate(file.form.tests)],
    )


def read_files(folder: Path, form: type[T], problems: Problems) -> Iterator[RuleFile[T]]:
    """Decode every YAML file below a folder (or the one file that it is), in order of name."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    if not paths:
        problems.add(Problem(str(folder), 0, "$", "no rule files here", "add .yaml files; see those that come with the package"))
    for path in paths:
        decoder = Decoder(str(path), path.parent, problems)
        try:
            node = read_yaml(path)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        value = decoder.read(node, form)
        if value is not None:
            yield RuleFile(str(path), node, value, decoder)


def _catalogue(files: list[RuleFile[AlarmFile]], mibs: MibIndex) -> dict[str, AlarmType]:
    types: dict[str, AlarmType] = {}
    for file in files:
        compiler = Compiler(file.decoder, file.node, mibs)
        for place, form in enumerate(file.form.alarm_types):
            path = ("alarm_types", place)
            if form.name in types:
                file.tell((*path, "name"), f"the alarm type '{form.name}' stands twice", "keep one of them")
            types.setdefault(form.name, compiler.alarm_type(form, path))
    return types


def _trap_rules(files: list[RuleFile[TrapFile]], types: dict[str, AlarmType], mibs: MibIndex) -> list[TrapRule]:
    rules: list[TrapRule] = []
    places: list[tuple[RuleFile[TrapFile], Path_]] = []
    for file in files:
        compiler = Compiler(file.decoder, file.node, mibs)
        for place, form in enumerate(file.form.traps):
            rule = compiler.trap_rule(form, types, ("traps", place))
            if rule is not None:
                rules.append(rule)
                places.append((file, ("traps", place)))
    _tell_doubles(rules, places)
    _tell_dangling(rules, places)
    return rules


def _tell_doubles(rules: list[TrapRule], places: list[tuple[RuleFile[TrapFile], Path_]]) -> None:
    """Of two rules with one name, or for the same notifications, the second would never be used."""
    names: dict[str, str] = {}
    matches: dict[Any, str] = {}
    for rule, (file, path) in zip(rules, places, strict=True):
        if rule.name in names:
            file.tell((*path, "name"), f"the rule '{rule.name}' stands in {names[rule.name]} already", "rename one")
        names.setdefault(rule.name, file.name)
        firsts = [matches.setdefault((oid, frozenset(rule.conditions)), rule.name) for oid in rule.oids]
        for first in sorted(set(firsts) - {rule.name}):
            file.tell(path, f"'{rule.name}' matches what '{first}' matches already", "give one of them a condition")


def _tell_dangling(rules: list[TrapRule], places: list[tuple[RuleFile[TrapFile], Path_]]) -> None:
    """An alarm that traps raise and none clears would stand for ever, unless a poll settles it."""

    def identity(rule: TrapRule) -> tuple[str, str, tuple[str, ...] | None]:
        return rule.alarm_type.name, rule.locator.kind.value, rule.qualifier.parts if rule.qualifier else None

    cleared = {identity(rule) for rule in rules if rule.signal is Signal.CLEAR}
    for rule, (file, path) in zip(rules, places, strict=True):
        if rule.signal in {Signal.RAISE, Signal.CHANGE} and identity(rule) not in cleared:
            message = f"'{rule.name}' raises {rule.alarm_type.name} on a {rule.locator.kind.value}, and no rule clears it"
            file.tell(
                (*path, "signal"), message, "add the rule that clears it (same alarm type, resource kind and qualifier), or write notify"
            )


def _version(types: dict[str, AlarmType], rules: list[TrapRule]) -> str:
    content = repr([(name, types[name]) for name in sorted(types)]) + "\n".join(sorted(_rule_text(rule) for rule in rules))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _rule_text(rule: TrapRule) -> str:
    conditions = sorted(
        (match.oid, sorted(map(repr, match.values)), match.ranges, match.prefixes, match.parts, match.negated) for match in rule.conditions
    )
    return repr(
        (rule.name, rule.oids, rule.locator, rule.alarm_type.name, rule.signal, rule.severity, rule.text, rule.qualifier, conditions)
    )
