"""Every page says what is so in plain words, leads to its evidence, is whole without a script, and takes hostile text for text."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from pipeline.drawing.pictures import Pictures
from tests.support.console import Client, Json, Serve
from tests.support.fake_reading import (
    HOSTILE,
    FakeReading,
    alarm,
    credit,
    customer,
    evaluation,
    incident,
    node,
    outage,
    service,
)
from tests.support.history_samples import NOW, S
from tests.support.mesh import grid

PAGES = ["/", "/alarms", "/outages", "/customers", "/customers/acme", "/topology", "/sla", "/incidents/in-1", "/explain/cr-1"]
INLINE = {"a", "span", "time", "strong"}
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: its elements, its text, its links; fails on elements that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.words.append("" if tag in INLINE else " ")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.words.append("" if tag in INLINE else " ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.elements if each == tag]

    @property
    def links(self) -> list[str]:
        return [str(each["href"]) for each in self.all("a")]


async def read(client: Client, path: str) -> Page:
    answer = await client.get(path)
    assert (answer.status, answer.content_type, answer.charset) == (200, "text/html", "utf-8"), path
    return Page(await answer.text())


# every page


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("empty", [False, True], ids=["full", "empty"])
async def test_every_page_has_its_landmarks(serve: Serve, path: str, empty: bool) -> None:
    """A language, a title of its own, one h1, a way past the navigation, named landmarks, columns with headers."""
    reading = FakeReading(empty=empty)
    client = await serve(reading)
    if empty and path.count("/") > 1:
        assert (await client.get(path)).status == 404
        return
    page = await read(client, path)
    tags = [tag for tag, _ in page.elements]
    tags = tags[: tags.index("svg")] + tags[tags.index("figcaption") :] if "svg" in tags else tags  # a picture has titles of its own
    assert page.all("html") == [{"lang": "en"}]
    assert [tags.count(tag) for tag in ("title", "h1", "main", "nav", "header", "footer")] == [1] * 6
    assert page.all("nav")[0]["aria-label"]
    assert page.links[0] == f"#{page.all('main')[0]['id']}"
    assert all(each["scope"] == "col" for each in page.all("th"))
    assert page.all("meta")[1]["name"] == "viewport"


async def test_every_title_is_its_own(client: Client) -> None:
    """Tabs of a browser can be told apart."""
    titles = [re.findall("<title>(.*)</title>", await (await client.get(path)).text())[0] for path in PAGES]
    assert len(set(titles)) == len(PAGES)


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_needs_a_script_or_another_site(client: Client, path: str) -> None:
    """No script, no style in the page, no handler, nothing from elsewhere."""
    page = await read(client, path)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "style", "iframe", "object", "form", "img"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on") or name == "style"]
    assert [each["href"] for each in page.all("link")] == ["data:,", "/console.css"]
    assert all(link.startswith(("/", "#")) for link in page.links)


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_leads_somewhere(client: Client, path: str) -> None:
    """From each thing to its evidence, and nowhere to a page that is not there."""
    for link in set((await read(client, path)).links):
        if link.startswith("/"):
            assert (await client.get(link)).status == 200, link


@pytest.mark.parametrize("path", PAGES)
async def test_every_time_is_utc_and_says_so(client: Client, path: str) -> None:
    """Machines read an RFC 3339 time, people a plain one; the page names the zone and when it was made."""
    page = await read(client, path)
    times = [str(each["datetime"]) for each in page.all("time")]
    assert times
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each) for each in times)
    assert "All times are UTC. This page is of " in page.text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "No incident is open No alarm stands. Nothing has gone wrong yet."),
        ("/alarms", "No alarm stands"),
        ("/alarms?all=true", "There has been none."),
        ("/outages", "No outage now"),
        ("/customers", "No customer is declared"),
        ("/sla", "No credit has been proposed."),
        ("/sla", "No month has been settled yet. assure sla settle"),
    ],
)
async def test_nothing_is_said_plainly(serve: Serve, path: str, says: str) -> None:
    """An empty page says that it is empty, and what would fill it."""
    assert says in (await read(await serve(FakeReading(empty=True)), path)).text


@pytest.mark.parametrize("path", ["/", "/alarms", "/outages", "/customers", "/customers/acme", "/incidents/in-1"])
async def test_what_may_change_is_loaded_again_unless_told_not_to(client: Client, path: str) -> None:
    """A reader may stop that: a page that jumps cannot be read (WCAG 2.2, 2.2.1)."""
    page = await read(client, path)
    assert {"http-equiv": "refresh", "content": "10"} in page.all("meta")
    steady = next(link for link in page.links if "refresh=off" in link)
    assert not any("http-equiv" in each for each in (await read(client, steady)).all("meta"))


@pytest.mark.parametrize("path", ["/sla", "/explain/cr-1"])
async def test_what_does_not_change_stays(client: Client, path: str) -> None:
    assert not any("http-equiv" in each for each in (await read(client, path)).all("meta"))


async def test_stopping_the_refresh_keeps_the_filter(client: Client) -> None:
    page = await read(client, "/alarms?all=true")
    assert "/alarms?all=true&refresh=off" in page.links


# hostile text


def hostile(value: Any, *, keep: frozenset[str]) -> Any:
    """The same value with every text that a device or an inventory could choose replaced by markup."""
    if isinstance(value, dict):
        return {name: each if name in keep else hostile(each, keep=keep) for name, each in value.items()}
    if isinstance(value, list):
        return [hostile(each, keep=keep) for each in value]
    return HOSTILE if isinstance(value, str) else value


OURS = frozenset({"state", "severity", "currency", "availability", "target", "evidence", "id", "key", "name", "kind", "customer"})


@pytest.mark.parametrize("path", PAGES)
async def test_text_of_devices_and_inventories_is_only_text(client: Client, reading: FakeReading, path: str) -> None:
    """A trap, a sysName or a customer that calls itself a script is shown as it is written, and runs nowhere."""
    for store in ("incidents_", "alarms_", "outages_", "receipts_", "customers_", "evaluations_", "credits_"):
        setattr(reading, store, hostile(getattr(reading, store), keep=OURS))
    reading.trees = hostile(reading.trees, keep=OURS)
    html = await (await client.get(path)).text()
    assert "&lt;script&gt;alert(" in html
    assert "<script" not in html
    assert "<img" not in html
    Page(html)


@pytest.mark.parametrize("name", ["a/b?c=d&e=f#g", "'\"><b>", "..", "\u00fcber acme", "a b"])
async def test_names_in_links_stay_names(serve: Serve, name: str) -> None:
    """A customer's name with signs of an address leads to that customer."""
    reading = FakeReading()
    reading.customers_ = [customer(name)]
    page = await read(await serve(reading), "/customers")
    link = next(link for link in page.links if link.startswith("/customers/"))
    assert re.fullmatch(r"/customers/[\w.~%/-]+", link)
    if "/" not in name and name != "..":
        assert (await (await serve(reading)).get(link)).status == 200


