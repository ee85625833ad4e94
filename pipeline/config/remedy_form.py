"""The form of ``rules/remedies.yaml``: which action is proposed for which incidents."""

from dataclasses import dataclass

from pipeline.core.event import Severity
from pipeline.core.remedy import RemedyRule


@dataclass(frozen=True, slots=True)
class RemedyTest:
    """An incident with this root ``cause`` and alarms of these types, and the rules by which something is proposed."""

    cause: str
    rules: tuple[str, ...]
    alarm_types: tuple[str, ...] = ()
    severity: Severity = Severity.MAJOR
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class RemedyFile:
    """``rules/remedies.yaml``."""

    rules: tuple[RemedyRule, ...]
    tests: tuple[RemedyTest, ...]
