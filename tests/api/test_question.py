"""What is asked in JSON is answered in JSON, and a question that is not understood is said to be so, before any store is asked."""

import asyncio

import pytest

from tests.support.console import Client
from tests.support.fake_reading import FakeReading, alarm, incident, outage


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("/api/incidents", ["in-1", "in-2", "in-3"]),
        ("/api/incidents?state=open", ["in-1", "in-3"]),
        ("/api/incidents?state=resolved", ["in-2"]),
        ("/api/incidents?limit=1", ["in-1"]),
        ("/api/incidents?state=open&limit=1000", ["in-1", "in-3"]),
        ("/api/alarms", ["al-1"]),
        ("/api/alarms?all=false", ["al-1"]),
        ("/api/alarms?all=true", ["al-1", "al-2"]),
        ("/api/alarms?all=true&limit=1", ["al-1"]),
        ("/api/outages", ["ou-1", "ou-2"]),
        ("/api/outages?lasting=true", ["ou-1"]),
        ("/api/outages?incident=in-9", ["ou-2"]),
        ("/api/outages?service=other", ["ou-2"]),
    ],
)
async def test_filters_keep_what_they_say(client: Client, reading: FakeReading, path: str, ids: list[str]) -> None:
    reading.incidents_ = [incident(1), incident(2, state="resolved"), incident(3)]
    reading.alarms_ = [alarm(1), alarm(2, is_cleared=True)]
    reading.outages_ = [outage(1), outage(2, ended=True, incident="in-9", service="other")]
    answer = await client.get(path)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert [each["id"] for each in await answer.json()] == ids


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/incidents?state=broken", "open or resolved"),
        ("/api/incidents?state=", "open or resolved"),
        ("/api/incidents?sate=open", "no parameter 'sate'"),
        ("/api/incidents?state=open&state=resolved", "more than once"),
        ("/api/incidents?limit=0", "1 to 1000"),
        ("/api/incidents?limit=-1", "1 to 1000"),
        ("/api/incidents?limit=1001", "1 to 1000"),
        ("/api/incidents?limit=1e3", "1 to 1000"),
        ("/api/incidents?limit=%D9%A1", "1 to 1000"),
        ("/api/incidents?limit=" + "9" * 5000, "1 to 1000"),
        ("/api/incidents?limit=", "1 to 1000"),
        ("/api/alarms?all=yes", "true or false"),
        ("/api/outages?service=", "no name"),
        ("/api/outages?service=a%00b", "no name"),
        ("/api/outages?incident=" + "x" * 300, "no name"),
        ("/api/customers?x=1", "none are known here"),
        ("/api/credits?limit=3", "none are known here"),
        ("/api/evaluations?limit=3", "none are known here"),
        ("/api/explain/cr-1?x", "none are known here"),
        ("/?limit=all", "1 to 1000"),
        ("/?refresh=on", "refresh is off"),
        ("/alarms?all=%3Cscript%3E", "true or false"),
        ("/outages?service=%E2%80%AE", "no name"),
        ("/sla?period=2026-11", "none are known here"),
    ],
)
async def test_a_question_that_is_not_understood_is_refused(client: Client, reading: FakeReading, path: str, says: str) -> None:
    """400 that says what would be; a filter that is ignored would answer with everything."""
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 400
    assert says in text.replace("&#39;", "'")
    assert "<script>" not in text
    assert reading.asked == []


@pytest.mark.parametrize("start", ["/incidents/", "/explain/", "/customers/", "/api/incidents/", "/api/explain/", "/api/customers/"])
@pytest.mark.parametrize(
    "name",
    [
        "unknown",
        "x" * 201,
        "x" * 7000,
        "a%00b",
        "%0d%0aSet-Cookie:%20a=b",
        "%E2%80%AEevil",
        "%ff%fe",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "' OR 1=1 --",
        "%25s%25n",
        "{{7*7}}",
    ],
)
async def test_a_name_that_nothing_has_is_not_found(client: Client, start: str, name: str) -> None:
    """However long or crafted: 404, in the form that was asked for, without an echo that a browser could run."""
    answer = await client.get(start + name)
    assert answer.status == 404
    assert answer.content_type == ("application/json" if start.startswith("/api/") else "text/html")
    assert "Set-Cookie" not in answer.headers
    assert "root:" not in await answer.text()


async def raw(client: Client, target: str) -> tuple[int, str]:
    """Status and body for a target as it stands: clients would tidy it up first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    "target",
    [
        "/../server.py",
        "/pages/base.html",
        "/console.css/../../server.py",
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/explain/../../../../etc/passwd",
        "/explain/..%5c..%5cserver.py",
        "/static/",
    ],
)
async def test_no_file_is_served(client: Client, target: str) -> None:
    """There is one style sheet, at one address; a path that climbs finds nothing."""
    status, body = await raw(client, target)
    assert status == 404
    assert "<h1>Not found</h1>" in body
    assert "root:" not in body


async def test_an_address_beyond_all_bounds_is_refused(client: Client) -> None:
    """The web library answers that by itself; nothing of ours is reached."""
    assert (await client.get("/incidents/" + "x" * 20_000)).status in {400, 414}


@pytest.mark.parametrize("path", ["/api/explain/i", "/explain/i", "/incidents/i"])
async def test_a_beginning_of_several_names_lists_them(client: Client, path: str) -> None:
    """300 Multiple Choices with the names to choose from."""
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 300
    assert "in-1" in text
    assert "in-2" in text


async def test_what_is_not_an_incident_is_not_shown_as_one(client: Client) -> None:
    """A credit's key under /incidents is not found; under /explain it is."""
    assert (await client.get("/incidents/cr-1")).status == 404
    assert (await client.get("/explain/cr-1")).status == 200
