"""Learned correlation of an installation: its history, inventory and rules -> what may be proposed, and why not the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_set import load_rule_set
from pipeline.config.settings import Settings
from pipeline.core.co_occurrence import Finding, Limits, Raise, Study, study
from pipeline.core.correlation_rule import CorrelationRule, Relations
from pipeline.core.event import AlarmType, Condition
from pipeline.core.inventory import Inventory
from pipeline.core.topology import Topology
from pipeline.resources import data_dir


class Verdict(StrEnum):
    """What becomes of a finding: only what is ``PROPOSED`` is written."""

    PROPOSED = "proposed"
    IN_FORCE = "in-force"
    EVIDENCE = "evidence"
    UNKNOWN_TYPE = "unknown-type"


WHY: dict[Verdict, str] = {
    Verdict.PROPOSED: "proposed",
    Verdict.IN_FORCE: "a rule says so already",
    Verdict.EVIDENCE: "its effect tells of a failure: the topology lays it to a cause",
    Verdict.UNKNOWN_TYPE: "an alarm type that the rules do not have",
}


class RaiseHistory(Protocol):
    """What is asked of the history; raises ``OSError`` when it does not answer."""

    def between(self, starts_at: int, ends_at: int) -> list[Raise]:
        """The raises of a stretch of time (UTC nanoseconds)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Every finding with what becomes of it, strongest first, and what was looked through."""

    study: Study
    findings: tuple[tuple[Finding, Verdict], ...]

    @property
    def proposed(self) -> tuple[Finding, ...]:
        """What is written."""
        return tuple(finding for finding, verdict in self.findings if verdict is Verdict.PROPOSED)


def rules_folder(settings: Settings) -> Path:
    """The rules folder in force."""
    return settings.rules_dir or data_dir("rules")


def propose(history: RaiseHistory, settings: Settings, inventory: Inventory, starts_at: int, ends_at: int, limits: Limits) -> Proposal:
    """Look through the history between two times (UTC nanoseconds), by the present inventory and rules."""
    rules = load_rule_set(rules_folder(settings), load_mib_index(settings.mibs_dir or data_dir("mibs")))
    found = study(history.between(starts_at, ends_at), Relations.of(inventory, Topology.of(inventory)), limits)
    verdicts = ((finding, verdict(finding, rules.correlations, rules.book.alarm_types)) for finding in found.findings)
    return Proposal(found, tuple(verdicts))


def verdict(finding: Finding, rules: Iterable[CorrelationRule], types: Mapping[str, AlarmType]) -> Verdict:
    """What becomes of one finding."""
    if finding.cause not in types or finding.effect not in types:
        return Verdict.UNKNOWN_TYPE
    if types[finding.effect].condition is Condition.DOWN:
        return Verdict.EVIDENCE
    if any((rule.cause, rule.effect, rule.relation) == (finding.cause, finding.effect, finding.relation) for rule in rules):
        return Verdict.IN_FORCE
    return Verdict.PROPOSED
