"""The ledger for others: CSV for spreadsheets and auditors, TMF678-shaped rates for billing and customer care. Pure."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pipeline.core.money import minor_units, money_text
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import CreditState
from pipeline.core.wording import rfc3339

COLUMNS = (
    *("sequence", "key", "customer", "contract", "service", "metric", "period", "revision", "amount", "currency", "reason", "state"),
    *("dry_run", "approvers", "remote_id", "entered_at", "previous_hash", "entry_hash"),
)
APPLIED = frozenset({CreditState.POSTED, CreditState.CONFIRMED, CreditState.REVERSED})
"""States of what a customer has been given: an applied rate in the sense of TMF678."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(credits_: Iterable[StoredCredit]) -> str:
    """One line for each credit under a line of names; amounts as decimal text with a sign, times in UTC."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(each) for each in credits_)
    return written.getvalue()


def safe_cell(text: str) -> str:
    """Text that a spreadsheet does not run: one that begins like a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(stored: StoredCredit) -> list[str]:
    entry, standing = stored.entry, stored.standing
    credit = entry.credit
    texts = (credit.key, credit.customer, credit.contract, credit.service, credit.metric, credit.period)
    return [
        str(entry.sequence),
        *map(safe_cell, texts),
        str(credit.revision),
        money_text(credit.amount_minor, credit.currency).split()[0],
        credit.currency,
        credit.reason,
        standing.state.value,
        "no" if standing.live else "yes",
        safe_cell("; ".join(standing.approvers)),
        safe_cell(standing.remote_id),
        rfc3339(entry.entered_at),
        entry.previous_hash,
        entry.entry_hash,
    ]


def as_tmf678(credits_: Iterable[StoredCredit]) -> list[dict[str, Any]]:
    """Applied customer billing rates (TMF678 v4) of what was posted, before tax.

    The type says which way the money goes (``appliedBillingCredit`` to the customer, ``appliedBillingCharge`` back), so amounts are
    positive. An amount is ``Decimal``: whoever writes JSON keeps its digits.
    """
    return [_rate(each) for each in credits_ if each.standing.state in APPLIED]


def _rate(stored: StoredCredit) -> dict[str, Any]:
    credit, standing = stored.entry.credit, stored.standing
    amount = abs(Decimal(credit.amount_minor).scaleb(-minor_units(credit.currency)))
    named = {
        "contract": credit.contract,
        "metric": credit.metric,
        "period": credit.period,
        "revision": str(credit.revision),
        "reason": credit.reason,
        "state": standing.state.value,
        "ledgerEntry": stored.entry.entry_hash,
        "billingReference": standing.remote_id,
    }
    rate: dict[str, Any] = {
        "id": credit.key,
        "href": f"/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate/{credit.key}",
        "date": rfc3339(stored.posting_at or stored.entry.entered_at),
        "name": "SLA credit",
        "description": f"SLA credit for {credit.service}, {credit.period}",
        "type": "appliedBillingCredit" if credit.amount_minor > 0 else "appliedBillingCharge",
        "isBilled": False,
        "taxExcludedAmount": {"unit": credit.currency, "value": amount},
        "product": {"id": credit.service, "name": credit.service},
        "billingAccount": {"id": credit.customer, "name": credit.customer},
        "characteristic": [{"name": name, "value": value} for name, value in named.items() if value],
        "@type": "AppliedCustomerBillingRate",
    }
    evaluated = credit.evidence.get("evaluation")
    if isinstance(evaluated, dict) and "period_starts_at" in evaluated:
        starts, ends = (rfc3339(evaluated[name]) for name in ("period_starts_at", "period_ends_at"))
        rate["periodCoverage"] = {"startDateTime": starts, "endDateTime": ends}
    return rate
