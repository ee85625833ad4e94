"""The life of one incident as the effects on its ticket: opened, its cause moved, ended, back again."""

from dataclasses import replace

from pipeline.core.effect import Effect
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Tier
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.routing import Routing
from pipeline.core.ticket import decide

START = 1_795_000_000_000_000_000
HOUR = 3_600_000_000_000
IMPACT = Impact("acme-vpn-1", "acme", "acme-gold", Tier.GOLD, ServiceState.DOWN, START)
OPEN = Incident(
    "inc-1",
    "default",
    ResourceId("link/pe1-pe2"),
    IncidentState.OPEN,
    Severity.CRITICAL,
    "both ends say so",
    (),
    ("a1",),
    (IMPACT,),
    START,
    START,
)
MOVED = replace(OPEN, root_cause=ResourceId("fibre/f1"), revision=2)
ENDED = replace(MOVED, state=IncidentState.RESOLVED, resolved_at=START + HOUR, revision=3)
BACK = replace(MOVED, revision=4)
ENDED_AGAIN = replace(ENDED, revision=5)


def effect_of(incident: Incident, previous: Incident | None) -> Effect:
    [effect] = decide(incident, previous, Routing(), START)
    return effect


OPENING, UPDATE, RESOLVE, REOPEN = effect_of(OPEN, None), effect_of(MOVED, OPEN), effect_of(ENDED, MOVED), effect_of(BACK, ENDED)
RESOLVE_AGAIN = effect_of(ENDED_AGAIN, BACK)


class Clock:
    """A clock that stands at ``now``."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def life(name: str) -> tuple[Effect, Effect, Effect]:
    """Opening, update and resolve of an incident by another name."""
    first, moved, ended = (replace(one, id=name) for one in (OPEN, MOVED, ENDED))
    return effect_of(first, None), effect_of(moved, first), effect_of(ended, moved)
