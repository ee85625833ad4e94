"""Reading as TMF630 says: filters, sorting, pages and their links, chosen attributes; and every refusal in TM Forum's form."""

import re

import pytest

from pipeline.config.secret import Secret
from pipeline.config.settings import ApiRole, ApiTokenSettings
from pipeline.core.selection import Comparison, Filter, Order, Selection
from tests.support.console import Client
from tests.support.fake_northbound import FakeNorthbound
from tests.support.tmf_api import ALARM, EVERY, OBJECTIVE, PROBLEM, VIOLATION, Start
from tests.support.tmf_schemas import conform, published


@pytest.mark.parametrize("path", EVERY)
async def test_every_resource_has_a_list_and_each_of_it_is_read_where_its_href_says(client: Client, path: str) -> None:
    answer = await client.get(path)
    listed = await answer.json()
    assert (answer.status, answer.headers["X-Total-Count"], answer.headers["X-Result-Count"]) == (200, str(len(listed)), str(len(listed)))
    for one in listed:
        assert await (await client.get(one["href"])).json() == one
    assert (await client.get(f"{path}/nothing")).status == 404


async def test_filters_and_order_are_read_as_tmf630_writes_them(client: Client, northbound: FakeNorthbound) -> None:
    asked = "perceivedSeverity=critical,major&state=raised&state=updated&alarmRaisedTime.gte=2026-11-01T00:00:00Z&sourceSystemId.ne=pe1"
    answer = await client.get(f"{ALARM}?{asked}&sort=-perceivedSeverity,%2BalarmRaisedTime,id&offset=1&limit=2")
    assert answer.status == 200
    assert northbound.asked == [
        Selection(
            filters=(
                Filter("severity", Comparison.EQUAL, (6, 5)),
                Filter("state", Comparison.EQUAL, ("raised", "updated")),
                Filter("last_raised_at", Comparison.AT_LEAST, (1_793_491_200_000_000_000,)),
                Filter("device", Comparison.NOT_EQUAL, ("pe1",)),
            ),
            order=(Order("severity", descending=True), Order("last_raised_at"), Order("id")),
            offset=1,
            limit=2,
        )
    ]


async def test_pages_lead_to_each_other(client: Client) -> None:
    """Following ``next`` from the first page shows everything once; the last page has no next."""
    where, seen = f"{ALARM}?limit=2&state=raised", []
    while where:
        answer = await client.get(where)
        seen += [one["id"] for one in await answer.json()]
        by_word = {word: target for target, word in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["Link"])}
        assert "first" in by_word
        where = by_word.get("next", "")
        assert not where or "state=raised" in where
    assert seen == ["al-1", "al-2", "al-3"]
    back = (await client.get(f"{ALARM}?limit=2&offset=2")).headers["Link"]
    assert 'limit=2&offset=0>; rel="prev"' in back


async def test_only_the_chosen_attributes_come_with_those_that_tell_what_it_is(client: Client) -> None:
    for fields, names in (("perceivedSeverity,alarmedObject.id", {"perceivedSeverity", "alarmedObject"}), ("none", set())):
        found = await (await client.get(f"{ALARM}?fields={fields}")).json()
        assert all(set(one) == {"id", "href", "@type", *names} for one in found)
        one = await (await client.get(f"{ALARM}/al-1?fields={fields}")).json()
        assert set(one) == {"id", "href", "@type", *names}


WRONG = [
    f"{ALARM}?perceivedSeverity=majr",
    f"{ALARM}?severity=major",
    f"{ALARM}?state.gt=raised",
    f"{ALARM}?alarmRaisedTime=yesterday",
    f"{ALARM}?alarmRaisedTime=9999-12-31T23:59:59Z",
    f"{ALARM}?alarmRaisedTime.gt=2026-11-01T00:00:00Z,2026-11-02T00:00:00Z",
    f"{ALARM}?limit=0",
    f"{ALARM}?limit=1001",
    f"{ALARM}?limit=²",
    f"{ALARM}?limit=1&limit=2",
    f"{ALARM}?offset=-1",
    f"{ALARM}?sort=nothing",
    f"{ALARM}?fields=nothing",
    f"{ALARM}?id=%00",
    f"{ALARM}/al-1?state=raised",
    f"{PROBLEM}?priority=high",
    f"{OBJECTIVE}?conformanceTarget.gt=99",
    f"{VIOLATION}?date.lt=2026-13-01T00:00:00Z",
]


@pytest.mark.parametrize("path", WRONG)
async def test_what_is_not_understood_is_refused_with_what_there_is(client: Client, northbound: FakeNorthbound, path: str) -> None:
    """A misspelt filter must not answer with everything; no store is asked."""
    answer = await client.get(path)
    error = await answer.json()
    assert (answer.status, error["code"], error["status"], northbound.asked) == (400, "400", "400", [])
    assert error["message"]


async def test_who_has_no_token_reads_nothing_and_a_viewer_reads(start: Start) -> None:
    viewer = ApiTokenSettings("wallboard", ApiRole.VIEWER, Secret("a-viewers-token-of-thirty-two-ch"))
    client = await start(token=Secret("of-readers"), tokens=(viewer,))
    for token, status in (("", 401), ("wrong", 401), (viewer.secret.reveal(), 200)):
        answer = await client.get(ALARM, headers={"Authorization": f"Bearer {token}"} if token else {})
        assert answer.status == status


@pytest.mark.needs_schemas
async def test_refusals_are_errors_as_published(client: Client, northbound: FakeNorthbound) -> None:
    schema = published("TMF642-Alarm-v4.0.0")
    northbound.down = None
    for method, path in (("GET", WRONG[0]), ("GET", f"{ALARM}/x"), ("PUT", ALARM), ("GET", "/tmf-api/nothing")):
        conform(schema, "Error", await (await client.request(method, path)).json())
    northbound.down = ConnectionError("no")
    answer = await client.get(ALARM)
    assert answer.status == 503
    conform(schema, "Error", await answer.json())
