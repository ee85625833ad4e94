"""Money as integer minor units of an ISO 4217 currency. Never a float, never a guess about decimals."""

from decimal import Decimal, InvalidOperation, localcontext

MINOR_UNITS = {
    **dict.fromkeys(("AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR"), 2),
    **dict.fromkeys(("KES", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PHP", "PLN", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY"), 2),
    **dict.fromkeys(("TWD", "UAH", "USD", "ZAR"), 2),
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Decimals of a currency's minor unit (ISO 4217, column "minor unit")."""

_DIGITS = 60


def minor_units(currency: str) -> int:
    """How many decimals the currency has: 2 for EUR, 0 for JPY. Raises ``ValueError`` for one that the table does not have."""
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        raise ValueError(f"{currency!r} is not a currency of the table (ISO 4217, three capital letters as in EUR)") from None


def to_minor(amount: str, currency: str) -> int:
    """Decimal text to minor units: ``("1200.00", "EUR")`` is 120000.

    Raises ``ValueError`` for text that is no finite number, or has more decimals than the currency: only a contract says how to round.
    """
    decimals = minor_units(currency)
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise ValueError(f"{amount!r} is not an amount (as in 1200.00)") from None
    if not value.is_finite():
        raise ValueError(f"{amount!r} is not a finite amount")
    with localcontext(prec=_DIGITS):
        minor = value.scaleb(decimals)
        if minor != minor.to_integral_value():
            raise ValueError(f"{amount} {currency} has more than {decimals} decimals")
        return int(minor)


def money_text(minor: int, currency: str) -> str:
    """Minor units as people write them: ``(120000, "EUR")`` is ``1200.00 EUR``; ``(-5, "EUR")`` is ``-0.05 EUR``."""
    with localcontext(prec=_DIGITS):
        return f"{Decimal(minor).scaleb(-minor_units(currency)):f} {currency}"


def share_of(minor: int, percent: Decimal, rounding: str) -> int:
    """``percent`` of an amount, in whole minor units by one of :mod:`decimal`'s rounding modes."""
    with localcontext(prec=_DIGITS):
        return int((minor * percent / 100).to_integral_value(rounding=rounding))
