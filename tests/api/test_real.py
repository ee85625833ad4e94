"""The console on the real stores: the fake of the other tests has their shapes, and a store that dies takes no page with it for good."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.operation import Answer, OperationKind
from pipeline.core.operation import Outcome as OperationOutcome
from pipeline.core.reason import Reason
from pipeline.reading import Reader
from tests.support.console import Client, Json, Serve
from tests.support.crediting import approval
from tests.support.fake_reading import FakeReading
from tests.support.history import embedded_history
from tests.support.history_samples import NOW, S, alarm_change, evaluation, event, incident, operation, outage, trap
from tests.support.stores import Stores, engine, reader, stores

__all__ = ["engine", "reader", "stores"]

PAGES = [
    "/",
    "/alarms?all=true",
    "/outages",
    "/windows",
    "/customers",
    "/customers/acme",
    "/topology",
    "/sla",
    "/incidents/in-1",
    "/explain/cr-1",
    "/explain/trap",
]
BACK_S = 60.0


@pytest.fixture
def full(stores: Stores) -> Stores:
    """One of everything, as the fake has it."""
    stores.keep(trap(1), event(1), alarm_change(), incident(), outage(), evaluation())
    stores.enter_credit()
    window = {"kind": OperationKind.WINDOW_ADD, "target": "mw-1", "until": NOW + 3_600 * S, "starts_at": NOW, "resources": ("site/ams",)}
    for given in (operation("op-2", **window), operation(at=NOW + S)):
        stores.obligations.put_operation(given, ["default"])
        stores.obligations.answer_operations([Answer(given, OperationOutcome.DONE, Reason.ACKNOWLEDGED, "acknowledged", NOW + S)])
    stores.link_ticket()
    stores.journal("trap-1", bytes(40))
    done = Effect("ticket:in-1:open", EffectKind.TICKET_OPEN, "in-1", "tmf621", NOW, "root-cause-found", {})
    stores.obligations.put_effects([done], NOW)
    stores.obligations.finish(Receipt(done.key, done.kind, "in-1", "tmf621", Outcome.DELIVERED, NOW + S, "TT-1"))
    return stores


def shape(value: Any) -> Any:
    """The same value with types for values: keys, nesting and kinds are what a page relies on. Of a list the first tells."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def without_evidence(credits_: list[Json]) -> list[Json]:
    """What a credit's evidence holds is for the ledger to say, not for a page."""
    return [{**each, "evidence": {}} for each in credits_]


@pytest.mark.parametrize("name", ["incidents", "alarms", "outages", "evaluations", "customers"])
def test_the_fake_lists_what_the_real_one_lists(full: Stores, reader: Reader, name: str) -> None:
    """Same keys, same nesting, same types: a page that is right on the one is right on the other."""
    assert shape(getattr(FakeReading(), name)()) == shape(getattr(reader, name)())


def test_the_fake_tells_of_one_thing_what_the_real_one_tells(full: Stores, reader: Reader) -> None:
    """An incident, what was done for it, a credit, a customer in full."""
    fake = FakeReading()
    assert shape(fake.incident("in-1")) == shape(reader.incident("in-1"))
    assert shape(fake.topology()) == shape(reader.topology())
    assert fake.topology("nothing/x") is reader.topology("nothing/x") is None
    assert shape(fake.receipts("in-1")) == shape(reader.receipts("in-1"))
    assert shape(fake.windows(NOW)) == shape(reader.windows(NOW))
    assert shape(fake.operations("in-1")) == shape(reader.operations("in-1"))
    assert shape(fake.operations()) == shape(reader.operations())
    assert shape(without_evidence(fake.credits())) == shape(without_evidence(reader.credits()))
    pretended, real = fake.customer("acme"), reader.customer("acme")
    assert pretended is not None
    assert real is not None
    real["outages"][0]["ticket"] = None  # the fake has none there
    for each in (pretended, real):
        each["credits"] = without_evidence(each["credits"])
    assert shape(pretended) == shape(real)
    for answer in (fake, reader):
        assert (answer.incident("nothing"), answer.customer("nothing"), answer.explain("nothing")) == (None, None, None)


