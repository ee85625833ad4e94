"""Reading by TM Forum's APIs: a list and one of each resource, from a :class:`NorthboundReading`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from aiohttp import web

from pipeline.api.question import name_in
from pipeline.api.refusal import unknown
from pipeline.api.tmf.attributes import (
    ALARM,
    ALARM_FIELDS,
    OBJECTIVE,
    OBJECTIVE_FIELDS,
    PROBLEM,
    PROBLEM_FIELDS,
    VIOLATION,
    VIOLATION_FIELDS,
)
from pipeline.api.tmf.query import Attribute, only_fields, page_links, query, wanted
from pipeline.api.tmf.reading import Found, Json, NorthboundReading
from pipeline.core.selection import Comparison, Filter, Selection
from pipeline.tmf.form import ALARMS, OBJECTIVES, PROBLEMS, SLAS, chosen

Listing = Callable[[Selection], Found]
One = Callable[[str], Json | None]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of resource: where it is, what it is called, by what it is filtered, which attributes it has, how it is read."""

    base: str
    kind: str
    attributes: Mapping[str, Attribute]
    fields: Sequence[str]
    listing: Listing
    one: One

    @property
    def path(self) -> str:
        """Where the list is."""
        return f"{self.base}/{self.kind}"


def resources(reading: NorthboundReading) -> tuple[Resource, ...]:
    """Every resource that is read."""
    return (
        Resource(ALARMS, "alarm", ALARM, ALARM_FIELDS, reading.alarms, lambda name: next(iter(reading.alarms_of([name])), None)),
        Resource(PROBLEMS, "serviceProblem", PROBLEM, PROBLEM_FIELDS, reading.problems, reading.problem),
        Resource(OBJECTIVES, "serviceLevelObjective", OBJECTIVE, OBJECTIVE_FIELDS, reading.objectives, partial(_by_id, reading.objectives)),
        Resource(SLAS, "slaViolation", VIOLATION, VIOLATION_FIELDS, reading.violations, partial(_by_id, reading.violations)),
    )


def reading_routes(reading: NorthboundReading) -> list[web.RouteDef]:
    """A list and one of each resource."""
    found: list[web.RouteDef] = []
    for resource in resources(reading):
        found += [
            web.get(resource.path, _handler(_list, resource)),
            web.get(f"{resource.path}/{{id}}", _handler(_one, resource)),
        ]
    return found


def _handler(
    work: Callable[[Resource, web.Request], Awaitable[web.StreamResponse]], resource: Resource
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    return partial(work, resource)


async def _list(resource: Resource, request: web.Request) -> web.Response:
    asked = query(request, resource.attributes, resource.fields)
    total, found = await asyncio.to_thread(resource.listing, asked.selection)
    headers = {"X-Total-Count": str(total), "X-Result-Count": str(len(found)), "Link": page_links(request, total, asked.selection)}
    return _answer([chosen(one, asked.fields) for one in found], headers)


async def _one(resource: Resource, request: web.Request) -> web.Response:
    only_fields(request)
    fields = wanted(request, resource.fields)
    found = await asyncio.to_thread(resource.one, name_in(request, "id"))
    if found is None:
        raise unknown(f"There is no {resource.kind} by that id.")
    return _answer(chosen(found, fields))


def _answer(value: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", charset="utf-8", headers=headers)


def _by_id(listing: Listing, name: str) -> Json | None:
    _, found = listing(Selection((Filter("id", Comparison.EQUAL, (name,)),), limit=1))
    return found[0] if found else None
