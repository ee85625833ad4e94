"""Findings of learned correlation -> a rule file for an engineer: each rule below its evidence, tests at the end. In force it is not."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import product

from pipeline.config.correlation_check import LONGEST_S, TEST_INVENTORY
from pipeline.config.correlation_form import CorrelationTest
from pipeline.core.co_occurrence import Finding, Study
from pipeline.core.correlation_rule import CorrelationRule, Relations, Spot
from pipeline.core.resource import OF_A_DEVICE, ResourceId, ResourceKind, kind_of, resource_id
from pipeline.core.topology import Topology
from pipeline.drafting.writer import comment, scalar

_NICE_S = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 2700, LONGEST_S)
_NAMED = {
    ResourceKind.DEVICE: ("a", "b", "c"),
    ResourceKind.LSP: ("a-c",),
    ResourceKind.LINK: ("a-b", "b-c"),
    ResourceKind.FIBRE: ("f1", "f2"),
    ResourceKind.PORT: ("a/p1", "a/p3", "b/p1", "b/p3", "c/p1", "c/p3"),
    ResourceKind.INTERFACE: ("a/p1", "a/p3", "b/p1", "b/p3", "c/p1", "c/p3"),
}
_PARTS = ("a/x", "a/y", "b/x", "c/x")


def rule_of(finding: Finding) -> CorrelationRule:
    """The rule that a finding proposes: what 95 % of the effects came within, rounded up."""
    within_s = next((nice for nice in _NICE_S if nice >= finding.lag_95_s), LONGEST_S)
    name = f"{finding.effect}-after-{finding.cause}-{finding.relation}"
    reason = f"Seen after {finding.followed} of {finding.episodes} episodes where chance gives {_few(finding.expected)}."
    return CorrelationRule(name, finding.cause, finding.effect, finding.relation, within_s, reason)


def proofs_of(rule: CorrelationRule, finding: Finding) -> tuple[CorrelationTest, ...]:
    """Two alarms of the kinds that were seen, so placed in the tests' network; none where it has no such place."""
    relations = Relations.of(TEST_INVENTORY, Topology.of(TEST_INVENTORY))
    example = finding.examples[-1]
    for cause, effect in product(_places(example.cause), _places(example.effect)):
        spots = [Spot.of(each, relations.reporter(each)) for each in (cause, effect)]
        if relations.between(*spots) is rule.relation:
            after_s = round(min(finding.lag_s, rule.within_s), 1)
            return (
                CorrelationTest(rule.name, cause, effect, after_s),
                CorrelationTest(rule.name, cause, effect, rule.within_s + 1, laid=False),
            )
    return ()


def _places(resource: ResourceId) -> Iterator[ResourceId]:
    kind = kind_of(resource)
    names = _NAMED.get(kind, _PARTS if kind in OF_A_DEVICE else ("x", "y"))
    return (resource_id(kind, name) for name in names)


def proposal_file(study: Study, findings: Sequence[Finding]) -> str:
    """A file of ``rules/correlation`` with a rule for each finding."""
    lines = [
        *comment(
            "", f"Proposed on {_day(study.ends_at)} from {study.raises} raises of alarms, {_day(study.starts_at)} to {_day(study.ends_at)}."
        ),
        *comment(
            "",
            f"{study.asked} pairs of alarm types were held against chance; those below are none. What follows often need not be an effect.",
        ),
        *comment("", "To take rules on: strike what makes no sense, and move this file into rules/correlation of your rules folder."),
        "",
        "correlations:",
    ]
    rules = [(rule_of(finding), finding) for finding in findings]
    for rule, finding in rules:
        lines += _rule(rule, finding)
    tests = [line for rule, finding in rules for line in map(_test, proofs_of(rule, finding))]
    return "\n".join([*lines, "", *(["tests:", *tests] if tests else ["tests: []"]), ""])


def _rule(rule: CorrelationRule, finding: Finding) -> Iterator[str]:
    for line in evidence(finding):
        yield from comment("  ", line)
    yield f"  - name: {scalar(rule.name)}"
    yield f"    cause: {scalar(rule.cause)}"
    yield f"    effect: {scalar(rule.effect)}"
    yield f"    relation: {rule.relation.value}"
    yield f"    within_s: {rule.within_s:g}"
    yield f"    reason: {scalar(rule.reason)}"


def evidence(finding: Finding) -> Iterable[str]:
    """What speaks for it, in sentences."""
    yield (
        f"{finding.followed} of {finding.episodes} episodes of {finding.cause} were followed ({finding.share:.0%}; 95 %: {finding.low:.0%} "
        f"to {finding.high:.0%}), at {finding.occasions} occasions; {_few(finding.expected)} by chance: {_many(finding.lift)} times as "
        f"often (at least {_many(finding.lift_low)}), p {finding.p:.1e}, false discovery rate {finding.q:.1e}."
    )
    yield (
        f"{finding.followed} of the {finding.effects} episodes of {finding.effect} came so, half of them within {_seconds(finding.lag_s)}, "
        f"95 % within {_seconds(finding.lag_95_s)}."
    )
    for example in finding.examples:
        at = datetime.fromtimestamp(example.at / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
        yield f"{at}: {example.cause}, then {example.effect} {_seconds(example.lag_s)} later."


def _test(test: CorrelationTest) -> str:
    laid = "" if test.laid else ", laid: false"
    places = f"cause: {scalar(test.cause)}, effect: {scalar(test.effect)}, after_s: {test.after_s:g}"
    return f"  - {{correlation: {scalar(test.correlation)}, {places}{laid}}}"


def _seconds(lag_s: float) -> str:
    return f"{lag_s:.3g} s"


def _few(count: float) -> str:
    return f"{count:.3g}"


def _many(times: float) -> str:
    return f"{times:.0f}" if times >= 10 else f"{times:.1f}"  # noqa: PLR2004 - two digits are enough


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1e9, UTC).strftime("%Y-%m-%d")
