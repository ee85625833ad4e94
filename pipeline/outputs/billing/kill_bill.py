"""Kill Bill: a credit is an invoice item of the account, used up by its next invoices. It has no idempotency key.

So our key ends the item's description, and the account's invoices are looked through for it first.
"""

from decimal import Decimal, InvalidOperation
from urllib.parse import quote

import msgspec

from pipeline.core.money import minor_units, to_minor
from pipeline.outputs.billing.call import Api
from pipeline.outputs.billing.port import Posted, Posting, again, refused

_CREDIT = "CREDIT_ADJ"


class _Account(msgspec.Struct, rename="camel"):
    account_id: str
    currency: str | None = None


class _Item(msgspec.Struct, rename="camel"):
    """``amount`` is read as it is written: a number with its decimals, never a float."""

    invoice_item_id: str | None = None
    item_type: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    description: str | None = None


class _Invoice(msgspec.Struct):
    items: list[_Item] | None = None


class KillBill:
    """Account credits at ``api``, whose headers carry the tenant's key and secret."""

    reads_back = True

    def __init__(self, api: Api) -> None:
        self._api = api

    async def find(self, posting: Posting) -> Posted | None:
        """The credit whose description ends with our key."""
        path = f"/1.0/kb/accounts/{quote(await self._account(posting), safe='')}/invoices"
        invoices = await self._api.get(list[_Invoice], path, {"includeInvoiceComponents": "true"})
        for item in (item for invoice in invoices for item in invoice.items or ()):
            if item.item_type == _CREDIT and (item.description or "").endswith(_mark(posting)):
                return _posted(item, posting)
        return None

    async def post(self, posting: Posting) -> Posted:
        """Give the credit to the account at once (``autoCommit``)."""
        if posting.amount_minor < 0:
            raise refused("Kill Bill's credits only give: take this back there by hand, then `assure credits confirm` says so")
        amount = Decimal(posting.amount_minor).scaleb(-minor_units(posting.currency))
        item = {
            "accountId": await self._account(posting),
            "amount": msgspec.Raw(f"{amount:f}".encode()),
            "currency": posting.currency,
            "description": f"{posting.text} {_mark(posting)}",
        }
        body = msgspec.json.encode([item])
        headers = {
            "Content-Type": "application/json",
            "X-Killbill-CreatedBy": "assure",
            "X-Killbill-Reason": "SLA credit",
            "X-Killbill-Comment": posting.key,
        }
        answer = await self._api.post(list[_Item], "/1.0/kb/credits", {"autoCommit": "true"}, data=body, headers=headers)
        if not answer:
            raise again("Kill Bill answered a credit with nothing")
        return _posted(answer[0], posting)

    async def _account(self, posting: Posting) -> str:
        if posting.account:
            return posting.account
        account = await self._api.get(_Account, "/1.0/kb/accounts", {"externalKey": posting.customer})
        return account.account_id


def _mark(posting: Posting) -> str:
    return f"[{posting.key}]"


def _posted(item: _Item, posting: Posting) -> Posted:
    """A credit's item is negative on its invoice, and positive in the answer to who gives it."""
    currency = item.currency or posting.currency
    try:
        minor = to_minor(str(abs(item.amount or Decimal(0)).normalize()), currency)
    except (ValueError, InvalidOperation) as error:
        raise again(f"Kill Bill has an amount that cannot be: {error}") from error
    return Posted(item.invoice_item_id or "", minor, currency)
