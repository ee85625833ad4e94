"""A customer's token opens their own view and nothing else."""

import base64
import re
from typing import Any

import pytest

from pipeline.api.guard import CUSTOMERS_OWN
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiRole, ApiTokenSettings
from tests.support.console import Client, Serve
from tests.support.fake_reading import HOSTILE, FakeReading, view

ACME, BETA, WALL = "a-customers-token-of-32-chars-xx", "another-customers-token-32-chars", "a-viewers-token-of-thirty-two-ch"
TOKENS = (
    ApiTokenSettings("acme-portal", ApiRole.CUSTOMER, Secret(ACME), "acme"),
    ApiTokenSettings("beta-portal", ApiRole.CUSTOMER, Secret(BETA), "beta"),
    ApiTokenSettings("wallboard", ApiRole.VIEWER, Secret(WALL)),
)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def open_client(serve: Serve, reading: FakeReading) -> Client:
    """On loopback, where staff need no token."""
    return await serve(reading, tokens=TOKENS)


@pytest.mark.parametrize("staffs", ["", "the-token-of-all-staff-32-chars-"], ids=["loopback", "everybody needs a token"])
async def test_their_own_and_nothing_else(serve: Serve, reading: FakeReading, staffs: str) -> None:
    """Every route there is, by every method that it answers: 403 before any store is asked, but for the view."""
    client = await serve(reading, tokens=TOKENS, token=Secret(staffs))
    for route in client.server.app.router.routes():  # type: ignore[attr-defined]  # a test server's
        path = re.sub(r"\{\w+\}", "acme", route.resource.canonical)
        answer = await client.request(route.method, path, headers=bearer(ACME))
        assert answer.status == (200 if path in CUSTOMERS_OWN else 403), (route.method, path)
    assert set(reading.asked) == {"view"}


@pytest.mark.parametrize("path", ["/nowhere", "/api/nowhere", "/view/", "/api/view/acme", "/customers/beta/view", "/view?refresh=off&x=1"])
async def test_what_is_not_there_is_refused_alike(open_client: Client, path: str) -> None:
    assert (await open_client.get(path, headers=bearer(ACME))).status in {400, 403}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_nothing_is_changed(open_client: Client, reading: FakeReading, method: str) -> None:
    assert (await open_client.request(method, "/api/view", headers=bearer(ACME))).status in {403, 405}
    assert reading.asked == []


async def test_whose_it_is_says_the_token(open_client: Client, reading: FakeReading) -> None:
    answer = await open_client.get("/api/view", headers=bearer(ACME))
    assert await answer.json() == view()
    assert (await open_client.get("/api/view", headers=bearer(BETA))).status == 404  # the fake's inventory has no beta
    assert (await open_client.get("/api/view?customer=acme", headers=bearer(BETA))).status == 400


async def test_without_a_token_or_with_a_wrong_one_there_is_no_view(open_client: Client) -> None:
    for headers in ({}, bearer("wrong" * 5)):
        answer = await open_client.get("/view", headers=headers)
        assert (answer.status, answer.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert (await open_client.get("/api/view", headers=bearer(WALL))).status == 403


async def test_guesses_are_counted(open_client: Client) -> None:
    answers = [(await open_client.get("/api/view", headers=bearer(f"guess-number-{number}-of-many"))).status for number in range(11)]
    assert answers == [401] * 10 + [429]


async def test_without_such_tokens_it_says_what_to_do(client: Client) -> None:
    answer = await client.get("/api/view", headers=bearer(ACME))
    assert (answer.status, "role: customer" in (await answer.json())["error"]) == (403, True)


async def test_a_browser_may_give_the_token_as_a_password(open_client: Client) -> None:
    given = base64.b64encode(f"anyone:{ACME}".encode()).decode()
    assert (await open_client.get("/view", headers={"Authorization": f"Basic {given}"})).status == 200


async def test_staff_see_what_customers_see(open_client: Client) -> None:
    theirs = await (await open_client.get("/view", headers=bearer(ACME))).text()
    for path in ("/customers/acme/view", "/customers/acme/view?refresh=off"):
        answer = await open_client.get(path)
        assert answer.status == 200
        assert (await answer.text()).replace('<meta http-equiv="refresh" content="60">', "").split() == theirs.replace(
            '<meta http-equiv="refresh" content="60">', ""
        ).split()
    assert (await open_client.get("/customers/nobody/view")).status == 404
    assert (await open_client.get("/api/customers/nobody/view")).status == 404
    assert 'href="/customers/acme/view"' in await (await open_client.get("/customers/acme")).text()


async def test_the_page_says_it_all_on_their_clock(open_client: Client, reading: FakeReading) -> None:
    text = await (await open_client.get("/view", headers=bearer(ACME))).text()
    for part in (
        "Acme Trading",
        "not working",
        "a damaged fibre cable",
        "our engineers have been told",
        "99.99 %",
        "3 min 19 s",
        "120.00 EUR",
    ):
        assert part in text
    assert re.search(r"\d\d \w+ 20\d\d, \d\d:\d\d CES?T</time>", text)
    assert not re.search(r'href="/(?!console\.css)', text), "no way into the staff's pages"


@pytest.mark.parametrize("path", ["/", "/customers/acme", "/customers/beta/view", "/nowhere", "/view?x=1"])
async def test_no_refusal_shows_them_the_staffs_pages(open_client: Client, path: str) -> None:
    """Whoever reads it is a customer, whatever they asked for."""
    text = await (await open_client.get(path, headers=bearer(ACME))).text()
    assert "<nav" not in text
    assert "<nav" not in await (await open_client.get("/view")).text()
    assert "<nav" in await (await open_client.get("/nowhere")).text()


@pytest.mark.parametrize("error", [OSError("clickhouse at 10.0.0.1 is gone"), ValueError("a mistake of ours")])
async def test_what_fails_within_is_no_business_of_theirs(open_client: Client, reading: FakeReading, error: Exception) -> None:
    """Neither which store nor which command: only that it cannot be shown, and to come back."""
    reading.down = error
    for path in ("/view", "/api/view"):
        answer = await open_client.get(path, headers=bearer(ACME))
        text = await answer.text()
        assert answer.status in {500, 503}
        assert "cannot be shown at the moment" in text
        assert [word for word in ("ClickHouse", "clickhouse", "assure ", "the log", "10.0.0.1") if word in text] == []


async def test_another_customers_view_is_refused_as_one_that_is_not_there(open_client: Client) -> None:
    """Nothing tells who else is a customer: neither the answer nor its length."""
    for path in ("/api/customers/{}/view", "/customers/{}/view", "/api/customers/{}"):
        answers = [await open_client.get(path.format(name), headers=bearer(BETA)) for name in ("acme", "nobody")]
        assert [each.status for each in answers] == [403, 403]
        assert await answers[0].read() == await answers[1].read()


async def test_hostile_names_stay_text(open_client: Client, reading: FakeReading, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(_: str, __: int) -> dict[str, Any]:
        shown = view(customer=HOSTILE, timezone="UTC")
        shown["services"][0] |= {"name": HOSTILE, "description": HOSTILE, "cause": HOSTILE, "reference": HOSTILE}
        return shown

    monkeypatch.setattr(reading, "view", hostile)
    text = await (await open_client.get("/view", headers=bearer(ACME))).text()
    assert "<script" not in text
    assert "<img" not in text
