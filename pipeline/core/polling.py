"""One device's polls folded: indicators, crossed thresholds and the state report that each poll gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.core.directory import Directory
from pipeline.core.event import Event, StateReport
from pipeline.core.kpi import KpiBatch, kpis
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.report import state_report
from pipeline.core.threshold import Standing, Threshold, apply


@dataclass(frozen=True, slots=True)
class PollState:
    """What one device's next poll is compared with: the last answered poll, where its thresholds stand, when it was polled last."""

    answered: RawPoll | None = None
    standings: dict[str, Standing] = field(default_factory=dict)
    polled_at: int = 0


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll means. Nothing at all when it is not newer than the one before (a replay)."""

    state: PollState
    batches: tuple[KpiBatch, ...] = ()
    events: tuple[Event, ...] = ()
    report: StateReport | None = None


def fold(state: PollState, poll: RawPoll, directory: Directory, thresholds: Sequence[Threshold]) -> PollResult:
    """Fold one poll into its device's state."""
    if poll.polled_at <= state.polled_at:
        return PollResult(state)
    batches = kpis(poll, state.answered, directory)
    report = state_report(poll, directory)
    standings = state.standings
    events: list[Event] = []
    for batch in batches:
        standings, crossed = apply(standings, batch, thresholds, report.domain)
        events += crossed
    answered = poll if poll.outcome is PollOutcome.ANSWERED else state.answered
    return PollResult(PollState(answered, standings, poll.polled_at), batches, tuple(events), report)
