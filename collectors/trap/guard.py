"""The storm guard: over a limit, the last notification of each object is passed on instead of all of them. Pure, time is an argument.

Within the limits a notification passes at once. Over one it is held: one place for each object, where a newer notification takes the place
of an older, which is thereby *absorbed*; what is held leaves once in ``compact_s``, in the order of the journal. Nothing else is ever left
out, so the last state of every object, a clear above all, is passed on.

Order: while something of an order (:class:`pipeline.core.identity.Identity`) is held, whatever follows in that order is held behind it.
Fairness: over the overall limit, a source under an equal share of it passes at once; what is held leaves at the overall rate, the sources
taking turns.
"""

from collections import deque
from collections.abc import Callable, Hashable, ItemsView, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from pipeline.config.settings import GuardSettings
from pipeline.core.identity import Identity
from pipeline.core.raw import RawTrap

WINDOW_S = 1.0
"""Over this long rates are counted, for equal shares and for the end of a storm."""
TURN_S = 0.1
"""What is held leaves in portions of this much time, so that nothing that passes has to wait behind more than that."""
SWEEP_S = 10.0
METERS_MAX = 65_536
"""Sources and objects whose rate is known at most; with more, all that is not storming begins anew."""
STEP_BACK_S = 1.0
"""A clock that goes back by more was set; by less, batches merely overlap."""

Identify = Callable[[RawTrap], Identity]


class Scope(StrEnum):
    """What a storm is of."""

    SOURCE = "source"
    OBJECT = "object"
    OVERALL = "overall"


class Storm(NamedTuple):
    """A storm that ``began``, or ended. ``source`` is empty for an overall one; ``sequence`` is the notification it was noticed at."""

    scope: Scope
    source: str
    began: bool
    at: int
    sequence: int


class Limit(NamedTuple):
    """So many at once, and then so many each second."""

    per_s: float
    burst: float


class _Meter:
    """How much of a limit is used (a token bucket), and whether it is in a storm."""

    __slots__ = ("at", "count", "noisy_at", "storming", "tokens", "window_at")

    def __init__(self, limit: Limit, now: float) -> None:
        self.tokens = limit.burst
        self.at = self.window_at = self.noisy_at = now
        self.count = 0
        self.storming = False

    def take(self, limit: Limit, now: float) -> bool:
        """Use one of the limit; false when nothing is left of it."""
        tokens = self.tokens + (now - self.at) * limit.per_s
        self.at = now
        self.tokens = min(tokens, limit.burst)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def begin_storm(self, now: float) -> None:
        self.storming = True
        self.count, self.window_at, self.noisy_at = 0, now, now

    def is_over(self, limit: Limit, now: float, rearm: float, rearm_s: float) -> bool:
        """Whether the rate has been under ``rearm`` times the limit for ``rearm_s``."""
        span = now - self.window_at
        if span >= WINDOW_S:
            if self.count > rearm * limit.per_s * span:
                self.noisy_at = now
            self.count, self.window_at = 0, now
        return now - self.noisy_at >= rearm_s

    def is_fresh(self, limit: Limit, now: float) -> bool:
        """Whether a new meter would be no different."""
        return not self.storming and self.tokens + (now - self.at) * limit.per_s >= limit.burst


class _Held(NamedTuple):
    trap: RawTrap
    order: Hashable
    repeats: int


class _Source:
    """One sender: its rate (``heard``: all that it says, ``meter``: what passes), what is held of it, and of that what is due in order."""

    __slots__ = ("due", "heard", "held", "in_window", "meter", "name", "orders", "since", "window")

    def __init__(self, name: str, limit: Limit, now: float) -> None:
        self.name = name
        self.heard = _Meter(limit, now)
        self.meter = _Meter(limit, now)
        self.held: dict[Hashable, _Held] = {}
        self.due: deque[_Held] = deque()
        self.orders: dict[Hashable, int] = {}
        self.since = 0.0
        self.window = -1
        self.in_window = 0

    def must_wait(self, order: Hashable) -> bool:
        """Whether something before it, in the order that it is in, is held."""
        orders = self.orders
        return bool(orders) and (order is None or order in orders or None in orders)

    def enter(self, order: Hashable) -> None:
        self.orders[order] = self.orders.get(order, 0) + 1

    def leave(self, order: Hashable) -> None:
        left = self.orders[order] - 1
        if left:
            self.orders[order] = left
        else:
            del self.orders[order]


