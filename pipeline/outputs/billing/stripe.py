"""Stripe: a credit is a customer balance transaction; it is negative there, and never changed.

An Idempotency-Key is forgotten after about a day, so the customer's transactions are looked through for our key first.
"""

from collections.abc import AsyncIterator
from urllib.parse import quote

import msgspec

from pipeline.outputs.billing.call import Api
from pipeline.outputs.billing.port import Posted, Posting, refused

KEY = "assure_key"
"""The metadata by which a credit is found again."""

_PAGE = 100
_SKEW_S = 86_400
_NANO = 1_000_000_000
_AS_TWO_DECIMALS = frozenset({"ISK", "UGX"})
"""Without decimals by ISO 4217; Stripe wants them written as if they had two."""
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Stripe wants the last of three decimals to be 0."""


class _Transaction(msgspec.Struct):
    id: str
    amount: int
    currency: str
    created: int
    metadata: dict[str, str] | None = None


class _Transactions(msgspec.Struct):
    data: list[_Transaction]
    has_more: bool = False


class Stripe:
    """Customer balance transactions at ``api``, whose headers carry the secret key."""

    reads_back = True

    def __init__(self, api: Api) -> None:
        self._api = api

    async def find(self, posting: Posting) -> Posted | None:
        """Look from the newest back to a day before the credit was first taken."""
        async for each in self._transactions(posting):
            if (each.metadata or {}).get(KEY) == posting.key:
                return _posted(each)
        return None

    async def _transactions(self, posting: Posting) -> AsyncIterator[_Transaction]:
        query = {"limit": str(_PAGE)}
        since = posting.posting_at // _NANO - _SKEW_S
        while True:
            page = await self._api.get(_Transactions, _path(posting), query)
            for each in page.data:
                if each.created < since:
                    return
                yield each
            if not page.has_more or not page.data:
                return
            query = {**query, "starting_after": page.data[-1].id}

    async def post(self, posting: Posting) -> Posted:
        """Give the credit, under the key by which Stripe knows a repeat within a day."""
        form = {
            "amount": str(-_amount(posting.amount_minor, posting.currency)),
            "currency": posting.currency.lower(),
            "description": posting.text,
            f"metadata[{KEY}]": posting.key,
            "metadata[service]": posting.service,
            "metadata[period]": posting.period,
        }
        return _posted(await self._api.post(_Transaction, _path(posting), data=form, headers={"Idempotency-Key": posting.key}))


def _path(posting: Posting) -> str:
    if not posting.account:
        raise refused(f"billing.accounts names no Stripe customer for {posting.customer}: add {posting.customer}: cus_…")
    return f"/v1/customers/{quote(posting.account, safe='')}/balance_transactions"


def _amount(minor: int, currency: str) -> int:
    if currency in _THREE_DECIMALS and minor % 10:
        raise refused(f"Stripe takes {currency} in steps of 0.010 only")
    return minor * 100 if currency in _AS_TWO_DECIMALS else minor


def _posted(each: _Transaction) -> Posted:
    currency = each.currency.upper()
    minor = -each.amount
    if currency in _AS_TWO_DECIMALS:
        minor = minor // 100 if minor % 100 == 0 else minor
    return Posted(each.id, minor, currency)
