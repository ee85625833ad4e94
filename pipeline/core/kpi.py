"""A KPI: a network indicator with a unit, computed from samples whose quality is known."""

from dataclasses import dataclass
from enum import IntEnum

from pipeline.core.resource import ResourceId


class Quality(IntEnum):
    """Why a value may or may not count (glossary: sample quality). The numbers are those stored in ClickHouse."""

    GOOD = 0
    MISSING = 1
    RESET = 2
    STALE = 3
    BLIND = 4


@dataclass(frozen=True, slots=True)
class KpiBatch:
    """All KPIs of one device at one time, columnar: ``columns[kpi][i]`` belongs to ``resources[i]``; ``None`` where there is no value.

    ``quality[kpi][i]`` is a :class:`Quality` number. ``(collector, sequence)`` is the poll it came from. ``at`` is UTC nanoseconds.
    """

    device: str
    at: int
    collector: str
    sequence: int
    resources: tuple[ResourceId, ...]
    columns: dict[str, tuple[float | None, ...]]
    quality: dict[str, tuple[int, ...]]
