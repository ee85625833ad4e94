"""Billing systems that remember what they were given, as their vendors publish the calls: Stripe, Kill Bill, Lago.

``python -m tests.support.billing`` is a process that posts, and kills itself where it is told to.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from prometheus_client import CollectorRegistry

from pipeline.config.billing_settings import BillingSettings, BillingSystemName, LimitSettings
from pipeline.config.secret import Secret
from pipeline.config.settings import Settings
from pipeline.obligations import Obligations
from pipeline.outputs.billing import Poster, billing_system
from pipeline.outputs.billing.poster import PostingPace
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.webhook import open_sessions

WHSEC = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
ACCOUNTS = {
    "stripe": {"acme": "cus_acme"},
    "kill-bill": {"acme": "2ad52f53-85ae-408a-9879-32a7e59dd03d"},
    "lago": {"acme": "acme-external"},
}


@dataclass
class FakeBilling:
    """All of them in one application. ``given`` holds what customers have, by system, in the system's own form; ``requests`` all calls."""

    given: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"stripe": [], "kill-bill": [], "lago": [], "webhook": []})
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    rate: str = "1.0"
    ids: dict[str, dict[str, Any]] = field(default_factory=dict)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._noted])
        app.add_routes(
            [
                web.get("/v1/customers/{id}/balance_transactions", self._stripe_list),
                web.post("/v1/customers/{id}/balance_transactions", self._stripe_create),
                web.get("/1.0/kb/accounts", self._kill_bill_account),
                web.get("/1.0/kb/accounts/{id}/invoices", self._kill_bill_invoices),
                web.post("/1.0/kb/credits", self._kill_bill_credit),
                web.get("/api/v1/wallets", self._lago_wallets),
                web.get("/api/v1/wallets/{id}/wallet_transactions", self._lago_list),
                web.post("/api/v1/wallet_transactions", self._lago_create),
                web.post("/hook", self._hook),
            ]
        )
        return app

    @web.middleware
    async def _noted(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        if self.failing:
            return web.Response(status=self.failing.pop(0), text="scripted")
        found = await handler(request)
        assert isinstance(found, web.StreamResponse)
        return found

    def posts(self) -> list[tuple[str, str, dict[str, str], bytes]]:
        """The calls that give something."""
        return [request for request in self.requests if request[0] == "POST"]

    # Stripe: newest first, by pages

    async def _stripe_list(self, request: web.Request) -> web.Response:
        newest = list(reversed(self.given["stripe"]))
        after = request.query.get("starting_after")
        start = next((place + 1 for place, each in enumerate(newest) if each["id"] == after), 0)
        page = newest[start : start + int(request.query["limit"])]
        return web.json_response({"object": "list", "data": page, "has_more": start + len(page) < len(newest)})

    async def _stripe_create(self, request: web.Request) -> web.Response:
        form, key = await request.post(), request.headers["Idempotency-Key"]
        if key in self.ids:
            return web.json_response(self.ids[key])
        made = {
            "id": f"cbtxn_{len(self.given['stripe'])}",
            "object": "customer_balance_transaction",
            "amount": int(str(form["amount"])),
            "currency": form["currency"],
            "customer": request.match_info["id"],
            "created": int(time.time()),
            "description": form["description"],
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            "type": "adjustment",
        }
        self.ids[key] = made
        self.given["stripe"].append(made)
        return web.json_response(made)

    # Kill Bill: a credit is on an invoice of its own, negative, with a positive item beside it

    async def _kill_bill_account(self, request: web.Request) -> web.Response:
        known = request.query["externalKey"] == "acme"
        return web.json_response({"accountId": ACCOUNTS["kill-bill"]["acme"], "currency": "EUR"}, status=200 if known else 404)

    async def _kill_bill_invoices(self, request: web.Request) -> web.Response:
        assert request.query["includeInvoiceComponents"] == "true"
        invoices = [
            {"invoiceId": each["invoiceId"], "amount": 0.0, "items": [{**each, "amount": -each["amount"]}, {**each, "itemType": "CBA_ADJ"}]}
            for each in self.given["kill-bill"]
        ]
        return web.json_response(invoices)

    async def _kill_bill_credit(self, request: web.Request) -> web.Response:
        assert request.headers["X-Killbill-CreatedBy"]
        made = [
            {**each, "invoiceItemId": str(uuid4()), "invoiceId": str(uuid4()), "itemType": "CREDIT_ADJ", "startDate": "2026-12-01"}
            for each in await request.json()
        ]
        self.given["kill-bill"] += made
        return web.json_response(made, status=201)

    # Lago: a wallet counts credits

    async def _lago_wallets(self, request: web.Request) -> web.Response:
        wallet = {"lago_id": "w1", "status": "active", "currency": "EUR", "rate_amount": self.rate}
        known = request.query["external_customer_id"] == "acme-external"
        return web.json_response({"wallets": [wallet, {**wallet, "lago_id": "w0", "status": "terminated"}] if known else []})

    async def _lago_list(self, request: web.Request) -> web.Response:
        newest, number, size = list(reversed(self.given["lago"])), int(request.query["page"]), int(request.query["per_page"])
        page = newest[(number - 1) * size : number * size]
        more = number * size < len(newest)
        return web.json_response({"wallet_transactions": page, "meta": {"current_page": number, "next_page": number + 1 if more else None}})

    async def _lago_create(self, request: web.Request) -> web.Response:
        asked = (await request.json())["wallet_transaction"]
        granted = asked.get("granted_credits")
        credits_ = granted or asked["voided_credits"]
        made = {
            "lago_id": str(uuid4()),
            "lago_wallet_id": asked["wallet_id"],
            "status": "settled",
            "source": "manual",
            "transaction_status": "granted" if granted else "voided",
            "transaction_type": "inbound" if granted else "outbound",
            "amount": str(Decimal(credits_) * Decimal(self.rate)),
            "credit_amount": credits_,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "metadata": asked["metadata"],
            "name": asked["name"],
        }
        self.given["lago"].append(made)
        return web.json_response({"wallet_transactions": [made]})

    # a receiver of webhooks that knows a repeat by its id, as the standard asks

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.json()
        if request.headers["webhook-id"] not in {each["data"]["key"] for each in self.given["webhook"]}:
            self.given["webhook"].append(body)
        return web.Response(status=204)


def settings_of(system: str, url: str, folder: Path, **changes: Any) -> Settings:
    """Posting to one of them, everything else as it comes."""
    billing = BillingSettings(
        posting=True,
        system=BillingSystemName(system),
        url=f"{url}/hook" if system == "webhook" else url,
        secret=Secret(WHSEC if system == "webhook" else "sk_test_123"),
        api_key="bob",
        user="admin",
        password=Secret("password"),
        allow_private=True,
        accounts=ACCOUNTS.get(system, {}),
        limits=(LimitSettings("EUR", Decimal("100.00")),),
        **{"confirm_after_s": 0.0, **changes},
    )
    return Settings(data_dir=folder, inventory_dir=folder, billing=billing)


QUICK = PostingPace(lease_s=0.0, idle_s=0.01)
"""What a dead process held is free at once: these tests start the next one only when the last is dead."""


async def post_all(settings: Settings, store: Obligations, pace: PostingPace = QUICK) -> dict[str, int]:
    """One round of posting and reading back."""
    async with open_sessions() as sessions:
        system = billing_system(settings, sessions)
        assert system is not None
        return dict(await Poster(store, system, settings.billing, OutputMetrics(CollectorRegistry()), pace).once())


POINTS = ("claim", "find", "post", "record", "confirm")
"""What a posting process has just done when it dies."""


def die_after(point: str) -> None:
    """Make this process kill itself the moment a step is done."""

    def wrap(kind: type, name: str) -> None:
        do = getattr(kind, name)

        def die(self: Any, *asked: Any, **named: Any) -> Any:
            answer = do(self, *asked, **named)
            if answer or name != "claim_posted":
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        async def die_later(self: Any, *asked: Any) -> Any:
            await do(self, *asked)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(kind, name, die_later if asyncio.iscoroutinefunction(do) else die)

    from pipeline.outputs.billing.hand_off import HandOff  # noqa: PLC0415  # only the child wants them
    from pipeline.outputs.billing.kill_bill import KillBill  # noqa: PLC0415
    from pipeline.outputs.billing.lago import Lago  # noqa: PLC0415
    from pipeline.outputs.billing.stripe import Stripe  # noqa: PLC0415
    from pipeline.outputs.billing.webhook import BillingWebhook  # noqa: PLC0415

    if point in {"find", "post"}:
        for system in (HandOff, KillBill, Lago, Stripe, BillingWebhook):
            wrap(system, point)
    else:
        wrap(Obligations, {"claim": "claim_credits", "record": "step_credit", "confirm": "claim_posted"}[point])


def post_and_die(told: dict[str, str]) -> None:
    """Post what is due, in a process of its own, until the step ``told["point"]`` is done."""
    settings = settings_of(told["system"], told["url"], Path(told["folder"]))
    die_after(told["point"])
    with Obligations(settings.obligations_url()) as store:
        asyncio.run(post_all(settings, store))
