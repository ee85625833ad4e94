"""Money is integer minor units, with the decimals that ISO 4217 gives each currency."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.money import MINOR_UNITS, minor_units, money_text, share_of, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("1200.00", "EUR", 120_000), ("0.05", "EUR", 5), ("1200", "JPY", 1200), ("1.234", "KWD", 1234), ("-13.80", "USD", -1380)],
)
def test_text_becomes_minor_units_and_back(amount: str, currency: str, minor: int) -> None:
    """Decimals follow the currency."""
    assert to_minor(amount, currency) == minor
    assert money_text(minor, currency) == f"{amount} {currency}"


@pytest.mark.parametrize(
    ("amount", "currency"), [("1.005", "EUR"), ("0.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR"), ("12,00", "EUR"), ("1", "eur")]
)
def test_what_cannot_be_exact_is_refused(amount: str, currency: str) -> None:
    """A fraction of a minor unit, no number or no currency is an error, never rounded or guessed."""
    with pytest.raises(ValueError, match=r"decimals|amount|currency"):
        to_minor(amount, currency)


@settings(deadline=None)
@given(minor=st.integers(-(10**18), 10**18), currency=st.sampled_from(sorted(MINOR_UNITS)))
def test_printed_money_reads_back_exactly(minor: int, currency: str) -> None:
    """What is printed is the amount, to the last minor unit."""
    assert to_minor(money_text(minor, currency).split()[0], currency) == minor


def test_share_is_rounded_as_told() -> None:
    """A share of an amount takes the rounding that a contract names."""
    assert share_of(125, Decimal(10), ROUND_HALF_UP) == 13
    assert share_of(125, Decimal(10), ROUND_DOWN) == 12
    assert minor_units("JPY") == 0