# incidents


async def test_open_incidents_come_before_resolved_ones(client: Client, reading: FakeReading) -> None:
    """With cause, services by state, ticket, since when and how long."""
    felt = [{**incident()["impacts"][0], "state": state} for state in ("down", "redundancy-lost", "redundancy-lost", "degraded")]
    reading.incidents_ = [incident(1, state="resolved", reason="an old fault"), incident(2, impacts=felt)]
    page = await read(client, "/")
    assert "1 open incident " in page.text
    assert page.text.index("fibre f-ams-rtm-1 is cut") < page.text.index("Resolved") < page.text.index("an old fault")
    left = "acme-vpn-1 7 s left of 9 s in 2026-11; target missed at 14:05:49 UTC if it lasts"
    assert f"1 down 1 degraded 2 redundancy lost {left} TT-2 acknowledged" in page.text
    assert "5 min" in page.text
    assert "1 alarm stands." in page.text


async def test_an_incident_without_services_or_ticket_says_so(client: Client, reading: FakeReading) -> None:
    reading.incidents_ = [incident(impacts=[], tightest=None, ticket=None, planned="mw-1", flapping=True)]
    page = await read(client, "/")
    assert "planned: mw-1 flapping none \u2013 none" in page.text


async def test_five_hundred_incidents_are_a_page(client: Client, reading: FakeReading) -> None:
    """The newest hundred, said to be so, with a way to all of them."""
    reading.incidents_ = [incident(number) for number in range(500)]
    page = await read(client, "/")
    assert "more than 100 open incidents" in page.text
    assert sum(link.startswith("/incidents/") for link in page.links) == 100
    everything = await read(client, next(link for link in page.links if "limit" in link))
    assert "500 open incidents" in everything.text
    assert sum(link.startswith("/incidents/") for link in everything.links) == 500


