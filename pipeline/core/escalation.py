"""Who is told further when nobody acknowledges an incident: rules by severity and tier, levels by time, repeated until somebody does."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.event import Severity
from pipeline.core.incident import Incident, IncidentState
from pipeline.core.inventory import Tier

MINUTE_NS = 60 * 1_000_000_000
MOST_REPEATS = 1_000
"""How often the last level is told at most; an incident that nobody heeds that long is nobody's."""


@dataclass(frozen=True, slots=True)
class Level:
    """Tells the route named ``route``, ``after_min`` minutes after the rule began to apply."""

    after_min: float
    route: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """One rule of ``rules/routing.yaml``: which incidents, and who is told when.

    It is for incidents of at least ``min_severity`` that a customer of one of ``tiers`` feels (empty: all, felt or not). ``repeat_min``
    tells the last level's route again every so many minutes; 0 is never.
    """

    name: str
    levels: tuple[Level, ...]
    min_severity: Severity = Severity.MAJOR
    tiers: tuple[Tier, ...] = ()
    repeat_min: float = 0.0

    def is_for(self, incident: Incident) -> bool:
        """Whether an incident is of this rule."""
        felt = not self.tiers or any(impact.tier in self.tiers for impact in incident.impacts)
        return felt and incident.severity >= self.min_severity

    def at_step(self, step: int) -> int:
        """Nanoseconds after the beginning at which a step (from 1) is due; -1 for one that never is."""
        if step <= len(self.levels):
            return round(self.levels[step - 1].after_min * MINUTE_NS)
        repeats = step - len(self.levels)
        if self.repeat_min <= 0 or repeats > MOST_REPEATS:
            return -1
        return round((self.levels[-1].after_min + repeats * self.repeat_min) * MINUTE_NS)

    def route_at(self, step: int) -> str:
        """Whom a step (from 1) tells."""
        return self.levels[min(step, len(self.levels)) - 1].route

    def due(self, done: int, elapsed_ns: int) -> int:
        """The last step that is due when so much time has passed and ``done`` steps were taken."""
        step = done
        while 0 <= self.at_step(step + 1) <= elapsed_ns:
            step += 1
        return step


@dataclass(frozen=True, slots=True)
class Escalated:
    """An incident that nobody acknowledged: ``routes`` are to be told by ``rule``; ``unheeded_ns`` is how long it has waited."""

    incident: Incident
    rule: str
    routes: tuple[str, ...]
    unheeded_ns: int


def rule_for(incident: Incident, rules: Sequence[Escalation]) -> Escalation | None:
    """The first rule that an incident is of; none for one that is in hand, over, planned or shelved."""
    if incident.state is not IncidentState.OPEN or incident.acknowledged_by or incident.planned or incident.shelved:
        return None
    return next((rule for rule in rules if rule.is_for(incident)), None)