class Guard:
    """Decides for each notification whether it passes at once. Feed it what was journaled, in order.

    Times are UTC nanoseconds. It counts for itself how much time has passed, so a clock that is set back costs nothing and one that is set
    forward lets go of what is held.
    """

    def __init__(self, settings: GuardSettings, identify: Identify) -> None:
        self._settings = settings
        self._identify = identify
        self._of_source = Limit(settings.source_per_s, settings.source_burst)
        self._of_object = Limit(settings.object_per_s, settings.object_burst)
        self._overall = Limit(settings.overall_per_s, max(settings.overall_per_s * WINDOW_S, 1.0))
        self._now = 0.0
        self._last: int | None = None
        self._sequence = 0
        self._sources: dict[str, _Source] = {}
        self._objects: dict[Hashable, _Meter] = {}
        self._all_heard = _Meter(self._overall, 0.0)
        self._all = _Meter(self._overall, 0.0)
        self._departing = Limit(settings.overall_per_s, max(settings.overall_per_s * TURN_S, 1.0))
        self._leaving = _Meter(self._departing, 0.0)
        self._waiting: dict[str, _Source] = {}
        self._draining: dict[str, _Source] = {}
        self._storming: dict[tuple[Scope, Hashable], _Meter] = {}
        self._news: list[Storm] = []
        self._out: list[RawTrap] = []
        self._window = 0
        self._active = self._active_before = 0
        self._sweep_at = SWEEP_S
        self._look_at = 0.0
        self._held: dict[int, int] = {}
        self.absorbed = 0
        self.passed = 0
        self.delayed = 0

    def admit(self, traps: Iterable[RawTrap]) -> list[RawTrap]:
        """What of these, and of what they push out, is to be published now, in order. Those absorbed are counted in ``absorbed``."""
        for trap in traps:
            self._advance(trap.received_at)
            self._sequence = trap.sequence
            if self._settings.enabled:
                self._admit(trap)
            else:
                self._pass(trap)
        return self._take_out()

    def due(self, at: int) -> list[RawTrap]:
        """What was held and is to be published now, as of the time ``at``; and the look whether storms are over."""
        self._advance(at)
        self._release()
        self._end_storms()
        self._sweep()
        return self._take_out()

    def hold_again(self, trap: RawTrap) -> None:
        """Hold a notification that was held before the collector was started again, with its ``repeats``."""
        self._advance(trap.received_at)
        self._hold(self._source(trap.source), self._identify(trap), trap)

    def release_all(self) -> list[RawTrap]:
        """Everything that is held, in each source's order, whatever the limits say: for the end of the collector."""
        for source in (*self._draining.values(), *self._waiting.values()):
            self._let_go(source)
        return self._take_out()

    def wake_s(self) -> float | None:
        """After how many seconds there is something to do though nothing comes; ``None`` for never."""
        if self._draining:
            return TURN_S / 2
        if self._waiting:
            return max(next(iter(self._waiting.values())).since + self._settings.compact_s - self._now, 0.0)
        return WINDOW_S if self._storming else None

    def held(self) -> ItemsView[int, int]:
        """Sequence and repeats of everything held. It is asked for with every round, so it is kept up to date and not gathered."""
        return self._held.items()

    @property
    def held_count(self) -> int:
        """How many are held."""
        return len(self._held)

    def news(self) -> list[Storm]:
        """Storms of sources and overall that began or ended since the last call."""
        news, self._news = self._news, []
        return news

    def storms(self, scope: Scope) -> list[str]:
        """The sources in a storm (for ``OBJECT``, once for each object; overall: one empty name)."""
        return [str(key[0]) if isinstance(key, tuple) else str(key) for found, key in self._storming if found is scope]

    def storm_again(self, scope: Scope, source: str) -> None:
        """A storm stood when the collector ended: it is over once its time of calm has passed."""
        meter = self._all_heard if scope is Scope.OVERALL else self._source(source).heard
        meter.begin_storm(self._now)
        self._storming[scope, source] = meter

    def _admit(self, trap: RawTrap) -> None:
        identity = self._identify(trap)
        source = self._source(trap.source)
        one = self._objects.get(identity.subject)
        if one is None:
            one = self._objects[identity.subject] = _Meter(self._of_object, self._now)
        one.count += 1
        self._hear(source)
        self._count_window(source)
        if source.must_wait(identity.order) or not self._may_pass(source, one, identity.subject):
            self._hold(source, identity, trap)
        else:
            self._pass(trap)

    def _hear(self, source: _Source) -> None:
        """Count what comes, whatever becomes of it: one object that flaps at any rate is a storm of its source as well."""
        source.heard.count += 1
        self._all_heard.count += 1
        if not source.heard.take(self._of_source, self._now):
            self._begin_storm(Scope.SOURCE, source.name, source.heard)
        if not self._all_heard.take(self._overall, self._now):
            self._begin_storm(Scope.OVERALL, "", self._all_heard)

    def _pass(self, trap: RawTrap) -> None:
        self._out.append(trap)
        self.passed += 1

    def _may_pass(self, source: _Source, one: _Meter, subject: Hashable) -> bool:
        """Whether the limits, from the narrowest on, leave room. What one object may not say is not held against its source."""
        now = self._now
        if not one.take(self._of_object, now):
            self._begin_storm(Scope.OBJECT, subject, one)
            return False
        if not source.meter.take(self._of_source, now):
            return False
        return self._all.take(self._overall, now) or source.in_window <= self._fair_share()

    def _fair_share(self) -> float:
        return self._overall.per_s * WINDOW_S / max(self._active, self._active_before, 1)

    def _count_window(self, source: _Source) -> None:
        window = int(self._now / WINDOW_S)
        if window != self._window:
            self._active_before = self._active if window == self._window + 1 else 0
            self._window, self._active = window, 0
        if source.window != window:
            source.window, source.in_window = window, 0
            self._active += 1
        source.in_window += 1

    def _source(self, name: str) -> _Source:
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = _Source(name, self._of_source, self._now)
        return source

    def _hold(self, source: _Source, identity: Identity, trap: RawTrap) -> None:
        """Give it the place of its object, behind everything that is held of its source."""
        repeats = trap.repeats
        older = source.held.pop(identity.subject, None)
        if older is not None:
            source.leave(older.order)
            del self._held[older.trap.sequence]
            self.absorbed += 1
            repeats += older.repeats + 1
        else:
            self.delayed += 1
        if source.name not in self._waiting:
            source.since = self._now
            self._waiting[source.name] = source
        source.held[identity.subject] = _Held(trap, identity.order, repeats)
        self._held[trap.sequence] = repeats
        source.enter(identity.order)
        if self.held_count > self._settings.held_max:
            self._let_go(next(iter((self._draining or self._waiting).values())))

    def _release(self) -> None:
        """Make due what was held long enough, and let go of what is due as fast as the overall limit allows, the sources in turn."""
        before = self._now - self._settings.compact_s
        for source in list(self._waiting.values()):
            if source.since > before:
                break
            if not source.due:
                self._make_due(source)
        while self._draining and self._leaving.take(self._departing, self._now):
            source = self._draining.pop(next(iter(self._draining)))
            self._leave(source, source.due.popleft())
            if source.due:
                self._draining[source.name] = source

    def _make_due(self, source: _Source) -> None:
        del self._waiting[source.name]
        source.due.extend(source.held.values())
        source.held.clear()
        self._draining[source.name] = source

    def _let_go(self, source: _Source) -> None:
        """All that is held of a source, now."""
        if source.name in self._waiting:
            self._make_due(source)
        self._draining.pop(source.name, None)
        while source.due:
            self._leave(source, source.due.popleft())

    def _leave(self, source: _Source, held: _Held) -> None:
        source.leave(held.order)
        del self._held[held.trap.sequence]
        self._out.append(replace(held.trap, repeats=held.repeats) if held.repeats else held.trap)

    def _take_out(self) -> list[RawTrap]:
        out, self._out = self._out, []
        return out

    def _advance(self, at: int) -> None:
        if self._last is None:
            self._last = at
        passed = (at - self._last) / 1e9
        if passed > 0:
            self._now += passed
        if passed > 0 or passed < -STEP_BACK_S:
            self._last = at

    def _begin_storm(self, scope: Scope, key: Hashable, meter: _Meter) -> None:
        if meter.storming:
            return
        meter.begin_storm(self._now)
        self._storming[scope, key] = meter
        self._tell(scope, key, began=True)

    def _end_storms(self) -> None:
        if self._now < self._look_at:
            return
        self._look_at = self._now + WINDOW_S
        limits = {Scope.OBJECT: self._of_object, Scope.SOURCE: self._of_source, Scope.OVERALL: self._overall}
        over = [
            (scope, key)
            for (scope, key), meter in self._storming.items()
            if meter.is_over(limits[scope], self._now, self._settings.rearm, self._settings.rearm_s)
        ]
        for scope, key in over:
            self._storming.pop((scope, key)).storming = False
            self._tell(scope, key, began=False)

    def _tell(self, scope: Scope, key: Hashable, *, began: bool) -> None:
        source = key[0] if isinstance(key, tuple) else key
        self._news.append(Storm(scope, str(source), began, self._last or 0, self._sequence))

    def _sweep(self) -> None:
        """Forget meters that are as new, every ``SWEEP_S`` and when there are too many of them."""
        crowded = len(self._objects) > METERS_MAX or len(self._sources) > METERS_MAX
        if self._now < self._sweep_at and not crowded:
            return
        self._sweep_at = self._now + SWEEP_S
        _forget(self._objects, [key for key, meter in self._objects.items() if meter.is_fresh(self._of_object, self._now)])
        _forget(self._sources, [source.name for source in self._idle() if source.heard.is_fresh(self._of_source, self._now)])
        if len(self._objects) > METERS_MAX:
            _forget(self._objects, [key for key, meter in self._objects.items() if not meter.storming])
        if len(self._sources) > METERS_MAX:
            _forget(self._sources, [source.name for source in self._idle() if not source.heard.storming])

    def _idle(self) -> Iterator[_Source]:
        return (source for source in self._sources.values() if not source.orders)


def _forget(meters: dict[Hashable, _Meter] | dict[str, _Source], keys: Sequence[Hashable]) -> None:
    for key in keys:
        del meters[key]  # type: ignore[arg-type]  # keys are of the same table