async def test_an_open_incident_is_never_behind_resolved_ones(client: Client, reading: FakeReading) -> None:
    """A fault that has lasted for weeks stays on the first page, whatever came and went since."""
    reading.incidents_ = [*(incident(number, state="resolved") for number in range(300)), incident(999, reason="still there")]
    assert "still there" in (await read(client, "/")).text


async def test_an_incident_tells_its_whole_story(client: Client, reading: FakeReading) -> None:
    """Cause, why, who feels it in order of tier, what was done, and the evidence down to a datagram."""
    impacts = incident()["impacts"]
    silver = {**impacts[0], "service": "beta-1", "customer": "beta", "customer_name": "Beta AG", "tier": "silver"}
    known = incident(impacts=[*impacts, silver])
    reading.outages_ = [outage(2, service="beta-1", customer="beta", excluded="mw-1", confirmed_by=""), outage(1, ended=True)]
    reading.trees = {"in-1": {**reading.trees["in-1"], "value": known}}
    page = await read(client, "/incidents/in-1")
    for said in (
        "open critical",
        "Root cause fibre/f-ams-rtm-1",
        "Customers 1 gold customer (1 service)",
        "explains It explains 2 alarms: 2 on interface. instead It could be duct d1, 3%",
        "gold Acme Trading acme-vpn-1 fibre f-ams-rtm-1 → link ams--rtm down",
        "silver Beta AG beta-1 fibre f-ams-rtm-1 → link ams--rtm down",
        "7 s left of 9 s in 2026-11",
        "opened: fibre f-ams-rtm-1 is cut",
        "planned: mw-1",
        "lasts so far 1 min not yet: does not pay",
        "5 min yes",
        "ticket open tmf621 delivered TT-1",
        "datagram trap-1:1: 140 bytes from 127.20.0.1",
    ):
        assert said in page.text
    assert page.text.index("5 min yes") < page.text.index("not yet: does not pay"), "outages follow the order of the services"


async def test_a_resolved_incident_says_how_long_it_took(client: Client, reading: FakeReading) -> None:
    """And is not loaded again: nothing will change."""
    known = incident(state="resolved", points=[])
    reading.trees = {"in-1": node("incident", "in-1", "", [], known)}
    reading.receipts_ = []
    page = await read(client, "/incidents/in-1")
    assert "after 5 min" in page.text
    assert "No explanation was kept." in page.text
    assert "Nothing yet: no ticket, no notification." in page.text
    assert "No alarm is left in the history." in page.text
    assert not any("http-equiv" in each for each in page.all("meta"))


# alarms and outages


async def test_cleared_alarms_are_shown_when_asked_for(client: Client, reading: FakeReading) -> None:
    reading.alarms_ = [alarm(1), alarm(2, is_cleared=True, cleared_at=NOW + S, text="it was warm")]
    assert "it was warm" not in (await read(client, "/alarms")).text
    assert "it was warm" in (await read(client, "/alarms?all=true")).text


