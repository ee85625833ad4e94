"""Settings of billing that have the right type and still cannot be meant."""

from collections.abc import Callable

from pipeline.config.address import AddressRefusedError, check_url
from pipeline.config.billing_settings import BillingSettings, BillingSystemName

Require = Callable[..., None]

_CALLED = {BillingSystemName.STRIPE, BillingSystemName.KILL_BILL, BillingSystemName.LAGO, BillingSystemName.WEBHOOK}
_NEEDS = {
    BillingSystemName.STRIPE: ("secret",),
    BillingSystemName.KILL_BILL: ("secret", "api_key", "user", "password"),
    BillingSystemName.LAGO: ("secret",),
    BillingSystemName.WEBHOOK: ("secret",),
}


def check_billing(own: BillingSettings, require: Require) -> None:
    """Tell what the chosen system lacks, and limits that stand twice or are missing."""
    for key in _NEEDS.get(own.system, ()):
        require("billing", key, ok=bool(getattr(own, key)), message=f"{own.system} wants {key}", remedy=f"add {key}: … under billing")
    if own.system in _CALLED:
        why = _why_not_callable(own)
        require("billing", "url", ok=not why, message=why, remedy="write the base of its API: https://billing.example.net")
    currencies = [each.currency for each in own.limits]
    for position, currency in enumerate(currencies):
        once = currencies.index(currency) == position
        require("billing", "limits", position, "currency", ok=once, message=f"'{currency}' stands twice", remedy="keep one")
    limited = bool(own.limits) or not own.posting or own.system is BillingSystemName.NONE
    remedy = "add one: - {currency: EUR, two_people_over: 500.00, per_day: 10000.00}"
    require("billing", "limits", ok=limited, message="posting is on, and no currency has limits: nothing would be posted", remedy=remedy)
    positive = own.confirm_after_s > 0
    message = f"{own.confirm_after_s:g} is not more than nothing"
    require("billing", "confirm_after_s", ok=positive, message=message, remedy="write a positive number")


def _why_not_callable(own: BillingSettings) -> str:
    try:
        check_url(own.url, allow_private=own.allow_private)
    except AddressRefusedError as error:
        return str(error)
    except ValueError:
        return f"'{own.url}' is no URL"
    return ""
