"""Correlation rules held against the alarm types that there are; and the tests that their files carry."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.config.correlation_form import CorrelationFile, CorrelationTest
from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.rule_files import RuleFile
from pipeline.core.correlation_rule import NANOSECONDS, CorrelationRule, Relations, Spot, holds
from pipeline.core.event import AlarmType
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp
from pipeline.core.resource import ResourceId, ResourceKind, kind_of
from pipeline.core.topology import Topology

if TYPE_CHECKING:
    from pipeline.config.rule_set import RuleSet

LONGEST_S = 3600.0

_PORTS = tuple(Interface(f"p{number}", number, 1000) for number in range(1, 5))
TEST_INVENTORY = Inventory(
    "test",
    devices={name: Device(name, "lab", f"192.0.2.{place}", interfaces=_PORTS) for place, name in enumerate(("a", "b", "c"), 1)},
    fibres={"f1": Fibre("f1"), "f2": Fibre("f2")},
    links={"a-b": Link("a-b", "a/p1", "b/p1", ("f1",)), "b-c": Link("b-c", "b/p2", "c/p1", ("f2",))},
    lsps={"a-c": Lsp("a-c", "a", ("a-b", "b-c"))},
)
"""The network of the tests: ``a`` - ``b`` - ``c`` in a row, and an LSP all along."""

Outcome = tuple[Mapping[str, Any], Mapping[str, Any] | str]


@cache
def _relations() -> Relations:
    return Relations.of(TEST_INVENTORY, Topology.of(TEST_INVENTORY))


def correlation_rules(
    files: Iterable[RuleFile[CorrelationFile]], types: Mapping[str, AlarmType] | None = None
) -> tuple[CorrelationRule, ...]:
    """The rules of some files in order of file and place, telling every one that could not work. ``types`` may be left out."""
    found: dict[str, CorrelationRule] = {}
    for file in files:
        for place, rule in enumerate(file.form.correlations):
            path = ("correlations", place)
            if rule.name in found:
                file.tell((*path, "name"), f"the correlation rule '{rule.name}' stands twice", "rename one")
            _tell_wrong(file, path, rule, types)
            found.setdefault(rule.name, rule)
    return tuple(found.values())


def _tell_wrong(file: RuleFile[CorrelationFile], path: Path_, rule: CorrelationRule, types: Mapping[str, AlarmType] | None) -> None:
    for name in ("cause", "effect") if types is not None else ():
        alarm_type = getattr(rule, name)
        if types is not None and alarm_type not in types:
            file.tell((*path, name), f"'{alarm_type}' is not an alarm type", did_you_mean(alarm_type, types))
    if rule.cause == rule.effect:
        file.tell((*path, "effect"), f"'{rule.effect}' cannot be the effect of itself", "name another")
    if not 0 < rule.within_s <= LONGEST_S:
        file.tell((*path, "within_s"), f"{rule.within_s:g} s", f"write more than 0, at most {LONGEST_S:g}")


def check_correlation(test: CorrelationTest, rules: "RuleSet") -> Outcome:
    """Run one test: whether the effect was to be laid to the cause, and whether it is, or why that could not be told."""
    rule = next((rule for rule in rules.correlations if rule.name == test.correlation), None)
    if rule is None:
        known = [rule.name for rule in rules.correlations]
        return {}, f"'{test.correlation}' is not a correlation rule; {did_you_mean(test.correlation, known)}"
    for name in (test.cause, test.effect):
        if kind_of(ResourceId(name)) is ResourceKind.UNKNOWN:
            return {}, f"'{name}' is no resource; write one of the tests' network, such as interface/a/p1"
    relations = _relations()
    cause, effect = (Spot.of(name, relations.reporter(name)) for name in map(ResourceId, (test.cause, test.effect)))
    relation = relations.between(cause, effect)
    if test.laid and relation is not rule.relation:
        return {}, f"{test.effect}, seen from {test.cause}, is {relation or 'nowhere near'}; the rule '{rule.name}' says {rule.relation}"
    return {"laid": test.laid}, {"laid": holds(rule, relations, cause, effect, int(test.after_s * NANOSECONDS))}