async def test_outages_that_last_come_first_in_order_of_tier(client: Client, reading: FakeReading) -> None:
    """Gold before silver before a customer that is no longer declared; then those that ended."""
    reading.outages_ = [
        outage(1, tier="", customer_name="Gone Ltd"),
        outage(2, tier="silver", customer_name="Silver Ltd", confirmed_by=""),
        outage(3, tier="gold", customer_name="Gold Ltd", excluded="mw-1"),
        outage(4, ended=True, customer_name="Ended Ltd"),
    ]
    page = await read(client, "/outages")
    places = [page.text.index(f"{name} Ltd") for name in ("Gold", "Silver", "Gone", "Ended")]
    assert places == sorted(places)
    assert "3 outages now" in page.text
    assert "down planned: mw-1" in page.text
    assert "5 min" in page.text


# customers


async def test_customer_care_sees_who_feels_what_since_when_and_the_ticket(client: Client, reading: FakeReading) -> None:
    """Those who feel something first, one line for each service, then who is well."""
    services = [service(), service("acme-inet", "redundancy-lost", ticket=None, excluded="mw-1"), service("acme-lan", "up")]
    reading.customers_ = [customer(services=services), customer("beta", "up", display_name="Beta AG")]
    page = await read(client, "/customers")
    assert "1 customer feels something now" in page.text
    assert "gold Acme Trading acme-vpn-1 down" in page.text
    assert "fibre/f-ams-rtm-1 TT-1 acknowledged" in page.text
    assert "acme-inet redundancy lost planned: mw-1" in page.text
    assert "acme-lan" not in page.text
    assert "All is well with 1 customer Beta AG gold, 1 service" in page.text


async def test_all_is_well(client: Client, reading: FakeReading) -> None:
    reading.customers_ = [customer(state="up")]
    assert "All is well with every customer" in (await read(client, "/customers")).text


async def test_a_customer_has_a_page(client: Client, reading: FakeReading) -> None:
    """Services now, outages and credits with their evidence."""
    reading.customers_ = [customer(services=[service(), service("acme-lan", "up", description="head office")])]
    page = await read(client, "/customers/acme")
    assert "1 of 2 services is affected now." in page.text
    assert "head office l3vpn up" in page.text
    assert "acme-vpn-1 2026-11 120.00 EUR dry run: posted nowhere evidence" in page.text
    assert {"/explain/ou-1", "/explain/cr-1", "/incidents/in-1"} <= set(page.links)


async def test_a_customer_without_anything_says_so(client: Client, reading: FakeReading) -> None:
    reading.customers_ = [customer(state="up", services=[], tier="")]
    reading.outages_ = reading.credits_ = []
    page = await read(client, "/customers/acme")
    for said in ("No longer declared", "No service is declared.", "None is known.", "No credit has been proposed."):
        assert said in page.text


# agreements


async def test_missed_targets_come_first_then_the_tiers(client: Client, reading: FakeReading) -> None:
    reading.evaluations_ = [
        evaluation(1, violated=False, tier="gold", customer_name="Gold Ltd", credit_minor=0, counted_s=0),
        evaluation(2, violated=True, tier="bronze", customer_name="Bronze Ltd"),
        evaluation(3, violated=True, tier="silver", customer_name="Silver Ltd"),
    ]
    page = await read(client, "/sla")
    places = [page.text.index(f"{name} Ltd") for name in ("Silver", "Bronze", "Gold")]
    assert places == sorted(places)
    assert "99.98843 % 99.99 % missed 5 min 120.00 EUR" in page.text
    assert "99.98843 % 99.99 % met none none" in page.text
    assert "/explain/ev-3" in page.links


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (12_000, "EUR", "120.00 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (12_000, "JPY", "12000 JPY"),
        (12_345, "KWD", "12.345 KWD"),
        (7, "XYZ", "7 minor units of XYZ"),
    ],
)
async def test_money_has_the_decimals_of_its_currency(client: Client, reading: FakeReading, minor: int, currency: str, shown: str) -> None:
    """A yen has no cents; a currency that is not known is not guessed at."""
    reading.credits_ = [credit(amount_minor=minor, currency=currency, revision=2, dry_run=False, told="computed")]
    assert f"2026-11 revision 2 {shown} computed" in (await read(client, "/sla")).text


