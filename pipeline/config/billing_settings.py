"""What a settings file says of billing: where approved credits go, within which limits, and who may approve."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from pipeline.config.secret import Secret
from pipeline.core.approval import Limits
from pipeline.core.money import to_minor


class BillingSystemName(StrEnum):
    """Where approved credits are posted."""

    NONE = "none"
    STRIPE = "stripe"
    KILL_BILL = "kill-bill"
    LAGO = "lago"
    WEBHOOK = "webhook"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What may be posted in one currency, in its major unit (``500.00``). Without a cap there is none.

    A credit above ``two_people_over`` wants two different people. ``per_credit`` caps one credit, ``per_customer`` what a customer gets for
    one month, ``per_day`` what everybody gets on one day (UTC). In a currency without limits nothing is posted.
    """

    currency: str
    two_people_over: Decimal = Decimal(0)
    per_credit: Decimal | None = None
    per_customer: Decimal | None = None
    per_day: Decimal | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a currency or an amount that cannot be."""
        for name in ("two_people_over", "per_credit", "per_customer", "per_day"):
            if (minor := self._minor(name)) is not None and minor < 0:
                raise ValueError(f"{name} is less than nothing")

    def _minor(self, name: str) -> int | None:
        amount = getattr(self, name)
        return None if amount is None else to_minor(str(amount), self.currency)

    @property
    def limits(self) -> Limits:
        """The same in minor units."""
        caps = {name: self._minor(name) for name in ("per_credit", "per_customer", "per_day")}
        return Limits(two_people_over=self._minor("two_people_over") or 0, **caps)


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """Credits. ``posting`` false is dry run: computed and kept in the ledger, never posted.

    ``system`` is where approved credits go: Stripe (a customer balance transaction), Kill Bill (an account credit), Lago (a wallet
    transaction), a signed webhook, or CSV files in ``folder`` (one that is relative begins at ``data_dir``). ``url`` is the system's base;
    ``secret`` Stripe's or Lago's API key, Kill Bill's tenant secret, the webhook's ``whsec_``; ``api_key`` Kill Bill's tenant key, ``user``
    and ``password`` its login. ``accounts`` maps our customers to the system's: Stripe's ``cus_…``, Kill Bill's account id, Lago's external
    customer id; of one that is not listed, the last two are asked for our own name.

    ``limits`` are those of each currency. ``approvers`` are the login names that may approve with ``assure credits approve``; none listed
    means nobody on the command line. What was posted is read back after ``confirm_after_s``.
    """

    posting: bool = False
    system: BillingSystemName = BillingSystemName.NONE
    url: str = ""
    secret: Secret = field(default_factory=Secret)
    api_key: str = ""
    user: str = ""
    password: Secret = field(default_factory=Secret)
    allow_private: bool = False
    folder: str = "billing"
    accounts: dict[str, str] = field(default_factory=dict)
    limits: tuple[LimitSettings, ...] = ()
    approvers: tuple[str, ...] = ()
    confirm_after_s: float = 60.0

    @property
    def limits_by_currency(self) -> dict[str, Limits]:
        """The limits of each currency that has some, in minor units."""
        return {each.currency: each.limits for each in self.limits}
