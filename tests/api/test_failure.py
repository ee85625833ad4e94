"""A store that is down is said plainly, tells nothing of the inside, and is used again as soon as it answers."""

import logging

import pytest

from pipeline.config.problem import ConfigError, Problem
from tests.support.console import Client
from tests.support.fake_reading import FakeReading

PAGES = ["/", "/alarms", "/outages", "/customers", "/customers/acme", "/topology", "/sla", "/incidents/in-1", "/explain/cr-1"]
JSON = ["/api/incidents", "/api/incidents/in-1", "/api/alarms", "/api/outages", "/api/customers", "/api/evaluations", "/api/credits"]
SECRET = "ClickHouse at 127.0.0.1:18123: password=hunter2 [SQL: SELECT secret]"
BROKEN_INVENTORY = ConfigError([Problem("services.yaml", 3, "$", SECRET, "mend it")])


@pytest.mark.parametrize("path", [*PAGES, *JSON])
@pytest.mark.parametrize(
    "error", [OSError(SECRET), ConnectionRefusedError(SECRET), TimeoutError(SECRET), BROKEN_INVENTORY], ids=lambda e: type(e).__name__
)
async def test_a_store_that_is_down_gives_503_and_comes_back(client: Client, reading: FakeReading, path: str, error: Exception) -> None:
    """With when to come again; the page loads itself again; the next answer is whole."""
    reading.down = error
    answer = await client.get(path)
    text = await answer.text()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "does not answer" in text
    assert "hunter2" not in text
    assert "Traceback" not in text
    assert ('http-equiv="refresh"' in text) == (path in PAGES)
    reading.down = None
    assert (await client.get(path)).status == 200


@pytest.mark.parametrize("path", ["/", "/api/incidents", "/explain/cr-1"])
async def test_a_mistake_of_ours_stays_in_the_log(
    client: Client, reading: FakeReading, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """500 without a trace for the caller; the whole trace for the log; the process goes on."""
    reading.down = KeyError("a field that is not there")
    with caplog.at_level(logging.ERROR):
        answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 500
    assert "Traceback" not in text
    assert "a field that is not there" not in text
    assert any(record.exc_info and path in record.getMessage() for record in caplog.records)
    reading.down = None
    assert (await client.get(path)).status == 200


async def test_the_style_sheet_needs_no_store(client: Client, reading: FakeReading) -> None:
    """Else the page that says that a store is down would look broken itself."""
    reading.down = OSError("down")
    answer = await client.get("/console.css")
    assert (answer.status, answer.content_type) == (200, "text/css")


@pytest.mark.parametrize("path", ["/nowhere", "/incidents/unknown"])
async def test_a_page_that_is_not_there_still_leads_on(client: Client, path: str) -> None:
    """The refusal is a page like the others, with the ways on."""
    text = await (await client.get(path)).text()
    assert '<a href="/customers">Customers</a>' in text
    assert "<h1>Not found</h1>" in text
