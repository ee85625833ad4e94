"""Lago: a credit is granted to the customer's wallet; taking back voids credits there. Our key is in the transaction's metadata."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal, InvalidOperation, localcontext
from urllib.parse import quote

import msgspec

from pipeline.core.money import minor_units, to_minor
from pipeline.outputs.billing.call import Api
from pipeline.outputs.billing.port import Posted, Posting, again, refused

KEY = "assure_key"
_PAGE = 100
_SKEW_S = 86_400
_NANO = 1_000_000_000
_DIGITS = 60
_PLACES = 5
"""Decimals of a number of credits."""


class _Wallet(msgspec.Struct):
    lago_id: str
    status: str
    currency: str
    rate_amount: str


class _Wallets(msgspec.Struct):
    wallets: list[_Wallet]


class _Transaction(msgspec.Struct):
    lago_id: str
    status: str
    transaction_type: str
    amount: str
    created_at: str
    metadata: list[dict[str, str]] | None = None


class _Meta(msgspec.Struct):
    next_page: int | None = None


class _Transactions(msgspec.Struct):
    wallet_transactions: list[_Transaction]
    meta: _Meta | None = None


class Lago:
    """Wallet transactions at ``api``, whose headers carry the API key."""

    reads_back = True

    def __init__(self, api: Api) -> None:
        self._api = api

    async def find(self, posting: Posting) -> Posted | None:
        """Look from the newest back to a day before the credit was first taken; what failed there is not there."""
        wallet = await self._wallet(posting)
        async for each in self._transactions(wallet, posting):
            marks = {pair.get("key"): pair.get("value") for pair in each.metadata or ()}
            if marks.get(KEY) == posting.key and each.status != "failed":
                return _posted(each, wallet)
        return None

    async def _transactions(self, wallet: _Wallet, posting: Posting) -> AsyncIterator[_Transaction]:
        path, number = f"/api/v1/wallets/{quote(wallet.lago_id, safe='')}/wallet_transactions", 1
        since = posting.posting_at // _NANO - _SKEW_S
        while True:
            page = await self._api.get(_Transactions, path, {"page": str(number), "per_page": str(_PAGE)})
            for each in page.wallet_transactions:
                if _seconds(each.created_at) < since:
                    return
                yield each
            if page.meta is None or not page.meta.next_page:
                return
            number = page.meta.next_page

    async def post(self, posting: Posting) -> Posted:
        """Grant the credits, or void them when the amount takes back."""
        wallet = await self._wallet(posting)
        granted = "granted_credits" if posting.amount_minor > 0 else "voided_credits"
        sent = {
            "wallet_id": wallet.lago_id,
            granted: _credits(posting, wallet),
            "name": posting.text,
            "metadata": [{"key": KEY, "value": posting.key}, {"key": "service", "value": posting.service[:255]}],
        }
        answer = await self._api.post(_Transactions, "/api/v1/wallet_transactions", json={"wallet_transaction": sent})
        if not answer.wallet_transactions:
            raise again("Lago answered a wallet transaction with nothing")
        return _posted(answer.wallet_transactions[0], wallet)

    async def _wallet(self, posting: Posting) -> _Wallet:
        customer = posting.account or posting.customer
        found = await self._api.get(_Wallets, "/api/v1/wallets", {"external_customer_id": customer, "per_page": str(_PAGE)})
        fitting = [each for each in found.wallets if each.status == "active" and each.currency == posting.currency]
        if len(fitting) != 1:
            raise again(f"the Lago customer {customer} has {len(fitting)} active wallets in {posting.currency}; it wants one")
        return fitting[0]


def _credits(posting: Posting, wallet: _Wallet) -> str:
    """How many credits the amount is, exactly. Raises ``CannotPostError`` when the wallet's rate does not divide it."""
    with localcontext(prec=_DIGITS):
        amount = abs(Decimal(posting.amount_minor).scaleb(-minor_units(posting.currency)))
        rate = Decimal(wallet.rate_amount)
        credits_ = (amount / rate).quantize(Decimal(1).scaleb(-_PLACES))
        if credits_ * rate != amount:
            raise refused(f"{amount:f} {posting.currency} is no number of credits at the wallet's rate of {wallet.rate_amount}")
        return f"{credits_.normalize():f}"


def _posted(each: _Transaction, wallet: _Wallet) -> Posted:
    try:
        minor = to_minor(str(Decimal(each.amount).normalize()), wallet.currency)
    except (ValueError, InvalidOperation) as error:
        raise again(f"Lago has an amount that cannot be: {error}") from error
    return Posted(each.lago_id, minor if each.transaction_type == "inbound" else -minor, wallet.currency)


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise again(f"Lago has a time that is none: {text!r}") from error
