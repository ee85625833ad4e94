"""The ledger for others: amounts with sign or type, no cell that runs, only what was posted as an applied rate."""

import csv
import io
from decimal import Decimal
from typing import Any

from pipeline.core.credit_export import COLUMNS, as_csv, as_tmf678
from pipeline.core.ledger import Link, Step, StepKind, chain
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import standing_of
from tests.support.crediting import NOW, a_credit, approval


def stored(*kinds: StepKind, **changes: Any) -> StoredCredit:
    credit = a_credit(**changes)
    steps = [approval(credit), *(Step(credit.key, kind, "billing:stripe", remote_id="cbtxn_1") for kind in kinds)]
    return StoredCredit(chain(credit, Link(), NOW), standing_of(credit, steps), posting_at=NOW)


def test_csv_has_one_line_for_each_credit_and_runs_nothing() -> None:
    text = as_csv([stored(service="=1+1", customer="@acme"), stored(amount_minor=-5, currency="JPY", period="2026-12")])
    first, second = csv.DictReader(io.StringIO(text))
    assert tuple(first) == COLUMNS
    assert (first["amount"], first["service"], first["customer"], first["state"]) == ("50.00", "'=1+1", "'@acme", "approved")
    assert (second["amount"], second["currency"]) == ("-5", "JPY")


def test_only_what_was_posted_is_an_applied_rate_and_its_type_has_the_sign() -> None:
    posted = (StepKind.POSTING, StepKind.POSTED)
    evaluation = {"period_starts_at": 1_793_487_600 * 10**9, "period_ends_at": 1_796_079_600 * 10**9}
    given, taken = as_tmf678(
        [stored(), stored(*posted, evidence={"evaluation": evaluation}), stored(*posted, amount_minor=-1_234, currency="KWD")]
    )
    assert (given["type"], given["taxExcludedAmount"]) == ("appliedBillingCredit", {"unit": "EUR", "value": Decimal("50.00")})
    assert given["periodCoverage"] == {"startDateTime": "2026-10-31T23:00:00.000Z", "endDateTime": "2026-11-30T23:00:00.000Z"}
    assert (taken["type"], taken["taxExcludedAmount"]) == ("appliedBillingCharge", {"unit": "KWD", "value": Decimal("1.234")})
