"""Which KPIs are watched for what is unusual, how closely, and what an operator knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from pipeline.core.anomaly import DEFAULT
from pipeline.core.event import Severity

ALARM_TYPE = "anomaly"


class Sensitivity(StrEnum):
    """How readily an anomaly is told.

    High serves NAB's standard profile best, which weighs a missed anomaly as nine false ones: a series that only goes up and down by day
    with noise is told of once or twice a week. Low tells of it once in seven weeks or less often, and still of nearly every fault that is
    tried in tests/core/test_anomaly_faults.py.
    """

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


THRESHOLDS = {Sensitivity.LOW: 3.8, Sensitivity.NORMAL: 3.5, Sensitivity.HIGH: 3.2}
"""Decades of rarity by sensitivity, for series that are polled every five minutes."""


@dataclass(frozen=True, slots=True)
class AnomalyRule:
    """Watch the KPIs named by ``kpis`` (names, or globs with ``*`` and ``?``); a KPI belongs to the first rule that names it.

    ``low`` and ``high`` are the range that values can take, in the KPI's unit, where the operator knows it (``low`` alone: what they are
    never below); ``high_is_speed`` takes the interface's speed in bits a second for the upper end. ``min_change`` is the smallest change
    that matters, in the KPI's unit. ``grace_samples`` pass before a new series may raise anything, and again after a long gap. An alarm
    clears after ``clear_samples`` usual samples in a row.
    """

    name: str
    kpis: tuple[str, ...]
    sensitivity: Sensitivity = Sensitivity.LOW
    severity: Severity = Severity.WARNING
    grace_samples: int = DEFAULT.grace_samples
    clear_samples: int = 10
    low: float | None = None
    high: float | None = None
    high_is_speed: bool = False
    min_change: float = 0.0
    alarm_type: str = ALARM_TYPE

    def __post_init__(self) -> None:
        """Refuse what could never work. Raises ``ValueError``."""
        if self.grace_samples < 1 or self.clear_samples < 1:
            raise ValueError("grace_samples and clear_samples are 1 or more")
        if self.min_change < 0:
            raise ValueError("min_change is 0 or more")
        if self.high is not None and self.high_is_speed:
            raise ValueError("high and high_is_speed exclude each other")
        if self.low is None and (self.high is not None or self.high_is_speed):
            raise ValueError("a range that has a high end has a low one too")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low is below high")

    @property
    def threshold(self) -> float:
        """Decades of rarity at which a value is told."""
        return THRESHOLDS[self.sensitivity]

    def possible(self, lower: float, upper: float) -> tuple[float, float]:
        """A range without what values can never take."""
        return max(lower, self.low) if self.low is not None else lower, min(upper, self.high) if self.high is not None else upper

    def watches(self, kpi: str) -> bool:
        """Whether the rule names a KPI."""
        return any(fnmatchcase(kpi, pattern) for pattern in self.kpis)


@dataclass(frozen=True, slots=True)
class Watching:
    """The rules, with a memory of which KPI is whose."""

    rules: tuple[AnomalyRule, ...] = ()
    _known: dict[str, AnomalyRule | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def wants_speeds(self) -> bool:
        """Whether a rule takes the speed of interfaces for the end of a range."""
        return any(rule.high_is_speed for rule in self.rules)

    def rule_of(self, kpi: str) -> AnomalyRule | None:
        """The first rule that names a KPI, ``None`` when it is not watched."""
        if kpi not in self._known:
            self._known[kpi] = first_of(self.rules, kpi)
        return self._known[kpi]


def first_of(rules: Sequence[AnomalyRule], kpi: str) -> AnomalyRule | None:
    """The rule that a KPI belongs to."""
    return next((rule for rule in rules if rule.watches(kpi)), None)
