"""How files of ``rules/correlation`` are written: which alarm type follows which other, where; and pairs of alarms that prove it."""

from dataclasses import dataclass

from pipeline.core.correlation_rule import CorrelationRule


@dataclass(frozen=True, slots=True)
class CorrelationTest:
    """Two alarms in the tests' network, one ``after_s`` seconds after the other, and whether the rule lays the effect to the cause.

    ``cause`` and ``effect`` are resources; the types are the rule's.
    """

    correlation: str
    cause: str
    effect: str
    after_s: float = 1.0
    laid: bool = True


@dataclass(frozen=True, slots=True)
class CorrelationFile:
    """A file of ``rules/correlation``."""

    correlations: tuple[CorrelationRule, ...]
    tests: tuple[CorrelationTest, ...]
