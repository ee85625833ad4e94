"""When time alone will change a domain next: what lets a replay leave out the ticks that would change nothing.

Whatever a tick decides from the time is told here too; a test holds both together by ticking through every timeline.
"""

from collections.abc import Iterator

from pipeline.core.alarm import Alarm
from pipeline.core.context import Context
from pipeline.core.domain import DomainState, IncidentRow
from pipeline.core.shelf import NANOSECONDS

NEVER = 1 << 63
"""Later than any time."""
TICK_NS = 250_000_000
"""How close together ticks are: those of a replay are at its multiples, counted from the epoch."""


def due_at(context: Context, state: DomainState) -> int:
    """The first time (UTC nanoseconds) at which a tick may change more than the clock, given that the tick before changed nothing.

    A time that has passed means the next tick; :data:`NEVER` that time changes nothing. What is only tidied up is not told: a state that
    has alarms or incidents wants a tick at every sweep, see :func:`wants_sweeps`.
    """
    return min(_due(context, state), default=NEVER)


def wants_sweeps(state: DomainState) -> bool:
    """Whether there is anything that a sweep may forget."""
    return bool(state.alarms or state.incidents or state.operations or state.shelves or state.planned or state.pages.rows)


def _due(context: Context, state: DomainState) -> Iterator[int]:
    timing = context.timing
    if state.touched or state.symptoms.has_news:
        yield state.now
    if state.pending:
        yield min(state.alarms[key].pending_at for key in state.pending) + int(min(timing.settle_s, timing.settle_cap_s) * NANOSECONDS)
    yield from (at for at in (state.release_at, state.replan_at) if at)
    if context.routing.escalations:
        yield from state.heed_at.values()
    yield from state.pages.next_due()
    if state.pages.rows or (state.open and context.routing.routes):
        yield state.pages.turn_at
    for name in state.waiting:
        row = state.incidents.get(name)
        if row is not None and not row.absorbed_by:
            yield from _incident_due(context, state, row)


def _incident_due(context: Context, state: DomainState, row: IncidentRow) -> Iterator[int]:
    """A waiting incident is described, resolves once it was clear for long enough, or its maintenance window ends."""
    if row.incident is None:
        yield state.now
        return
    alarms: list[Alarm] = [state.alarms[key].alarm for key in row.members if key in state.alarms]
    if not row.resolved_at and all(alarm.is_cleared for alarm in alarms):
        quiet_s = context.timing.flap_window_s if row.flapping else context.timing.settle_s
        yield max((alarm.cleared_at for alarm in alarms), default=row.started_at) + int(quiet_s * NANOSECONDS)
    if row.incident.planned:
        yield next((window.ends_at + 1 for window in state.windows if window.name == row.incident.planned), state.now)


def next_tick(now: int, until: int, due: int, sweep_ns: int) -> int:
    """The next tick that matters after the one at ``now``: at what is due, at the next sweep (``sweep_ns``; 0 for none), or ``until``.

    All are multiples of :data:`TICK_NS`. What is due already is due with the next tick.
    """
    at = max(now + TICK_NS, -(-due // TICK_NS) * TICK_NS)
    return min(at, now - now % sweep_ns + sweep_ns if sweep_ns else until, until)
