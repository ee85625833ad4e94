"""KPI rules held against the profiles: formulas that are none, units that do not fit; and the tests that KPI files carry."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.rule_files import RuleFile
from pipeline.config.rule_form import KpiFile, KpiTest
from pipeline.core.column import Floats
from pipeline.core.formula import RATE, FormulaError, compiled, names_in
from pipeline.core.kpi import KpiBatch, KpiRule, bind, counters_of, dimensions_of, packed
from pipeline.core.profile import Profile, ProfileTable
from pipeline.core.resource import ResourceKind, resource_id
from pipeline.core.rollup import rolled_up, tally_of
from pipeline.core.threshold import Standing, Threshold, apply
from pipeline.core.unit import UNITS, UnitError, described, unit

if TYPE_CHECKING:
    from pipeline.config.rule_set import RuleSet

MOST_PRECISION = 52
"""Significant binary digits of a 64-bit floating-point number, less the one that is always there."""

Outcome = tuple[Mapping[str, Any], Mapping[str, Any] | str]


def tell_wrong_kpis(files: Iterable[RuleFile[KpiFile]], profiles: Collection[Profile]) -> None:
    """Report every KPI that no profile allows for, whose formula is none, or whose unit is not what the formula gives."""
    for file in files:
        for place, rule in enumerate(file.form.kpis):
            _tell_wrong_kpi(file, ("kpis", place), rule, profiles)


def _tell_wrong_kpi(file: RuleFile[KpiFile], path: Path_, rule: KpiRule, profiles: Collection[Profile]) -> None:
    if not 1 <= rule.precision <= MOST_PRECISION:
        file.tell((*path, "precision"), f"{rule.precision} binary digits", f"write 1 to {MOST_PRECISION}")
    try:
        wanted = unit(rule.unit).dimension
    except UnitError as error:
        file.tell((*path, "unit"), str(error), did_you_mean(rule.unit, UNITS))
        return
    tables = [table for profile in profiles if (table := profile.table(rule.table)) is not None]
    if not tables:
        names = {table.name for profile in profiles for table in profile.tables}
        file.tell((*path, "table"), f"no profile has a table '{rule.table}'", did_you_mean(rule.table, names))
        return
    try:
        fitting = [table for table in tables if names_in(rule.formula) <= dimensions_of(table).keys()]
        found = {compiled(rule.formula, dimensions_of(table), counters_of(table)).dimension for table in fitting}
    except FormulaError as error:
        file.tell((*path, "formula"), str(error), "see rules/README.md for what a formula may say")
        return
    if not fitting:
        _tell_unknown_columns(file, path, rule, tables)
    for dimension in found - {wanted}:
        message = f"the formula gives {described(dimension)}, not {rule.unit}"
        file.tell((*path, "unit"), message, "mend the formula or the unit")


def _tell_unknown_columns(file: RuleFile[KpiFile], path: Path_, rule: KpiRule, tables: Iterable[ProfileTable]) -> None:
    known = {name for table in tables for name in dimensions_of(table)}
    unknown = sorted(names_in(rule.formula) - known)
    if unknown:
        message = f"no profile's table '{rule.table}' has a column '{unknown[0]}'"
        file.tell((*path, "formula"), message, did_you_mean(unknown[0], known))
    else:
        file.tell((*path, "formula"), f"no one profile's table '{rule.table}' has all of its columns", "add them to a profile")


def check_kpi(test: KpiTest, rules: "RuleSet") -> Outcome:
    """Run one test of a KPI file: what it expects, and what came, or why it could not be run."""
    if test.threshold:
        chosen = [threshold for threshold in rules.thresholds if threshold.name == test.threshold]
        return _crossed(test, chosen[0]) if chosen else ({}, f"'{test.threshold}' is not a threshold")
    if test.rollup:
        return _rolled_up(test, rules)
    rule = next((kpi for kpi in rules.kpis if kpi.name == test.kpi), None)
    if rule is None:
        return {}, f"'{test.kpi}' is not a KPI; {did_you_mean(test.kpi, [kpi.name for kpi in rules.kpis])}"
    return _computed(test, rule, rules)


def _crossed(test: KpiTest, threshold: Threshold) -> Outcome:
    state: Mapping[str, Standing] = {}
    signals: list[str] = []
    resources = (resource_id(ResourceKind.INTERFACE, "router/eth1"),)
    for place, value in enumerate(_numbers(test.values).tolist()):
        columns = packed({threshold.kpi: (np.array([value]), np.zeros(1, np.uint8))})
        state, events = apply(state, KpiBatch("router", place, "check", place, resources, *columns), [threshold])
        signals.append(events[0].signal.value if events else "-")
    return {"signals": " ".join(map(str, test.expect))}, {"signals": " ".join(signals)}


def _rolled_up(test: KpiTest, rules: "RuleSet") -> Outcome:
    rule = next((rollup for rollup in rules.rollups if rollup.name == test.rollup), None)
    if rule is None:
        return {}, f"'{test.rollup}' is not a roll-up; {did_you_mean(test.rollup, [each.name for each in rules.rollups])}"
    value = rolled_up([tally_of(_numbers([each])) for each in test.values], rule)
    return {"values": _words(test.expect)}, {"values": _words([value])}


def _computed(test: KpiTest, rule: KpiRule, rules: "RuleSet") -> Outcome:
    for profile in rules.profiles.values():
        table = profile.table(rule.table)
        bound = bind(table, (rule,)) if table else ()
        if table and bound:
            missing = [name for name in bound[0].formula.inputs if name not in test.inputs]
            if missing:
                return {}, f"the test gives no '{missing[0]}'"
            values = {name: _numbers(given) * _factor(table, name) for name, given in test.inputs.items()}
            rows = max((len(each) for each in values.values()), default=1)
            if len({len(each) for each in values.values()} | {rows, len(test.expect)}) > 1:
                return {}, "every input and 'expect' must have as many values"
            got = bound[0].formula(values, rows) * bound[0].factor
            return {"values": _words(test.expect)}, {"values": _words(got.tolist())}
    return {}, f"no profile allows for the KPI '{rule.name}'"


def _factor(table: ProfileTable, name: str) -> float:
    plain = name.removeprefix(f"{RATE}(").removesuffix(")")
    units = {column.name: column.unit for column in table.columns} | {column.name: column.unit for column in table.derived}
    return unit(units.get(plain, "1")).factor


def _numbers(given: Iterable[Any]) -> Floats:
    return np.array([math.nan if value == "none" else float(value) for value in given], np.float64)


def _words(values: Iterable[Any]) -> str:
    return " ".join("none" if value in {None, "none"} or math.isnan(float(value)) else f"{float(value):.6g}" for value in values)
