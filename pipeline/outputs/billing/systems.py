"""Which billing system the settings name: a literal table, one line for each."""

import base64
from collections.abc import Callable
from pathlib import Path

from pipeline.config.billing_settings import BillingSettings, BillingSystemName
from pipeline.config.settings import Settings
from pipeline.outputs.billing.call import Api
from pipeline.outputs.billing.hand_off import HandOff
from pipeline.outputs.billing.kill_bill import KillBill
from pipeline.outputs.billing.lago import Lago
from pipeline.outputs.billing.port import BillingSystem
from pipeline.outputs.billing.stripe import Stripe
from pipeline.outputs.billing.webhook import BillingWebhook
from pipeline.outputs.webhook import Sessions

Make = Callable[[BillingSettings, Sessions, Path], BillingSystem]


def _stripe(own: BillingSettings, sessions: Sessions, _folder: Path) -> BillingSystem:
    return Stripe(Api(own.url, sessions, own.allow_private, _bearer(own)))


def _lago(own: BillingSettings, sessions: Sessions, _folder: Path) -> BillingSystem:
    return Lago(Api(own.url, sessions, own.allow_private, _bearer(own)))


def _kill_bill(own: BillingSettings, sessions: Sessions, _folder: Path) -> BillingSystem:
    login = base64.b64encode(f"{own.user}:{own.password.reveal()}".encode()).decode()
    tenant = {"X-Killbill-ApiKey": own.api_key, "X-Killbill-ApiSecret": own.secret.reveal(), "Accept": "application/json"}
    return KillBill(Api(own.url, sessions, own.allow_private, {**tenant, "Authorization": f"Basic {login}"}))


def _webhook(own: BillingSettings, sessions: Sessions, _folder: Path) -> BillingSystem:
    return BillingWebhook(Api(own.url, sessions, own.allow_private), own.secret)


def _csv(_own: BillingSettings, _sessions: Sessions, folder: Path) -> BillingSystem:
    return HandOff(folder)


SYSTEMS: dict[BillingSystemName, Make] = {
    BillingSystemName.STRIPE: _stripe,
    BillingSystemName.KILL_BILL: _kill_bill,
    BillingSystemName.LAGO: _lago,
    BillingSystemName.WEBHOOK: _webhook,
    BillingSystemName.CSV: _csv,
}


def billing_system(settings: Settings, sessions: Sessions) -> BillingSystem | None:
    """The billing system of the settings; ``None`` when credits are posted nowhere (dry run, or no system is named)."""
    own = settings.billing
    make = SYSTEMS.get(own.system)
    return make(own, sessions, settings.data_dir / own.folder) if own.posting and make else None


def _bearer(own: BillingSettings) -> dict[str, str]:
    return {"Authorization": f"Bearer {own.secret.reveal()}"}
