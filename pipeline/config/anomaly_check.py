"""Anomaly rules held against the KPIs and the alarm types that there are; and the tests that their files carry."""

import math
import random
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config.anomaly_form import AnomalyFile, AnomalyTest, Stretch
from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.rule_files import RuleFile
from pipeline.core.anomaly_alarm import AnomalyState, apply
from pipeline.core.anomaly_rule import AnomalyRule, Watching, first_of
from pipeline.core.event import AlarmType, Condition
from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.resource import ResourceKind, resource_id

if TYPE_CHECKING:
    from pipeline.config.rule_set import RuleSet

DAY_S = 86_400
BEGINS_AT = 1_735_689_600
"""The tests' series begin on 2025-01-01 at midnight UTC."""

_NANOSECONDS = 1_000_000_000
_SEED = 20_250_101

Outcome = tuple[Mapping[str, Any], Mapping[str, Any] | str]


def anomaly_rules(
    files: Iterable[RuleFile[AnomalyFile]], kpis: Collection[str], types: Mapping[str, AlarmType] | None
) -> tuple[AnomalyRule, ...]:
    """The rules of some files in order of file and place, telling every one that could not work. ``types`` may be left out."""
    found: dict[str, AnomalyRule] = {}
    for file in files:
        for place, rule in enumerate(file.form.anomalies):
            path = ("anomalies", place)
            if rule.name in found:
                file.tell((*path, "name"), f"the anomaly rule '{rule.name}' stands twice", "rename one")
            _tell_useless_patterns(file, path, rule, kpis, tuple(found.values()))
            if types is not None:
                _tell_wrong_type(file, path, rule, types)
            found.setdefault(rule.name, rule)
    return tuple(found.values())


def _tell_useless_patterns(
    file: RuleFile[AnomalyFile], path: Path_, rule: AnomalyRule, kpis: Collection[str], earlier: tuple[AnomalyRule, ...]
) -> None:
    for place, pattern in enumerate(rule.kpis):
        alone = AnomalyRule(rule.name, (pattern,))
        named = [kpi for kpi in kpis if alone.watches(kpi)]
        taken = {first.name for kpi in named if (first := first_of(earlier, kpi)) is not None}
        if not named:
            file.tell((*path, "kpis", place), f"'{pattern}' names no KPI", did_you_mean(pattern, kpis))
        elif all(first_of(earlier, kpi) is not None for kpi in named):
            owner = (
                f"the rule '{min(taken)}' has it already" if len(taken) == 1 else f"the rules {', '.join(sorted(taken))} have them already"
            )
            file.tell((*path, "kpis", place), f"'{pattern}': {owner}", "take it out of one of them")


def _tell_wrong_type(file: RuleFile[AnomalyFile], path: Path_, rule: AnomalyRule, types: Mapping[str, AlarmType]) -> None:
    where = (*path, "alarm_type")
    known = types.get(rule.alarm_type)
    if known is None:
        file.tell(where, f"'{rule.alarm_type}' is not an alarm type", did_you_mean(rule.alarm_type, types))
    elif not known.will_clear:
        file.tell(where, f"'{rule.alarm_type}' never clears", "name an alarm type that clears")
    elif known.condition is not Condition.NONE:
        file.tell(where, f"'{rule.alarm_type}' says that its resource is {known.condition}; an anomaly never does", "name another")


def check_anomaly(test: AnomalyTest, rules: "RuleSet") -> Outcome:
    """Run one test: what it expects of each stretch, and what came, or why it could not be run."""
    rule = next((rule for rule in rules.anomalies if rule.name == test.anomaly), None)
    if rule is None:
        return {}, f"'{test.anomaly}' is not an anomaly rule; {did_you_mean(test.anomaly, [rule.name for rule in rules.anomalies])}"
    kpi = test.kpi or next((kpi.name for kpi in rules.kpis if rule.watches(kpi.name)), rule.kpis[0])
    if not rule.watches(kpi):
        return {}, f"the rule '{rule.name}' does not watch '{kpi}'"
    if test.every_s < 1 or any(stretch.samples < 1 for stretch in test.series):
        return {}, "samples and every_s are 1 or more"
    wrong = {word for stretch in test.series for word in stretch.expect} - {"raise", "clear"}
    if wrong:
        return {}, f"'{min(wrong)}' cannot be expected; write raise or clear"
    expected = [" ".join(stretch.expect) or "-" for stretch in test.series]
    return {"series": ", ".join(expected)}, {"series": ", ".join(_caused(test, rule, kpi))}


def _caused(test: AnomalyTest, rule: AnomalyRule, kpi: str) -> Iterator[str]:
    """For each stretch the signals that its values caused."""
    state, watching = AnomalyState(), Watching((rule,))
    resources = (resource_id(ResourceKind.INTERFACE, "router/eth1"),)
    speeds = None if test.speed is None else np.array([test.speed])
    dice, place = random.Random(_SEED), 0  # noqa: S311  a series that is the same in every run, no secret
    for stretch in test.series:
        signals: list[str] = []
        for _ in range(stretch.samples):
            at = BEGINS_AT + place * test.every_s
            quality = Quality.MISSING if stretch.missing else Quality.GOOD
            column = np.array([_value(stretch, at, dice)]), np.array([int(quality)], np.uint8)
            batch = KpiBatch("router", at * _NANOSECONDS, "check", place, resources, *packed({kpi: column}))
            events, _ = apply(state, batch, watching, speeds=speeds)
            signals += [event.signal.value for event in events]
            place += 1
        yield " ".join(signals) or "-"


def _value(stretch: Stretch, at: int, dice: random.Random) -> float:
    if stretch.missing:
        return math.nan
    return stretch.mean + stretch.swing * math.sin(2 * math.pi * (at % DAY_S) / DAY_S) + dice.gauss(0, stretch.noise)