def test_the_fake_shows_a_customer_what_the_real_one_shows(full: Stores, reader: Reader) -> None:
    """With a message that went out, and a credit that was approved."""
    full.obligations.step_credit(approval(full.enter_credit("cr-2", period="2026-10", dry_run=False)), NOW)
    told = Effect("message:in-1:acme:first:r1", EffectKind.MESSAGE, "in-1", "customer:acme", NOW, "root-cause-found", {})
    full.obligations.put_effects([told], NOW)
    full.obligations.mark_message(told.key, "email:noc@acme.example", NOW, "m-1")
    full.obligations.finish(Receipt(told.key, told.kind, "in-1", told.route, Outcome.DELIVERED, NOW, told.key))
    fake, real = FakeReading().view("acme", NOW), reader.view("acme", NOW + S)
    assert fake is not None
    assert real is not None
    assert shape(fake) == shape(real)
    assert fake["services"] == real["services"]
    assert fake["messages"] == real["messages"]
    assert FakeReading().view("nothing", NOW) is reader.view("nothing", NOW) is None


def test_the_fake_explains_in_the_nodes_of_the_real_one(full: Stores, reader: Reader) -> None:
    """Kinds in the order of the chain, keys of a node, and of what it stands for."""

    def chain(node: Json) -> list[tuple[str, list[str], bool]]:
        below = [each for child in node["children"] for each in chain(child)]
        return [(node["kind"], sorted(node), bool(node["value"])), *below]

    real, fake = (chain(explained) for explained in (reader.explain("cr-1"), FakeReading().explain("cr-1")) if explained)
    assert [each[:2] for each in fake] == [each[:2] for each in real]
    assert [each[2] for each in fake[:5]] == [each[2] for each in real[:5]] == [True] * 5


async def test_every_page_shows_the_real_stores(full: Stores, reader: Reader, serve: Serve) -> None:
    """From the list of incidents to the datagram, on one console."""
    client = await serve(reader)
    texts = {path: await _text(client, path) for path in PAGES[:-1]}
    assert "fibre f-ams-rtm-1 is cut" in texts["/"]
    assert "TT-1" in texts["/customers"]
    assert "Acme Trading" in texts["/sla"]
    assert "ticket open" in texts["/incidents/in-1"]
    assert "trap-1:1: 40 bytes from 127.20.0.1" in texts["/explain/cr-1"]
    assert (await client.get(PAGES[-1])).status == 404


async def _text(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, path
    return await answer.text()


async def test_every_page_stands_on_empty_stores(stores: Stores, reader: Reader, serve: Serve) -> None:
    """The first minute of a new installation."""
    client = await serve(reader)
    for path in PAGES[:5]:
        await _text(client, path)


@pytest.mark.slow
async def test_pages_come_back_with_the_store(tmp_path: Path, serve: Serve) -> None:
    """ClickHouse is killed: 503 in plain words. It starts again: the same console shows everything, without a restart of its own."""
    (tmp_path / "engine").mkdir()
    with embedded_history(tmp_path / "engine") as history:
        made = Stores(history, tmp_path)
        made.keep(incident())
        with Reader(made.settings) as reading:
            client = await serve(reading)
            assert "fibre f-ams-rtm-1 is cut" in await _text(client, "/")
            await asyncio.to_thread(history.kill)
            down = await client.get("/")
            assert down.status == 503
            assert "A store does not answer" in await down.text()
            assert (await client.get("/api/incidents")).status == 503
            await asyncio.to_thread(history.restart)
            async with asyncio.timeout(BACK_S):
                while (await client.get("/")).status != 200:  # noqa: ASYNC110  # another process has no event to wait for
                    await asyncio.sleep(0.1)
            assert "fibre f-ams-rtm-1 is cut" in await _text(client, "/")
        made.close()
