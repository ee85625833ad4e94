"""The outbox's delivery loop: at least once, in order for each subject and route, one slow receiver delaying no other."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from pipeline.core.effect import Effect, Outcome, Receipt
from pipeline.core.obligation import StoredEffect
from pipeline.core.wording import plain
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.pause import pause
from pipeline.outputs.ports import Again, Delivery, Done, OutboxPort, Output, Poison, Refused
from pipeline.outputs.retry import RetryPolicy

log = logging.getLogger(__name__)

Choose = Callable[[Effect], Output | None]
"""Which output carries an effect; ``None`` when no setting names its receiver."""

_NANO = 1_000_000_000
_DETAIL_LIMIT = 400


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How many, how long, how often.

    ``per_route`` effects of a route are under way at once; one attempt takes at most ``attempt_s``; a claim lasts ``lease_s``, after
    which another process may take what a dead one held. An idle loop looks every ``idle_s``.
    """

    per_route: int = 4
    attempt_s: float = 60.0
    lease_s: float = 75.0
    idle_s: float = 0.25
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class Deliveries:
    """Takes effects from the outbox and has them carried out until told to stop.

    ``wake`` is set by whoever stored new effects, so that they need not wait for the next look; ``receipted`` is called after each
    receipt; ``problem`` says why nothing is delivered, if so. ``clock`` answers UTC nanoseconds.
    """

    def __init__(
        self,
        store: OutboxPort,
        choose: Choose,
        metrics: OutputMetrics,
        settings: DeliverySettings | None = None,
        *,
        receipted: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.wake = asyncio.Event()
        self.problem = ""
        self._store = store
        self._choose = choose
        self._metrics = metrics
        self._settings = settings or DeliverySettings()
        self._receipted = receipted
        self._clock = clock
        self._busy: Counter[str] = Counter()
        self._crashes: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop`` is set; attempts under way then have ``attempt_s`` to end."""
        try:
            while not stop.is_set():
                self.wake.clear()
                await self._start_due()
                await pause(self._settings.idle_s, self.wake, stop)
        finally:
            await self._finish_started()

    async def _start_due(self) -> None:
        try:
            due = await self._claim()
        except Exception:
            self.problem = "the obligations store does not answer"
            log.exception("the obligations store does not answer; effects wait in it (remedy: look at the database)")
            return
        self.problem = ""
        for stored in due:
            self._busy[stored.effect.route] += 1
            task = asyncio.create_task(self._attempt(stored))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _claim(self) -> list[StoredEffect]:
        settings, now = self._settings, self._clock()
        busy: Mapping[str, int] = dict(self._busy)
        return await asyncio.to_thread(self._store.claim, now, now + int(settings.lease_s * _NANO), settings.per_route, busy)

    async def _finish_started(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attempt(self, stored: StoredEffect) -> None:
        effect = stored.effect
        self._metrics.attempts.labels(effect.kind.value).inc()
        try:
            await self._record(stored, await self._deliver(effect))
        except Exception:
            log.exception("effect %s: its result could not be recorded; it is tried again when its lease ends", effect.key)
        finally:
            self._busy[effect.route] -= 1
            self.wake.set()

    async def _deliver(self, effect: Effect) -> Delivery:
        output = self._choose(effect)
        if output is None:
            return Refused(
                f"no output for {effect.kind.value} by route '{effect.route}'; look at tickets.system and webhooks in the settings"
            )
        try:
            async with asyncio.timeout(self._settings.attempt_s):
                return await output.deliver(effect)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Again(f"{type(error).__name__}: {error}")
        except Exception as error:
            self._crashes[effect.key] += 1
            log.exception("effect %s: the output failed in its own code", effect.key)
            told = f"{type(error).__name__}: {error}"
            return Poison(told) if self._crashes[effect.key] >= self._settings.retry.max_crashes else Again(told)

    async def _record(self, stored: StoredEffect, delivery: Delivery) -> None:
        match delivery:
            case Done(remote_id, detail):
                await self._end(stored, Outcome.DELIVERED, detail, remote_id)
            case Refused(detail):
                await self._end(stored, Outcome.REFUSED, detail)
            case Poison(detail):
                await self._end(stored, Outcome.DEAD, f"not understood: {detail}")
            case Again(detail, after_s, planned):
                await self._again(stored, detail, after_s, planned=planned)

    async def _again(self, stored: StoredEffect, detail: str, after_s: float, *, planned: bool) -> None:
        """Plan the next attempt; what is only not due yet is looked at when it asked for, without back-off."""
        retry, now = self._settings.retry, self._clock()
        attempts = 1 if planned else stored.attempts
        next_at = retry.next_attempt_at(attempts, now, after_s, random.random())  # noqa: S311  # jitter is no secret
        given_up = retry.given_up(stored.attempts, stored.created_at, next_at)
        if given_up:
            await self._end(stored, Outcome.DEAD, f"{given_up}: {detail}")
            return
        left_s = (next_at - now) / _NANO
        level = logging.DEBUG if planned else logging.WARNING
        log.log(level, "effect %s: attempt %d failed: %s; next in %.1f s", stored.effect.key, stored.attempts, detail, left_s)
        await asyncio.to_thread(self._store.postpone, stored.effect.key, next_at, plain(detail, _DETAIL_LIMIT))

    async def _end(self, stored: StoredEffect, outcome: Outcome, detail: str, remote_id: str = "") -> None:
        effect, now = stored.effect, self._clock()
        receipt = Receipt(
            key=effect.key,
            kind=effect.kind,
            subject=effect.subject,
            route=effect.route,
            outcome=outcome,
            at=now,
            remote_id=remote_id,
            attempts=stored.attempts,
            detail=plain(detail, _DETAIL_LIMIT),
        )
        await asyncio.to_thread(self._store.finish, receipt)
        self._crashes.pop(effect.key, None)
        self._count(receipt, effect.decided_at)
        self._receipted()

    def _count(self, receipt: Receipt, decided_at: int) -> None:
        kind = receipt.kind.value
        self._metrics.effects.labels(kind, receipt.outcome.value).inc()
        if receipt.outcome is Outcome.DELIVERED:
            self._metrics.seconds.labels(kind).observe(max(receipt.at - decided_at, 0) / _NANO)
        else:
            log.error("effect %s is %s: %s", receipt.key, receipt.outcome.value, receipt.detail)
