"""Credits for tests of the ledger."""

from dataclasses import replace
from typing import Any

from pipeline.core.approval import Limits
from pipeline.core.ledger import Credit, Step, StepKind

NOW = 1_800_000_000_000_000_000
LIMITS = {"EUR": Limits(two_people_over=10_000)}


def a_credit(number: int = 1, **changes: Any) -> Credit:
    """50.00 EUR that acme is owed for November, ready to be approved."""
    credit = Credit(
        key=f"{number:08d}-0000-5000-8000-000000000000",
        contract="acme-gold",
        service=f"vpn-{number}",
        metric="availability",
        period="2026-11",
        revision=1,
        customer="acme",
        amount_minor=5_000,
        currency="EUR",
        reason="target-missed",
        dry_run=False,
        evidence={"outages": ["o1"]},
    )
    return replace(credit, **changes)


def approval(credit: Credit, person: str = "ann", needed: int = 1) -> Step:
    """One person's word for a credit."""
    return Step(credit.key, StepKind.APPROVE, person, "checked", needed)