# evidence


def kinds(tree: Json) -> Iterator[str]:
    yield tree["kind"]
    for child in tree["children"]:
        yield from kinds(child)


async def test_the_evidence_of_a_credit_goes_down_to_the_datagram(client: Client, reading: FakeReading) -> None:
    """Each link of the chain in its place, and each a page of its own."""
    page = await read(client, "/explain/cr-1")
    chain = list(kinds(reading.trees["cr-1"]))
    assert chain == ["credit", "SLA evaluation", "outage", "incident", "alarm", "event", "datagram"]
    assert re.search(".*".join(chain), page.text)
    assert {"/explain/ev-1", "/explain/ou-1", "/explain/in-1", "/explain/al-1"} <= set(page.links)
    assert "a line on trap-1:1" in page.text


async def test_what_each_revision_changed_is_asked_by_itself(client: Client, reading: FakeReading) -> None:
    """For scripts; of what is no incident there is none."""
    answer = await client.get("/api/incidents/in-1/history")
    assert [each["revision"] for each in await answer.json()] == [1]
    assert (await client.get("/api/incidents/in-9/history")).status == 404


async def test_the_explanation_of_an_incident_is_the_same_where_evidence_is_walked(client: Client) -> None:
    page = await read(client, "/explain/in-1")
    assert "instead It could be duct d1, 3%" in page.text
    assert "/incidents/in-1" in page.links


# topology


async def test_the_map_shows_what_open_incidents_touch(serve: Serve) -> None:
    """Their causes lead to what hangs together with them, where the inventory has them; resolved ones colour nothing."""
    reading = FakeReading()
    reading.incidents_ = [
        incident(1, root_cause="device/r0-0"),
        incident(2, root_cause="device/gone"),
        incident(3, root_cause="device/r1-1", state="resolved"),
    ]
    client = await serve(reading)
    page = await read(client, "/topology")
    assert "Network of 4 sites, 4 devices and 4 links" in page.text
    assert "/topology?resource=device/r0-0" in page.links
    assert not [link for link in page.links if "gone" in link or "r1-1" in link]
    assert "device/gone" in page.text
    assert "r0-0, root cause" in page.text
    assert "r1-1, root cause" not in page.text
    below = await read(client, "/topology?resource=device/r0-0")
    assert "What device/r0-0 needs, and what needs it" in below.text
    assert {"/topology", "/topology.svg?resource=device/r0-0"} <= set(below.links)


async def test_a_picture_comes_by_itself(client: Client) -> None:
    """As SVG, for a resource too; an unknown one is a page that says so, a misspelt parameter a refusal."""
    for path in ("/topology.svg", "/topology.svg?resource=fibre/f-ams-rtm-1"):
        answer = await client.get(path)
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert (await answer.text()).startswith("<?xml")
    assert [(await client.get(path)).status for path in ("/topology?resource=x/y", "/topology.svg?resource=x", "/topology?recource=x")] == [
        404,
        404,
        400,
    ]


async def test_a_network_that_is_too_large_for_a_picture_is_told(serve: Serve) -> None:
    """With what to do instead; a resource of it has its picture."""
    reading = FakeReading()
    reading.inventory_ = grid(21, 20)
    client = await serve(reading)
    assert "too much for one picture" in (await read(client, "/topology")).text
    assert (await client.get("/topology.svg")).status == 404
    assert "What device/r0-0 needs" in (await read(client, "/topology?resource=device/r0-0")).text


async def test_a_picture_is_drawn_once_until_something_changes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages load again every few seconds."""
    reading = FakeReading()
    drawn: list[object] = []
    real = Pictures._drawn
    monkeypatch.setattr(Pictures, "_drawn", lambda *given: (drawn.append(given), real(*given))[1])
    client = await serve(reading)
    for _ in range(3):
        await client.get("/topology")
    assert len(drawn) == 1
    reading.incidents_ = []
    assert "No incident is open." in (await read(client, "/topology")).text
    assert len(drawn) == 2
