"""The console is read-only, answers to its own names, asks for its token, and tells nobody else what it shows."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.api.caller import token_of
from pipeline.api.guard import check_exposure, host_name, hosts_of
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiSettings
from tests.support.console import Client, Serve
from tests.support.fake_reading import FakeReading

PAGES = [
    "/",
    "/alarms",
    "/outages",
    "/windows",
    "/customers",
    "/customers/acme",
    "/customers/acme/view",
    "/topology",
    "/sla",
    "/incidents/in-1",
    "/explain/cr-1",
]
JSON = [
    "/api/incidents",
    "/api/incidents/in-1",
    "/api/alarms",
    "/api/outages",
    "/api/windows",
    "/api/operations",
    "/api/customers",
    "/api/customers/acme",
    "/api/customers/acme/view",
    "/api/evaluations",
    "/api/credits",
    "/api/explain/cr-1",
]


@pytest.mark.parametrize("path", [*PAGES, *JSON, "/console.css", "/nowhere"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_nothing_but_reading_is_allowed(client: Client, reading: FakeReading, method: str, path: str) -> None:
    """405 with the methods that are, before any store is asked."""
    answer = await client.request(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert reading.asked == []


@pytest.mark.parametrize("path", [*PAGES, *JSON])
async def test_head_answers_as_get_without_a_body(client: Client, path: str) -> None:
    """Proxies and monitors ask so."""
    answer = await client.head(path)
    assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize("path", [*PAGES, *JSON, "/nowhere", "/api/nowhere", "/incidents/unknown"])
async def test_every_answer_keeps_to_itself(client: Client, path: str) -> None:
    """No script can run, no frame can show it, no cache keeps it, no other site learns of it; errors are no exception."""
    headers = (await client.get(path)).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert "script-src" not in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "aiohttp" not in headers["Server"]
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["127.0.0.1:18642", "localhost:9", "LOCALHOST", "localhost.", "[::1]:18642", "noc.example:443"])
async def test_its_own_names_are_answered(serve: Serve, reading: FakeReading, host: str) -> None:
    """Loopback by any of its names, and what the settings list, with any port: a tunnel may have another."""
    client = await serve(reading, hosts=("NOC.example",))
    assert (await client.get("/", headers={"Host": host})).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:18642", "10.0.0.1", "", "localhost@evil.example"])
async def test_a_foreign_name_for_loopback_is_refused(client: Client, reading: FakeReading, host: str) -> None:
    """A web page elsewhere cannot read the console through a name of its own that resolves to 127.0.0.1 (DNS rebinding)."""
    for path in ("/", "/api/incidents"):
        answer = await client.get(path, headers={"Host": host})
        assert answer.status == 421
    assert reading.asked == []


@pytest.mark.parametrize(
    ("listen", "listed", "answered"),
    [
        ("127.0.0.1:1", (), {"127.0.0.1", "localhost", "::1"}),
        ("[::1]:1", (), {"127.0.0.1", "localhost", "::1"}),
        ("127.0.0.7:1", ("noc.example",), {"127.0.0.1", "localhost", "::1", "127.0.0.7", "noc.example"}),
        ("0.0.0.0:1", (), set()),
        ("0.0.0.0:1", ("noc.example",), {"noc.example"}),
    ],
)
def test_which_names_are_answered(listen: str, listed: tuple[str, ...], answered: set[str]) -> None:
    """Off loopback any name will do while none is listed: the token guards it there."""
    assert hosts_of(ApiSettings(listen=listen, hosts=listed)) == answered


@given(st.text())
def test_a_host_name_is_found_in_anything(authority: str) -> None:
    """Whatever a caller sends, its host is a name without a port, or nonsense that is on no list."""
    assert host_name(authority).count(":") == 0 or authority.startswith("[")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer s3cret", 200),
        ("bearer  s3cret", 200),
        (basic("anyone", "s3cret"), 200),
        (basic("", "s3cret"), 200),
        (None, 401),
        ("Bearer", 401),
        ("Bearer s3cre", 401),
        ("Bearer s3cret2", 401),
        ("s3cret", 401),
        (basic("s3cret", ""), 401),
        ("Basic s3cret", 401),
        ("Basic !!!", 401),
        ("Basic " + base64.b64encode(b"\xff\xfe:s3cret").decode(), 401),
        (basic("u", "g\u00e9heim"), 401),
        ("Bearer g\u00e9heim", 401),
        ("Digest s3cret", 401),
    ],
)
async def test_the_token_opens_and_nothing_else(serve: Serve, reading: FakeReading, authorization: str | None, status: int) -> None:
    """As a bearer token, or as the password a browser sends; else 401, a way for browsers to ask, and no store is asked."""
    client = await serve(reading, token=Secret("s3cret"))
    for path in ("/", "/api/incidents", "/console.css", "/nowhere"):
        answer = await client.get(path, headers={"Authorization": authorization} if authorization else {})
        assert answer.status == (404 if status == 200 and path == "/nowhere" else status)
        if status == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert status == 200 or reading.asked == []


@given(st.text())
def test_no_header_breaks_the_guard(header: str) -> None:
    """What is offered is text, whatever was sent."""
    assert isinstance(token_of(header), str)


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.net:1"])
def test_a_network_never_sees_it_without_a_token(listen: str) -> None:
    """It refuses to start, and says what to set."""
    with pytest.raises(OSError, match=r"api\.token"):
        check_exposure(listen, Secret(""))
    check_exposure(listen, Secret("s3cret"))


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.3.2.1:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_no_token(listen: str) -> None:
    """Who can reach it is on this machine already."""
    check_exposure(listen, Secret(""))
