"""Billing held against the ledger: each credit that was posted, asked for by its key; nothing is changed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from pipeline.core.ledger import StepKind
from pipeline.core.money import money_text
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import BILLING, CreditState
from pipeline.outputs.billing.port import BillingSystem, CannotPostError, posting_of

SHOULD_BE_THERE = frozenset({CreditState.POSTED, CreditState.CONFIRMED, CreditState.REVERSED})
MAY_BE_THERE = SHOULD_BE_THERE | {CreditState.POSTING, CreditState.FAILED}
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """What billing and the ledger do not agree on about one credit.

    ``on_word``: billing has nothing under its key, and cannot have: a person did it there by hand, and said so. That is no disagreement.
    """

    stored: StoredCredit
    what: str
    on_word: bool = False


async def differences(system: BillingSystem, credits_: Sequence[StoredCredit], accounts: dict[str, str]) -> list[Difference]:
    """Those credits of which billing says something else than the ledger, in their order; unanswered questions are differences too."""
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(stored: StoredCredit) -> Difference | None:
        async with few:
            return await _difference(system, stored, accounts)

    asked = [stored for stored in credits_ if stored.standing.state in MAY_BE_THERE]
    found = await asyncio.gather(*(one(stored) for stored in asked))
    return [each for each in found if each is not None]


def _on_word(stored: StoredCredit) -> str:
    """Who said that this was done in billing by hand; empty where billing itself was the last to speak."""
    last = stored.steps[-1].step if stored.steps else None
    is_word = last is not None and last.kind in {StepKind.CONFIRMED, StepKind.REVERSED} and not last.person.startswith(BILLING)
    return last.person if last is not None and is_word else ""


async def _difference(system: BillingSystem, stored: StoredCredit, accounts: dict[str, str]) -> Difference | None:
    posting, state = posting_of(stored, accounts), stored.standing.state
    try:
        posted = await system.find(posting)
    except (CannotPostError, aiohttp.ClientError, OSError, TimeoutError) as error:
        return Difference(stored, f"no answer: {error}")
    if posted is None:
        person = _on_word(stored)
        if person:
            said = f": {stored.standing.said}" if stored.standing.said else ""
            return Difference(stored, f"{state} by {person}, done there by hand{said}", on_word=True)
        return Difference(stored, f"{state} here, and not in billing") if state in SHOULD_BE_THERE else None
    if (posted.amount_minor, posted.currency) != (posting.amount_minor, posting.currency):
        has, wants = (money_text(each.amount_minor, each.currency) for each in (posted, posting))
        return Difference(stored, f"billing has {has}, the ledger {wants}")
    return None if state in SHOULD_BE_THERE else Difference(stored, f"{state} here, and in billing as {posted.remote_id}")
