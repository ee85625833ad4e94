"""One device's polls folded: indicators, crossed thresholds and the state report that each poll gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipeline.core.anomaly_alarm import AnomalyState, apply_all
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.directory import Directory
from pipeline.core.event import Event, StateReport
from pipeline.core.kpi import KpiBatch
from pipeline.core.measure import Measuring, measured, speeds_of
from pipeline.core.profile import BGP_PEERS
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.report import peer_states, state_report
from pipeline.core.sample import SeenTable, was_restarted
from pipeline.core.threshold import Standing, Threshold, apply

NANOSECONDS_PER_TICK = 10_000_000


@dataclass(frozen=True, slots=True)
class PollState:
    """What one device's next poll is compared with: its tables as last seen, where its thresholds stand, and which poll was the last.

    ``answered_at`` and ``uptime_ticks`` are of the last answer to a turn of the schedule, ``profile`` is what it was asked by. ``unusual``
    are the series whose alarm of an anomaly stands. ``peers_seen_up`` are the addresses of its BGP peers that a poll has seen established,
    as long as the device has them.
    """

    seen: dict[str, SeenTable] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    polled_at: int = 0
    collector: str = ""
    sequence: int = 0
    answered_at: int = 0
    uptime_ticks: int | None = None
    profile: str = ""
    peers_seen_up: tuple[str, ...] = ()
    unusual: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll means. Nothing at all when it was folded before (a replay)."""

    state: PollState
    batches: tuple[KpiBatch, ...] = ()
    anomalies: tuple[AnomalyBatch, ...] = ()
    events: tuple[Event, ...] = ()
    report: StateReport | None = None


def fold(
    state: PollState,
    poll: RawPoll,
    directory: Directory,
    thresholds: Sequence[Threshold],
    by: Measuring,
    memory: AnomalyState | None = None,
) -> PollResult:
    """Fold one poll into its device's state; ``memory`` is the detector's of the device, and is changed in place.

    A poll on suspicion tells of states only: its indicators would be of a moment, not of an interval, and the next poll of the schedule is
    compared with the last one of the schedule. A device that does not answer is measured by the profile that it last answered to.
    """
    if not _is_news(state, poll):
        return PollResult(state)
    asked = poll if poll.profile else replace(poll, profile=state.profile)
    batches, seen = ((), state.seen) if poll.on_suspicion else measured(asked, state.seen, directory, by)
    report = state_report(poll, directory, state.peers_seen_up, _restarted_at(state, poll))
    standings = state.standings
    events: list[Event] = []
    for batch in batches:
        standings, crossed = apply(standings, batch, thresholds, report.domain)
        events += crossed
    unusual = state.unusual
    anomalies: tuple[AnomalyBatch, ...] = ()
    if memory is not None and batches:
        speeds = [speeds_of(batch, directory) for batch in batches] if by.watching.wants_speeds else ()
        odd, anomalies = apply_all(memory, batches, by.watching, report.domain, speeds=speeds)
        events += odd
        unusual = memory.standings()
    after = replace(_after(state, asked, seen, standings), unusual=unusual)
    return PollResult(after, batches, anomalies, tuple(events), report)


def _is_news(state: PollState, poll: RawPoll) -> bool:
    """Whether a poll was not folded before: a later one, or one that its collector took after the last though its clock was set back."""
    if poll.polled_at > state.polled_at:
        return True
    return poll.collector == state.collector and poll.sequence > state.sequence


def _after(state: PollState, poll: RawPoll, seen: dict[str, SeenTable], standings: dict[str, Standing]) -> PollState:
    answered = poll.outcome is PollOutcome.ANSWERED and not poll.on_suspicion
    return PollState(
        seen=seen,
        standings=standings,
        polled_at=poll.polled_at,
        collector=poll.collector,
        sequence=poll.sequence,
        answered_at=poll.polled_at if answered else state.answered_at,
        uptime_ticks=poll.uptime_ticks if answered else state.uptime_ticks,
        profile=poll.profile or state.profile,
        peers_seen_up=_seen_up(state, poll),
    )


def _restarted_at(state: PollState, poll: RawPoll) -> int:
    """When the device's agent began anew since the answer before, in UTC nanoseconds; 0 when it did not, or nothing tells."""
    if not state.answered_at or poll.uptime_ticks is None:
        return 0
    if not was_restarted(state.uptime_ticks, poll.uptime_ticks, (poll.polled_at - state.answered_at) / 1e9):
        return 0
    return poll.polled_at - poll.uptime_ticks * NANOSECONDS_PER_TICK


def _seen_up(state: PollState, poll: RawPoll) -> tuple[str, ...]:
    table = poll.tables.get(BGP_PEERS)
    if poll.outcome is not PollOutcome.ANSWERED or table is None:
        return state.peers_seen_up
    up = {address for address, is_up in peer_states(poll).items() if is_up}
    return tuple(sorted(up.union(state.peers_seen_up).intersection(table.indexes)))
