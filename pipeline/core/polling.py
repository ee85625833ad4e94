"""One device's polls folded: indicators, crossed thresholds and the state report that each poll gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.core.directory import Directory
from pipeline.core.event import Event, StateReport
from pipeline.core.kpi import KpiBatch, kpis
from pipeline.core.profile import BGP_PEERS
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.report import peer_states, state_report
from pipeline.core.sample import was_restarted
from pipeline.core.threshold import Standing, Threshold, apply

NANOSECONDS_PER_TICK = 10_000_000


@dataclass(frozen=True, slots=True)
class PollState:
    """What one device's next poll is compared with: the last answered poll, where its thresholds stand, when it was polled last.

    ``peers_seen_up`` are the addresses of its BGP peers that a poll has seen established, as long as the device has them.
    """

    answered: RawPoll | None = None
    standings: dict[str, Standing] = field(default_factory=dict)
    polled_at: int = 0
    peers_seen_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll means. Nothing at all when it is not newer than the one before (a replay)."""

    state: PollState
    batches: tuple[KpiBatch, ...] = ()
    events: tuple[Event, ...] = ()
    report: StateReport | None = None


def fold(state: PollState, poll: RawPoll, directory: Directory, thresholds: Sequence[Threshold]) -> PollResult:
    """Fold one poll into its device's state.

    A poll on suspicion tells of states only: its indicators would be of a moment, not of an interval, and the next poll of the schedule is
    compared with the last one of the schedule.
    """
    if poll.polled_at <= state.polled_at:
        return PollResult(state)
    batches = () if poll.on_suspicion else kpis(poll, state.answered, directory)
    report = state_report(poll, directory, state.peers_seen_up, _restarted_at(state.answered, poll))
    standings = state.standings
    events: list[Event] = []
    for batch in batches:
        standings, crossed = apply(standings, batch, thresholds, report.domain)
        events += crossed
    answered = poll if poll.outcome is PollOutcome.ANSWERED and not poll.on_suspicion else state.answered
    return PollResult(PollState(answered, standings, poll.polled_at, _seen_up(state, poll)), batches, tuple(events), report)


def _restarted_at(before: RawPoll | None, poll: RawPoll) -> int:
    """When the device's agent began anew since the answer before, in UTC nanoseconds; 0 when it did not, or nothing tells."""
    if before is None or poll.uptime_ticks is None:
        return 0
    seconds = (poll.polled_at - before.polled_at) / 1e9
    if not was_restarted(before.uptime_ticks, poll.uptime_ticks, seconds):
        return 0
    return poll.polled_at - poll.uptime_ticks * NANOSECONDS_PER_TICK


def _seen_up(state: PollState, poll: RawPoll) -> tuple[str, ...]:
    table = poll.tables.get(BGP_PEERS)
    if poll.outcome is not PollOutcome.ANSWERED or table is None:
        return state.peers_seen_up
    up = {address for address, is_up in peer_states(poll).items() if is_up}
    return tuple(sorted(up.union(state.peers_seen_up).intersection(table.indexes)))
