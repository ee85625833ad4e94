"""How files of ``rules/anomalies`` are written: what is watched, and short series that prove it."""

from dataclasses import dataclass

from pipeline.core.anomaly_rule import AnomalyRule


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a test's series: ``samples`` values around ``mean``, one every ``every_s`` seconds, and what they must cause in turn.

    ``swing`` is how far the value goes up and down within a day, ``noise`` the standard deviation of what is random in it (always the
    same). ``missing`` values were not measured. ``expect`` lists ``raise`` and ``clear``, in order; nothing by default.
    """

    samples: int
    mean: float = 0.0
    swing: float = 0.0
    noise: float = 0.0
    missing: bool = False
    expect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnomalyTest:
    """A series of one KPI under one rule, stretch after stretch. ``speed``: of its interface, bits a second, where it is asked for."""

    anomaly: str
    series: tuple[Stretch, ...]
    kpi: str = ""
    every_s: int = 300
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class AnomalyFile:
    """A file of ``rules/anomalies``."""

    anomalies: tuple[AnomalyRule, ...]
    tests: tuple[AnomalyTest, ...]
