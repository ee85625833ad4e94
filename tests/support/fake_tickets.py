"""ServiceNow's Table API, Jira Cloud's REST API v3 and Zammad's API in memory, as far as tickets are kept in them.

Each answers as its vendor's reference says: what a record looks like, which calls there are, what is refused. None can be installed here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from aiohttp import web

from tests.support.serving import served

Json = dict[str, Any]
US, PERSON = "assure", "jane"
TIME = "2026-11-18 11:06:40"


class FakeServiceNow:
    """``result`` around each answer; journal fields are written, and read from their own table; every value is text."""

    def __init__(self) -> None:
        self.records: dict[str, Json] = {}
        self.journal: list[Json] = []
        self._numbers = count(1)

    @contextmanager
    def serve(self) -> Iterator[str]:
        app = web.Application()
        table = "/api/now/table/incident"
        app.add_routes(
            [
                web.get(table, self._list),
                web.post(table, self._create),
                web.get(table + "/{id}", self._get),
                web.patch(table + "/{id}", self._patch),
                web.get("/api/now/table/sys_journal_field", self._entries),
            ]
        )
        with served(app) as url:
            yield url

    def change(self, name: str, fields: Json, who: str) -> None:
        record = self.records[name]
        state = fields.get("state")
        if state == "6" and not (fields.get("close_code") and fields.get("close_notes")):
            fields = {key: value for key, value in fields.items() if key != "state"}  # a data policy asks for both
        for key in ("work_notes", "comments"):
            if key in fields:
                entry = {"sys_id": f"j{len(self.journal):031d}", "element": key, "element_id": name, "value": fields[key]}
                self.journal.append({**entry, "sys_created_by": who, "sys_created_on": TIME})
        kept = {key: str(value) for key, value in fields.items() if key not in {"work_notes", "comments"}}
        record.update(kept, sys_updated_by=who)

    def _shown(self, record: Json, request: web.Request) -> Json:
        wanted = request.query.get("sysparm_fields", "").split(",")
        return {name: record.get(name, "") for name in wanted}

    async def _list(self, request: web.Request) -> web.Response:
        field, _, key = request.query["sysparm_query"].partition("^")[0].partition("=")
        found = [record for record in self.records.values() if record.get(field) == key]
        return web.json_response({"result": [self._shown(record, request) for record in found][: int(request.query["sysparm_limit"])]})

    async def _create(self, request: web.Request) -> web.Response:
        number = next(self._numbers)
        name = f"{number:032x}"
        self.records[name] = {"sys_id": name, "number": f"INC{number:07d}", "state": "1"}
        self.change(name, await request.json(), US)
        return web.json_response({"result": self._shown(self.records[name], request)}, status=201)

    def _one(self, request: web.Request) -> Json:
        record = self.records.get(request.match_info["id"])
        if record is None:
            error = {"error": {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts it"}, "status": "failure"}
            raise web.HTTPNotFound(text=str(error), content_type="application/json")
        return record

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response({"result": self._shown(self._one(request), request)})

    async def _patch(self, request: web.Request) -> web.Response:
        self.change(self._one(request)["sys_id"], await request.json(), US)
        return web.json_response({"result": self._shown(self._one(request), request)})

    async def _entries(self, request: web.Request) -> web.Response:
        conditions = dict(each.split("=", 1) for each in request.query["sysparm_query"].split("^") if "=" in each)
        found = [entry for entry in self.journal if entry["element_id"] == conditions["element_id"]]
        return web.json_response({"result": [self._shown(entry, request) for entry in reversed(found)]})


_STATUSES = {
    "To Do": ("new", {"11": "In Progress"}),
    "In Progress": ("indeterminate", {"21": "On Hold", "31": "Done"}),
    "On Hold": ("indeterminate", {"41": "In Progress"}),
    "Done": ("done", {"51": "In Progress"}),
}
"""A strict workflow: each status, its category, and where its transitions lead."""


class FakeJira:
    """Issues by key, a workflow with transitions, comments with properties. The search knows nothing of the newest issue (``lags``)."""

    def __init__(self) -> None:
        self.issues: dict[str, Json] = {}
        self.comments: dict[str, list[Json]] = {}
        self.lags = False

    @contextmanager
    def serve(self) -> Iterator[str]:
        app = web.Application()
        one = "/rest/api/3/issue/{key}"
        app.add_routes(
            [
                web.get("/rest/api/3/search/jql", self._search),
                web.post("/rest/api/3/issue", self._create),
                web.get(one, self._get),
                web.put(one, self._put),
                web.get(one + "/comment", self._comments),
                web.post(one + "/comment", self._comment),
                web.get(one + "/transitions", self._transitions),
                web.post(one + "/transitions", self._transit),
            ]
        )
        with served(app) as url:
            yield url

    def status_of(self, name: str) -> Json:
        return {"name": name, "statusCategory": {"key": _STATUSES[name][0]}}

    def transit(self, key: str, name: str) -> None:
        self.issues[key]["status"] = self.status_of(name)

    def remark(self, key: str, body: Json, who: str, properties: list[Json]) -> Json:
        author = {"accountId": f"id-{who}", "displayName": who}
        made = {"id": str(10_000 + len(self.comments[key])), "body": body, "author": author, "created": "2026-11-18T11:06:40.000+0000"}
        self.comments[key].append({**made, "properties": properties})
        return made

    def _shown(self, key: str) -> Json:
        return {"id": key.rpartition("-")[2], "key": key, "fields": self.issues[key]}

    def _key(self, request: web.Request) -> str:
        key = request.match_info["key"]
        if key not in self.issues:
            raise web.HTTPNotFound(text='{"errorMessages":["Issue does not exist"],"errors":{}}', content_type="application/json")
        return key

    async def _search(self, request: web.Request) -> web.Response:
        label = request.query["jql"].split('"')[1]
        known = list(self.issues)[:-1] if self.lags else list(self.issues)
        found = [self._shown(key) for key in known if label in self.issues[key]["labels"]]
        return web.json_response({"issues": found, "isLast": True})

    async def _create(self, request: web.Request) -> web.Response:
        fields = (await request.json())["fields"]
        if fields["description"]["type"] != "doc" or any(" " in label for label in fields["labels"]) or "\n" in fields["summary"]:
            return web.json_response({"errorMessages": [], "errors": {"description": "is not a document"}}, status=400)
        key = f"{fields['project']['key']}-{len(self.issues) + 1}"
        self.issues[key] = {**fields, "status": self.status_of("To Do"), "assignee": None}
        self.comments[key] = []
        return web.json_response({"id": "1", "key": key, "self": "x"}, status=201)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(self._key(request)))

    async def _put(self, request: web.Request) -> web.Response:
        self.issues[self._key(request)].update((await request.json())["fields"])
        return web.Response(status=204)

    async def _comments(self, request: web.Request) -> web.Response:
        assert request.query["orderBy"] == "-created"
        found = list(reversed(self.comments[self._key(request)]))
        if request.query.get("expand") != "properties":
            found = [{key: value for key, value in each.items() if key != "properties"} for each in found]
        return web.json_response({"comments": found[: int(request.query["maxResults"])], "total": len(found)})

    async def _comment(self, request: web.Request) -> web.Response:
        said = await request.json()
        return web.json_response(self.remark(self._key(request), said["body"], US, said.get("properties", [])), status=201)

    async def _transitions(self, request: web.Request) -> web.Response:
        ways = _STATUSES[self.issues[self._key(request)]["status"]["name"]][1]
        return web.json_response({"transitions": [{"id": name, "name": to, "to": self.status_of(to)} for name, to in ways.items()]})

    async def _transit(self, request: web.Request) -> web.Response:
        key = self._key(request)
        ways = _STATUSES[self.issues[key]["status"]["name"]][1]
        name = (await request.json())["transition"]["id"]
        if name not in ways:
            return web.json_response({"errorMessages": ["This transition leads nowhere from here."]}, status=400)
        self.transit(key, ways[name])
        return web.Response(status=204)


class FakeZammad:
    """Tickets with their articles; with ``expand`` names stand in the place of ids."""

    def __init__(self) -> None:
        self.tickets: dict[int, Json] = {}
        self.articles: list[Json] = []

    @contextmanager
    def serve(self) -> Iterator[str]:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/v1/tickets/search", self._search),
                web.post("/api/v1/tickets", self._create),
                web.get("/api/v1/tickets/{id}", self._get),
                web.put("/api/v1/tickets/{id}", self._put),
                web.get("/api/v1/ticket_articles/by_ticket/{id}", self._articles),
            ]
        )
        with served(app) as url:
            yield url

    def change(self, name: int, fields: Json, who: str) -> None:
        article = fields.pop("article", None)
        self.tickets[name].update(fields, updated_by=who)
        if article:
            self.articles.append(
                {"id": len(self.articles) + 1, "ticket_id": name, "created_by": who, "created_at": "2026-11-18T11:06:40.000Z", **article}
            )

    def _one(self, request: web.Request) -> int:
        name = request.match_info["id"]
        if not name.isdigit() or int(name) not in self.tickets:
            raise web.HTTPNotFound(text='{"error":"Couldn\'t find Ticket"}', content_type="application/json")
        return int(name)

    async def _search(self, request: web.Request) -> web.Response:
        words = request.query["query"].strip('"')
        return web.json_response([ticket for ticket in self.tickets.values() if words in ticket["title"]])

    async def _create(self, request: web.Request) -> web.Response:
        fields = await request.json()
        if not {"title", "group", "customer", "article"} <= fields.keys():
            return web.json_response({"error": "Group can't be blank"}, status=422)
        name = len(self.tickets) + 1
        self.tickets[name] = {"id": name, "number": str(31_000 + name), "state": "new", "owner": "-"}
        self.change(name, fields, US)
        return web.json_response(self.tickets[name], status=201)

    async def _get(self, request: web.Request) -> web.Response:
        assert request.query["expand"] == "true"
        return web.json_response(self.tickets[self._one(request)])

    async def _put(self, request: web.Request) -> web.Response:
        name = self._one(request)
        self.change(name, await request.json(), US)
        return web.json_response(self.tickets[name])

    async def _articles(self, request: web.Request) -> web.Response:
        name = self._one(request)
        return web.json_response([article for article in self.articles if article["ticket_id"] == name])
