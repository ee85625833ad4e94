"""When devices were polled, in memory: the answers of :class:`pipeline.store.observation.ObservationQueries` without hours to begin with.

``tests/store/test_observation.py`` holds it to the real one.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from statistics import median

from pipeline.core.observation import LONGER_THAN_NS, Polled, Polling
from pipeline.core.span import Span, union

S = 1_000_000_000
DAY_S, MINUTE_S = 86_400, 60


class FakePolls:
    """Polls by device, in seconds since 1970."""

    def __init__(self, times: Mapping[str, Iterable[int]]) -> None:
        self.times = {device: sorted(each) for device, each in times.items()}

    def polling(
        self, devices: Collection[str], starts_at: int, ends_at: int, now: int, longer_than: int = LONGER_THAN_NS, also: Iterable[Span] = ()
    ) -> Polling:
        starts_s = starts_at // S - DAY_S
        ends_s = max(starts_s, min(ends_at // S + DAY_S, now // S + 1))
        found = {}
        for device in devices:
            times = [at for at in self.times.get(device, ()) if starts_s <= at < ends_s]
            if times:
                spans = union(Span(at // MINUTE_S * MINUTE_S * S, (at // MINUTE_S + 1) * MINUTE_S * S) for at in times)
                apart = [later - earlier for earlier, later in pairwise(times)]
                found[device] = Polled(spans, round(median(apart or [3600])) * S)
        first = min((times[0] for times in self.times.values() if times), default=None)
        first_at = None if first is None else 0 if first < starts_s else first // MINUTE_S * MINUTE_S * S
        return Polling(found, ends_s * S, first_at)
