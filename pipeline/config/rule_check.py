"""Runs the tests that rule files carry: knowledge proves itself before it is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.anomaly_check import check_anomaly
from pipeline.config.correlation_check import check_correlation
from pipeline.config.decode import Decoder
from pipeline.config.kpi_check import check_kpi
from pipeline.config.message_check import check_message, check_notice
from pipeline.config.plan_proof import prove_plan
from pipeline.config.problem import Path_, Problem, Problems, did_you_mean
from pipeline.config.profile_proof import prove_profiles
from pipeline.config.remedy_check import check_remedy
from pipeline.config.routing_check import check_routing
from pipeline.config.rule_compile import Compiler
from pipeline.config.rule_files import RuleFile, default_mibs
from pipeline.config.rule_form import AlarmTypeTest, TrapFile, TrapTest
from pipeline.config.rule_set import ReadSet, RuleSet, read_set
from pipeline.config.yaml_source import Fields
from pipeline.core.directory import Directory
from pipeline.core.event import Event, Severity
from pipeline.core.inventory import Device, Interface, Inventory
from pipeline.core.mib import WIRE_TYPE, MibIndex
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap, SnmpVersion, ValueType, VarBind
from pipeline.core.rule import RuleBook

_PORTS = tuple(Interface(f"eth{number}", number, 1000) for number in range(1, 10))
TEST_INVENTORY = Inventory("test", devices={"router": Device("router", "lab", "192.0.2.1", interfaces=_PORTS)})
"""The network of the trap rules' tests."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found; good when ``problems`` holds no error. ``tests_run`` counts the tests of rule files."""

    problems: tuple[Problem, ...]
    tests_run: int
    rules: RuleSet | None = None


def check_rules(folder: Path, mibs: MibIndex | None = None) -> CheckResult:
    """Read a rules folder and run every test in it. Problems of reading come first: tests are only run on what could be read."""
    problems = Problems()
    found = read_set(folder, mibs or default_mibs(folder), problems)
    if problems.errors:
        return CheckResult((*problems.errors, *problems.warnings), 0)
    ran = run_tests(found)
    return CheckResult((*problems.errors, *problems.warnings), ran, found.value)


def run_tests(found: ReadSet) -> int:
    """Run the tests of every file, telling each that fails at its place; the number that ran."""
    rules = found.value
    for alarm_file, path, alarm_test in found.rules.alarm_tests:
        _tell_differences(alarm_file, path, *_alarm_type(alarm_test, rules))
    for trap_file, path, trap_test in found.rules.trap_tests:
        _trap(trap_file, path, trap_test, rules)
    ran = len(found.rules.alarm_tests) + len(found.rules.trap_tests)
    runners: list[tuple[list[RuleFile[Any]], Any]] = [
        (list(found.plans), prove_plan),
        (list(found.kpis), check_kpi),
        (list(found.routing), check_routing),
        (list(found.anomalies), check_anomaly),
        (list(found.correlations), check_correlation),
    ]
    for files, runner in runners:
        for file in files:
            for place, test in enumerate(file.form.tests):
                _tell_differences(file, ("tests", place), *runner(test, rules))
                ran += 1
    ran += _tests_of_outputs(found)
    return ran + prove_profiles(found.profiles, rules.profiles, rules.mibs)


def _tests_of_outputs(found: ReadSet) -> int:
    """What customers are told, in which words, and which remedies are proposed."""
    ran = 0
    for file in found.notices:
        for place, test in enumerate(file.form.tests):
            _tell_differences(file, ("tests", place), *check_notice(test, found.value.notices))
            ran += 1
    for remedies in found.remedies:
        for place, case in enumerate(remedies.form.tests):
            _tell_differences(remedies, ("tests", place), *check_remedy(case, found.value.remedies))
            ran += 1
    for language in found.languages:
        for place, sample in enumerate(language.form.tests):
            _tell_differences(language, ("tests", place), *check_message(sample, language.form))
            ran += 1
    return ran


def _tell_differences(file: RuleFile[Any], path: Path_, expected: Mapping[str, Any], actual: Mapping[str, Any] | str) -> None:
    if isinstance(actual, str):
        file.tell(path, actual)
        return
    for key, wanted in expected.items():
        if key not in actual:
            file.tell((*path, "expect", key), f"'{key}' cannot be expected here", did_you_mean(key, actual))
        elif _word(wanted) != _word(actual[key]):
            file.tell(
                (*path, "expect", key), f"test failed: expected {_word(wanted)!r}, got {_word(actual[key])!r}", "mend the rule or the test"
            )


def _word(value: Any) -> str:
    if isinstance(value, Severity):
        return value.name.lower()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _alarm_type(test: AlarmTypeTest, rules: RuleSet) -> tuple[Mapping[str, Any], Mapping[str, Any] | str]:
    known = rules.book.alarm_types.get(test.alarm_type)
    return test.expect, _fields(known) if known else f"'{test.alarm_type}' is not an alarm type"


def _trap(file: RuleFile[TrapFile], path: Path_, test: TrapTest, rules: RuleSet) -> None:
    event = _event(Compiler(file.decoder, file.node, rules.mibs), path, test, rules.book)
    if event is not None:
        _tell_differences(file, path, test.expect, _fields(event))


def event_of(test: TrapTest, book: RuleBook, mibs: MibIndex) -> Event | None:
    """What a rule book makes of a test's notification; ``None`` when the test names what no MIB knows."""
    decoder = Decoder("test", Path(), Problems())
    return _event(Compiler(decoder, Fields({}, {}, 0), mibs), (), test, book)


def _event(compiler: Compiler, path: Path_, test: TrapTest, book: RuleBook) -> Event | None:
    """The event of a test's notification; ``None`` after telling what is wrong with the test."""
    oid = compiler.trap_oid(test.notification, test.oid, path)
    varbinds = _varbinds(compiler, test.varbinds, (*path, "varbinds"))
    if oid is None or None in varbinds:
        return None
    trap = RawTrap("check", 1, 0, test.source, SnmpVersion.V2C, oid, tuple(each for each in varbinds if each))
    return normalize(trap, book, Directory.of(TEST_INVENTORY), compiler.mibs)[0]


def _varbinds(compiler: Compiler, given: Mapping[str, Any], path: Path_) -> list[VarBind | None]:
    """A notification's varbinds, in order; the places before a ``#3`` that nobody names hold nothing."""
    found: list[VarBind | None] = []
    for name, value in given.items():
        varbind = _varbind(compiler, name, value, (*path, name))
        if varbind is not None and varbind.oid[:1] == "#":
            place = int(varbind.oid[1:])
            found += [VarBind(f"0.0.{missing + 1}", ValueType.NULL, None) for missing in range(len(found), place)]
            found[place - 1] = VarBind(f"0.0.{place}", varbind.type, varbind.value)
        else:
            found.append(varbind)
    return found


def _varbind(compiler: Compiler, instance: str, value: Any, path: Path_) -> VarBind | None:
    """``ifIndex.3: 3`` as it would come; the object may be a name or numbers."""
    name, _, index = instance.partition(".") if instance[:1].isalpha() else (instance, "", "")
    oid = compiler.object_oid(name, path)
    if oid is None:
        return None
    known, _ = compiler.mibs.split(oid)
    wire_type = WIRE_TYPE[known.syntax] if known else ValueType.INTEGER if isinstance(value, int) else ValueType.OCTET_STRING
    wire = compiler.wire_value(known, value, path)
    return None if wire is None else VarBind(f"{oid}.{index}" if index else oid, wire_type, wire)
