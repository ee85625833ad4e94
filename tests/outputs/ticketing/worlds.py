"""Ticket systems as tests see them: what the settings say, and what people do there by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import ClientSession

from pipeline.config.output_settings import TicketSettings, TicketSystemName
from pipeline.config.secret import Secret
from pipeline.outputs.ticketing.calls import basic
from pipeline.outputs.ticketing.jira import document, text_of
from tests.support import fake_tickets, request_tracker, roundup_tracker

Json = dict[str, Any]


class World(Protocol):
    """One running system. Words of statuses are the system's own."""

    settings: TicketSettings
    opened: tuple[str, ...]
    working: str
    changer: str
    """Who is told to have changed a status."""
    resolved: str

    async def ids(self, key: str) -> list[str]:
        """The tickets that say this key."""

    async def status(self, ticket: str) -> str:
        """A ticket's status, in the system's word."""

    async def texts(self, ticket: str) -> list[str]:
        """What stands in its notes, its description among them."""

    async def remark(self, ticket: str, text: str) -> None:
        """Somebody writes a note."""

    async def set_status(self, ticket: str, word: str) -> None:
        """Somebody changes the status."""


class RequestTrackerWorld:
    """The real one."""

    opened, working, resolved = ("new",), "open", "resolved"
    changer = request_tracker.PERSON

    def __init__(self, url: str, session: ClientSession) -> None:
        self.settings = TicketSettings(
            system=TicketSystemName.REQUEST_TRACKER,
            url=url,
            built_in=False,
            user=request_tracker.USER,
            secret=Secret(request_tracker.PASSWORD),
            allow_private=True,
            timeout_s=30.0,
        )
        self._base = f"{url}/REST/2.0"
        self._session = session
        self._headers = basic(request_tracker.PERSON, Secret(request_tracker.PASSWORD))

    async def _call(self, method: str, path: str, body: Json | None = None, **params: str) -> Any:
        async with self._session.request(method, self._base + path, json=body, params=params, headers=self._headers) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def ids(self, key: str) -> list[str]:
        found = await self._call("GET", "/tickets", query=f"'CF.{{Incident}}' = '{key}'", orderby="id")
        return [str(item["id"]) for item in found["items"]]

    async def status(self, ticket: str) -> str:
        return str((await self._call("GET", f"/ticket/{ticket}"))["Status"])

    async def texts(self, ticket: str) -> list[str]:
        found = await self._call("GET", f"/ticket/{ticket}/attachments", fields="Content", per_page="100")
        return [item["Content"] for item in found["items"]]

    async def remark(self, ticket: str, text: str) -> None:
        await self._call("POST", f"/ticket/{ticket}/comment", {"Content": f"<p>{text}</p>", "ContentType": "text/html"})

    async def set_status(self, ticket: str, word: str) -> None:
        await self._call("PUT", f"/ticket/{ticket}", {"Status": word})


class RoundupWorld:
    """The real one."""

    opened, working, resolved = ("unread", "chatting"), "in-progress", "resolved"
    changer = roundup_tracker.PERSON

    def __init__(self, url: str, session: ClientSession) -> None:
        self.settings = TicketSettings(
            system=TicketSystemName.ROUNDUP,
            url=url,
            built_in=False,
            user=roundup_tracker.USER,
            secret=Secret(roundup_tracker.PASSWORD),
            allow_private=True,
            timeout_s=30.0,
        )
        self._base = f"{url}/rest/data"
        self._session = session
        who = basic(roundup_tracker.PERSON, Secret(roundup_tracker.PASSWORD))
        self._headers = {**who, "X-Requested-With": "rest", "Origin": url, "Referer": f"{url}/"}

    async def _call(self, method: str, path: str, body: Json | None = None, etag: str = "", **params: str) -> Any:
        headers = {**self._headers, **({"If-Match": etag} if etag else {})}
        url = self._base + path
        async with self._session.request(method, url, json=body, params=params, headers=headers) as response:
            assert response.status < 300, await response.text()
            return (await response.json())["data"]

    async def ids(self, key: str) -> list[str]:
        found = await self._call("GET", "/issue", **{"title": f"({key})", "@fields": "title", "@sort": "id"})
        return [item["id"] for item in found["collection"]]

    async def _issue(self, ticket: str) -> Json:
        found: Json = await self._call("GET", f"/issue/{ticket}", **{"@fields": "status,messages", "@verbose": "2"})
        return found

    async def status(self, ticket: str) -> str:
        return str((await self._issue(ticket))["attributes"]["status"]["name"])

    async def texts(self, ticket: str) -> list[str]:
        messages = (await self._issue(ticket))["attributes"]["messages"]
        return [(await self._call("GET", f"/msg/{each['id']}/content"))["data"] for each in messages]

    async def remark(self, ticket: str, text: str) -> None:
        made = await self._call("POST", "/msg", {"content": text, "author": roundup_tracker.PERSON})
        await self._change(ticket, {"@op": "add", "messages": [made["id"]]})

    async def set_status(self, ticket: str, word: str) -> None:
        await self._change(ticket, {"@op": "replace", "status": word})

    async def _change(self, ticket: str, fields: Json) -> None:
        await self._call("PATCH", f"/issue/{ticket}", fields, etag=(await self._issue(ticket))["@etag"])


