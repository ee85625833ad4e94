"""Each vendor's published interface, held against what we send and what our fakes answer: Stripe's mock server, Kill Bill's swagger file,
the models of Lago's client.
"""

import ast
import asyncio
import json
import os
import re
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from aiohttp import ClientSession

from pipeline.obligations import Obligations
from pipeline.outputs.billing import billing_system
from pipeline.outputs.billing.port import Posting
from pipeline.outputs.webhook import open_sessions
from tests.support.billing import FakeBilling, post_all, settings_of
from tests.support.crediting import NOW, a_credit, approval
from tests.support.embedded import free_port
from tests.support.serving import served


@pytest.fixture
def fake() -> FakeBilling:
    return FakeBilling()


@pytest.fixture
def url(fake: FakeBilling) -> Iterator[str]:
    with served(fake.application()) as found:
        yield found


@pytest.fixture
async def posted(tmp_path: Path) -> AsyncIterator[Obligations]:
    """A ledger with an approved credit."""
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as opened:
        opened.enter_credit(a_credit(), NOW)
        opened.step_credit(approval(a_credit()), NOW)
        yield opened


# Stripe


@pytest.fixture
async def stripe_mock() -> AsyncIterator[str]:
    """Stripe's own mock server: it checks every request against Stripe's OpenAPI description, and answers fixtures of it."""
    program = shutil.which("stripe-mock") or str(Path.home() / "go/bin/stripe-mock")
    port = free_port()
    process = await asyncio.create_subprocess_exec(program, "-http-port", str(port), stdout=asyncio.subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        async with ClientSession() as session:
            for _ in range(200):
                try:
                    async with session.get(url):
                        break
                except OSError:
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.needs_stripe_mock
async def test_stripe_takes_what_we_send_and_answers_what_we_read(stripe_mock: str, tmp_path: Path) -> None:
    settings = settings_of("stripe", stripe_mock, tmp_path)
    credit = a_credit()
    posting = Posting(credit.key, "acme", "cus_acme", "c", "s", "2026-11", 5_000, "EUR", "SLA credit", 0)
    async with open_sessions() as sessions:
        system = billing_system(settings, sessions)
        assert system is not None
        answered = await system.post(posting)
        assert re.match("cbtxn_|cbtx_|ccsbtxn_", answered.remote_id)
        assert await system.find(posting) is None


@pytest.mark.needs_stripe_mock
async def test_our_fake_of_stripe_answers_the_fields_of_the_mock(stripe_mock: str, fake: FakeBilling, url: str) -> None:
    form = {"amount": "-5000", "currency": "eur", "description": "x", "metadata[assure_key]": "k"}
    headers = {"Authorization": "Bearer sk_test_123", "Idempotency-Key": "k"}
    async with ClientSession(headers=headers) as session:
        answers = []
        for base in (stripe_mock, url):
            async with session.post(f"{base}/v1/customers/cus_acme/balance_transactions", data=form) as answer:
                assert answer.status == 200
                answers.append(await answer.json())
    mock, ours = answers
    assert set(ours) <= set(mock)
    assert all(mock[name] is None or type(mock[name]) is type(value) for name, value in ours.items())
    assert len(fake.given["stripe"]) == 1


# Kill Bill


@pytest.fixture
def swagger() -> Any:
    """The swagger file that Kill Bill publishes with its client."""
    return yaml.safe_load(Path(os.environ["ASSURE_KILLBILL_SWAGGER"]).read_text())


@pytest.mark.needs_killbill_swagger
async def test_kill_bill_is_called_as_its_swagger_says(
    swagger: Any, fake: FakeBilling, url: str, posted: Obligations, tmp_path: Path
) -> None:
    await post_all(settings_of("kill-bill", url, tmp_path), posted)
    assert len(fake.given["kill-bill"]) == 1
    for method, path, headers, body in fake.requests:
        route, _, query = path.partition("?")
        template = re.sub(r"/accounts/[^/]+/", "/accounts/{accountId}/", route)
        operation = swagger["paths"][template][method.lower()]
        known = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
        assert {pair.partition("=")[0] for pair in query.split("&")} <= known
        wanted = {each["name"] for each in operation["parameters"] if each["in"] == "header" and each["required"]}
        assert wanted <= set(headers)
        assert {"X-Killbill-ApiKey", "X-Killbill-ApiSecret", "Authorization"} <= set(headers)
        if method == "POST":
            properties = swagger["definitions"]["InvoiceItem"]["properties"]
            [item] = json.loads(body)
            jsonschema.validate(item, {"type": "object", "properties": properties, "definitions": swagger["definitions"]})
            assert set(item) <= set(properties)


@pytest.mark.needs_killbill_swagger
async def test_our_fake_of_kill_bill_answers_as_its_swagger_says(
    swagger: Any, fake: FakeBilling, url: str, posted: Obligations, tmp_path: Path
) -> None:
    await post_all(settings_of("kill-bill", url, tmp_path), posted)
    assert fake.given["kill-bill"]
    resolved = {"definitions": swagger["definitions"]}
    async with ClientSession() as session, session.get(f"{url}/1.0/kb/accounts/x/invoices?includeInvoiceComponents=true") as answer:
        jsonschema.validate(await answer.json(), {"type": "array", "items": {"$ref": "#/definitions/Invoice"}, **resolved})
    jsonschema.validate(fake.given["kill-bill"], {"type": "array", "items": {"$ref": "#/definitions/InvoiceItem"}, **resolved})


# Lago


@pytest.fixture
def lago_models() -> dict[str, dict[str, bool]]:
    """The classes of Lago's published client about wallet transactions: each field, and whether it must be there.

    They are read out of the wheel, not imported: it brings a package ``tests`` that would stand before ours.
    """
    with zipfile.ZipFile(os.environ["ASSURE_LAGO_CLIENT"]) as wheel:
        module = ast.parse(wheel.read("lago_python_client/models/wallet_transaction.py"))
    return {
        each.name: {
            field.target.id: "Optional" not in ast.unparse(field.annotation)
            for field in each.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for each in module.body
        if isinstance(each, ast.ClassDef)
    }


@pytest.mark.needs_lago_client
async def test_lago_is_told_what_its_client_would_tell(
    lago_models: dict[str, dict[str, bool]], fake: FakeBilling, url: str, posted: Obligations, tmp_path: Path
) -> None:
    await post_all(settings_of("lago", url, tmp_path), posted)
    [(_, path, headers, body)] = fake.posts()
    assert (path, headers["Authorization"]) == ("/api/v1/wallet_transactions", "Bearer sk_test_123")
    [(name, sent)] = json.loads(body).items()
    assert (name, sent["granted_credits"]) == ("wallet_transaction", "50")
    assert set(sent) <= set(lago_models["WalletTransaction"])


@pytest.mark.needs_lago_client
async def test_our_fake_of_lago_answers_what_its_client_expects(
    lago_models: dict[str, dict[str, bool]], fake: FakeBilling, url: str, posted: Obligations, tmp_path: Path
) -> None:
    await post_all(settings_of("lago", url, tmp_path), posted)
    fields = lago_models["WalletTransactionResponse"]
    [given] = fake.given["lago"]
    assert {name for name, wanted in fields.items() if wanted} <= set(given) <= set(fields)
