"""Approved credits posted to billing, once each whatever dies when, and read back there until they are confirmed.

The order is always: write down that it is being posted, look whether billing has it, post it, write down that it is there. Killed between
any two of these, the look finds out what became of it.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from pipeline.config.billing_settings import BillingSettings
from pipeline.core.ledger import Step, StepKind
from pipeline.core.money import money_text
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import BILLING, NotAllowedError
from pipeline.core.wording import plain
from pipeline.outputs.billing.port import BillingSystem, CannotPostError, Posted, Posting, posting_of
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.pause import pause
from pipeline.outputs.ports import Again, PostingPort, Refused
from pipeline.outputs.retry import RetryPolicy

log = logging.getLogger(__name__)

_NANO = 1_000_000_000
_DETAIL_LIMIT = 400
_NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class PostingPace:
    """How many at once, how long, how often.

    ``at_once`` credits are under way together; one attempt takes at most ``attempt_s``, a claim lasts ``lease_s``. An idle loop looks every
    ``idle_s``. What billing has no more is looked for ``lost_after_s`` before it counts as failed. Between two attempts lies about a
    minute, also when a process died in the first: what was asked may still be under way there, and a look would come too early.
    """

    at_once: int = 8
    attempt_s: float = 45.0
    lease_s: float = 60.0
    idle_s: float = 2.0
    lost_after_s: float = 86_400.0
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(first_s=60.0, cap_s=900.0, jitter=0.1))


class Poster:
    """Posts what the store hands out to ``system``. ``clock`` answers UTC nanoseconds."""

    def __init__(
        self,
        store: PostingPort,
        system: BillingSystem,
        settings: BillingSettings,
        metrics: OutputMetrics,
        pace: PostingPace | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._system = system
        self._settings = settings
        self._metrics = metrics
        self._pace = pace or PostingPace()
        self._clock = clock
        self._person = f"{BILLING}{settings.system}"

    async def run(self, stop: asyncio.Event) -> None:
        """Post and read back until ``stop`` is set."""
        while not stop.is_set():
            try:
                done = await self.once()
            except Exception:
                log.exception("credits could not be posted; they wait in the ledger (remedy: look at the database)")
                done = Counter()
            if not done:
                await pause(self._pace.idle_s, stop)

    async def once(self) -> Counter[str]:
        """Everything that is due now; answers how many of each step were taken, and how many are to be tried again."""
        done: Counter[str] = Counter()
        while claimed := await self._claimed():
            done.update(await self._all(self._post(each) for each in claimed))
        while claimed := await self._claimed_back():
            done.update(await self._all(self._confirm(each) for each in claimed))
        return done

    async def _claimed(self) -> list[StoredCredit]:
        now, limits = self._clock(), self._settings.limits_by_currency
        return await asyncio.to_thread(self._store.claim_credits, self._person, limits, now, self._leased(now), self._pace.at_once)

    async def _claimed_back(self) -> list[StoredCredit]:
        if not self._system.reads_back:
            return []
        now = self._clock()
        return await asyncio.to_thread(self._store.claim_posted, now, self._leased(now), self._pace.at_once)

    def _leased(self, now: int) -> int:
        return now + int(self._pace.lease_s * _NANO)

    async def _all(self, work: Iterable[Coroutine[Any, Any, str]]) -> list[str]:
        return list(await asyncio.gather(*work))

    async def _post(self, stored: StoredCredit) -> str:
        posting = posting_of(stored, self._settings.accounts)
        try:
            async with asyncio.timeout(self._pace.attempt_s):
                posted = await self._system.find(posting) or await self._system.post(posting)
        except CannotPostError as error:
            return await self._not_posted(stored, error.outcome)
        except _NO_ANSWER as error:
            return await self._not_posted(stored, Again(f"{type(error).__name__}: {error}"))
        if differs := _differs(posting, posted):
            return await self._step(stored, StepKind.FAILED, differs, posted.remote_id)
        due = self._clock() + int(self._settings.confirm_after_s * _NANO)
        return await self._step(stored, StepKind.POSTED, "", posted.remote_id, due)

    async def _not_posted(self, stored: StoredCredit, outcome: Again | Refused) -> str:
        if isinstance(outcome, Refused):
            return await self._step(stored, StepKind.FAILED, outcome.detail)
        retry, now = self._pace.retry, self._clock()
        next_at = retry.next_attempt_at(stored.attempts, now, outcome.after_s, random.random())  # noqa: S311  # jitter is no secret
        given_up = retry.given_up(stored.attempts, stored.posting_at, next_at)
        if given_up:
            return await self._step(stored, StepKind.FAILED, f"{given_up}: {outcome.detail}")
        log.warning("credit %s: attempt %d failed: %s", stored.entry.key, stored.attempts, outcome.detail)
        return await self._later(stored, next_at, outcome.detail)

    async def _confirm(self, stored: StoredCredit) -> str:
        posting = posting_of(stored, self._settings.accounts)
        now = self._clock()
        try:
            async with asyncio.timeout(self._pace.attempt_s):
                posted = await self._system.find(posting)
        except (CannotPostError, *_NO_ANSWER) as error:
            next_at = self._pace.retry.next_attempt_at(stored.attempts, now, 0.0, random.random())  # noqa: S311  # jitter is no secret
            return await self._later(stored, next_at, f"it could not be read back: {error}")
        if posted is None:
            return await self._missing(stored, now)
        if differs := _differs(posting, posted):
            return await self._step(stored, StepKind.FAILED, differs, posted.remote_id)
        return await self._step(stored, StepKind.CONFIRMED, "", posted.remote_id)

    async def _missing(self, stored: StoredCredit, now: int) -> str:
        if now - stored.posting_at > self._pace.lost_after_s * _NANO:
            return await self._step(stored, StepKind.FAILED, "it was posted, and the billing system does not have it")
        next_at = self._pace.retry.next_attempt_at(stored.attempts, now, 0.0, 0.0)
        return await self._later(stored, next_at, "posted, and not seen in the billing system yet")

    async def _later(self, stored: StoredCredit, next_at: int, detail: str) -> str:
        await asyncio.to_thread(self._store.postpone_credit, stored.entry.key, next_at, plain(detail, _DETAIL_LIMIT))
        return "again"

    async def _step(self, stored: StoredCredit, kind: StepKind, detail: str, remote_id: str = "", due: int = 0) -> str:
        step = Step(stored.entry.key, kind, self._person, plain(detail, _DETAIL_LIMIT), remote_id=plain(remote_id, _DETAIL_LIMIT))
        try:
            await asyncio.to_thread(self._store.step_credit, step, self._clock(), due)
        except NotAllowedError as error:
            log.warning("credit %s: another process was faster: %s", step.key, error)
            return "again"
        self._metrics.credits.labels(kind.value).inc()
        if kind is StepKind.FAILED:
            log.error("credit %s failed: %s", step.key, detail)
        return kind.value


def _differs(posting: Posting, posted: Posted) -> str:
    """What is other in billing; empty when it is as it should be."""
    if (posted.amount_minor, posted.currency) == (posting.amount_minor, posting.currency):
        return ""
    try:
        there = money_text(posted.amount_minor, posted.currency)
    except ValueError:
        there = f"{posted.amount_minor} {posted.currency}"
    return f"billing has {there} under this key, the ledger {money_text(posting.amount_minor, posting.currency)}"
