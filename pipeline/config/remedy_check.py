"""Remedies held against the alarm types that there are; and the tests that their file carries."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.config.problem import Problems, did_you_mean
from pipeline.config.remedy_form import RemedyFile, RemedyTest
from pipeline.config.rule_files import RuleFile, read_files
from pipeline.core.event import AlarmType
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.remedy import RemedyRule, wrong
from pipeline.core.resource import ResourceId

REMEDIES_NAME = "remedies.yaml"

Outcome = tuple[Mapping[str, Any], Mapping[str, Any] | str]


def read_remedy_files(folder: Path, problems: Problems) -> list[RuleFile[RemedyFile]]:
    """``remedies.yaml``, if the folder has one."""
    return list(read_files(folder / REMEDIES_NAME, RemedyFile, problems)) if (folder / REMEDIES_NAME).is_file() else []


def remedies_of(files: Iterable[RuleFile[RemedyFile]], types: Mapping[str, AlarmType]) -> tuple[RemedyRule, ...]:
    """The rules, telling what cannot be."""
    for file in files:
        seen: set[str] = set()
        for place, rule in enumerate(file.form.rules):
            if rule.name in seen:
                file.tell(("rules", place, "name"), f"the remedy '{rule.name}' stands twice", "rename one")
            seen.add(rule.name)
            for alarm_type in rule.alarm_types:
                if alarm_type not in types:
                    file.tell(("rules", place, "alarm_types"), f"'{alarm_type}' is not an alarm type", did_you_mean(alarm_type, types))
        for place, (key, message, remedy) in wrong(file.form.rules).items():
            file.tell(("rules", place, key), message, remedy)
        return file.form.rules
    return ()


def check_remedy(test: RemedyTest, rules: Iterable[RemedyRule]) -> Outcome:
    """Run one test: by which rules something is to be proposed, and by which it is."""
    incident = Incident(
        id="test",
        domain="default",
        root_cause=ResourceId(test.cause),
        state=IncidentState.OPEN,
        severity=test.severity,
        reason="",
        explanation=(),
        alarms=(),
        impacts=(),
        started_at=0,
        opened_at=0,
        probability=test.probability,
    )
    return {"rules": test.rules}, {"rules": tuple(rule.name for rule in rules if rule.is_for(incident, test.alarm_types))}
