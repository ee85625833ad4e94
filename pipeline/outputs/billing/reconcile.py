"""Billing held against the ledger: each credit that was posted, asked for by its key; nothing is changed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import CreditState
from pipeline.outputs.billing.port import BillingSystem, CannotPostError, posting_of

SHOULD_BE_THERE = frozenset({CreditState.POSTED, CreditState.CONFIRMED, CreditState.REVERSED})
MAY_BE_THERE = SHOULD_BE_THERE | {CreditState.POSTING, CreditState.FAILED}
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """What billing and the ledger do not agree on about one credit."""

    stored: StoredCredit
    what: str


async def differences(system: BillingSystem, credits_: Sequence[StoredCredit], accounts: dict[str, str]) -> list[Difference]:
    """Those credits of which billing says something else than the ledger, in their order; unanswered questions are differences too."""
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(stored: StoredCredit) -> str:
        async with few:
            return await _difference(system, stored, accounts)

    asked = [stored for stored in credits_ if stored.standing.state in MAY_BE_THERE]
    found = await asyncio.gather(*(one(stored) for stored in asked))
    return [Difference(stored, what) for stored, what in zip(asked, found, strict=True) if what]


async def _difference(system: BillingSystem, stored: StoredCredit, accounts: dict[str, str]) -> str:
    posting, state = posting_of(stored, accounts), stored.standing.state
    try:
        posted = await system.find(posting)
    except (CannotPostError, aiohttp.ClientError, OSError, TimeoutError) as error:
        return f"no answer: {error}"
    if posted is None:
        return f"{state} here, and not in billing" if state in SHOULD_BE_THERE else ""
    if (posted.amount_minor, posted.currency) != (posting.amount_minor, posting.currency):
        return f"billing has {posted.amount_minor} {posted.currency}, the ledger {posting.amount_minor} {posting.currency} (minor units)"
    return "" if state in SHOULD_BE_THERE else f"{state} here, and in billing as {posted.remote_id}"
