"""What a billing system is to us: something that can be asked for a credit by its key, and given one. It knows nothing of retries."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.core.obligation import StoredCredit
from pipeline.core.wording import plain
from pipeline.outputs.ports import Again, Refused

_TEXT_LIMIT = 180


@dataclass(frozen=True, slots=True)
class Posting:
    """One credit to be posted. ``account`` is the customer's name in the billing system; empty when the settings list none.

    ``amount_minor`` is what the customer gets, in minor units of ``currency``; negative takes back. ``text`` may stand on an invoice.
    ``posting_at`` (UTC nanoseconds) is when it was first taken: nothing of it can be in the billing system from before.
    """

    key: str
    customer: str
    account: str
    contract: str
    service: str
    period: str
    amount_minor: int
    currency: str
    text: str
    posting_at: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What the billing system has under a key: its own name for it, and how much, as :class:`Posting` counts it."""

    remote_id: str
    amount_minor: int
    currency: str


class CannotPostError(Exception):
    """A call that did not succeed; ``outcome`` says whether to try again or that the answer is no."""

    def __init__(self, outcome: Again | Refused) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


class BillingSystem(Protocol):
    """Both methods raise ``CannotPostError``, or aiohttp's errors, ``OSError`` and ``TimeoutError`` when there is no answer."""

    @property
    def reads_back(self) -> bool:
        """Whether :meth:`find` can tell that a credit arrived; otherwise only a person can."""

    async def find(self, posting: Posting) -> Posted | None:
        """What is there under this key; ``None`` for nothing."""

    async def post(self, posting: Posting) -> Posted:
        """Give the credit. Called only when :meth:`find` found nothing."""


def posting_of(stored: StoredCredit, accounts: dict[str, str]) -> Posting:
    """A credit as billing is told of it."""
    credit = stored.entry.credit
    what = "SLA credit" if credit.amount_minor > 0 else "SLA credit taken back"
    return Posting(
        key=credit.key,
        customer=credit.customer,
        account=accounts.get(credit.customer, ""),
        contract=credit.contract,
        service=credit.service,
        period=credit.period,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        text=plain(f"{what} {credit.period}: {credit.service}, contract {credit.contract}", _TEXT_LIMIT),
        posting_at=stored.posting_at,
    )


def refused(detail: str) -> CannotPostError:
    """It will never be posted as it is."""
    return CannotPostError(Refused(detail))


def again(detail: str, after_s: float = 0.0) -> CannotPostError:
    """It may be posted later."""
    return CannotPostError(Again(detail, after_s))