def _faked(system: TicketSystemName, url: str, project: str = "") -> TicketSettings:
    secret = Secret("a-password")
    return TicketSettings(system=system, url=url, built_in=False, user=fake_tickets.US, secret=secret, allow_private=True, project=project)


class ServiceNowWorld:
    """The fake."""

    opened, working, resolved = ("1",), "2", "6"
    changer = fake_tickets.PERSON

    def __init__(self, fake: fake_tickets.FakeServiceNow, url: str) -> None:
        self.settings = _faked(TicketSystemName.SERVICENOW, url)
        self._fake = fake

    async def ids(self, key: str) -> list[str]:
        return [name for name, record in self._fake.records.items() if record["correlation_id"] == key]

    async def status(self, ticket: str) -> str:
        return str(self._fake.records[ticket]["state"])

    async def texts(self, ticket: str) -> list[str]:
        entries = [entry["value"] for entry in self._fake.journal if entry["element_id"] == ticket]
        return [self._fake.records[ticket]["description"], *entries]

    async def remark(self, ticket: str, text: str) -> None:
        self._fake.change(ticket, {"work_notes": text}, fake_tickets.PERSON)

    async def set_status(self, ticket: str, word: str) -> None:
        self._fake.change(ticket, {"state": word, "close_code": "x", "close_notes": "y"}, fake_tickets.PERSON)


class JiraWorld:
    """The fake. Who transits an issue is not told, unless it is assigned."""

    opened, working, resolved = ("To Do",), "In Progress", "Done"
    changer = "jira"

    def __init__(self, fake: fake_tickets.FakeJira, url: str) -> None:
        self.settings = _faked(TicketSystemName.JIRA, url, "NET")
        self._fake = fake

    async def ids(self, key: str) -> list[str]:
        return [name for name, issue in self._fake.issues.items() if key in issue["labels"]]

    async def status(self, ticket: str) -> str:
        return str(self._fake.issues[ticket]["status"]["name"])

    async def texts(self, ticket: str) -> list[str]:
        documents = [self._fake.issues[ticket]["description"], *(each["body"] for each in self._fake.comments[ticket])]
        return [text_of(each) for each in documents]

    async def remark(self, ticket: str, text: str) -> None:
        self._fake.remark(ticket, document(text), fake_tickets.PERSON, [])

    async def set_status(self, ticket: str, word: str) -> None:
        self._fake.transit(ticket, word)


class ZammadWorld:
    """The fake."""

    opened, working, resolved = ("new",), "open", "closed"
    changer = fake_tickets.PERSON

    def __init__(self, fake: fake_tickets.FakeZammad, url: str) -> None:
        self.settings = _faked(TicketSystemName.ZAMMAD, url)
        self._fake = fake

    async def ids(self, key: str) -> list[str]:
        return [str(name) for name, ticket in self._fake.tickets.items() if ticket["title"].endswith(f"({key})")]

    async def status(self, ticket: str) -> str:
        return str(self._fake.tickets[int(ticket)]["state"])

    async def texts(self, ticket: str) -> list[str]:
        return [article["body"] for article in self._fake.articles if article["ticket_id"] == int(ticket)]

    async def remark(self, ticket: str, text: str) -> None:
        article = {"subject": "", "body": f"<div>{text}</div>", "content_type": "text/html"}
        self._fake.change(int(ticket), {"article": article}, fake_tickets.PERSON)

    async def set_status(self, ticket: str, word: str) -> None:
        self._fake.change(int(ticket), {"state": word}, fake_tickets.PERSON)


@asynccontextmanager
async def person() -> AsyncIterator[ClientSession]:
    """A session for what people do."""
    async with ClientSession() as session:
        yield session
