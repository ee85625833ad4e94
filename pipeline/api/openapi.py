"""The OpenAPI 3.1 document of everything that answers JSON, made of the routes themselves: what is served is described."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from pipeline.api.body import MOST_RESOURCES, Field
from pipeline.api.operations import ACTS, NEW
from pipeline.api.question import MOST_ROWS
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
from pipeline.api.tmf.error import PREFIX
from pipeline.api.tmf.query import LONGEST_OFFSET
from pipeline.api.tmf.query import MOST_ROWS as MOST_OF_PAGE
from pipeline.core.operation import COMMENT_LIMIT

Json = dict[str, Any]
PATH = "/api/openapi.json"

_TEXT: Json = {"type": "string"}
_NAME: Json = {"type": "string", "minLength": 1, "maxLength": 200}
_FLAG: Json = {"type": "string", "enum": ["true", "false"]}
_LIMIT: Json = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS}
_OBJECT: Json = {"type": "object"}
_QUERIES: Mapping[str, Mapping[str, Json]] = {
    "/api/incidents": {"state": {"type": "string", "enum": ["open", "resolved"]}, "limit": _LIMIT},
    "/api/alarms": {"all": _FLAG, "limit": _LIMIT},
    "/api/outages": {"incident": _NAME, "service": _NAME, "lasting": _FLAG, "limit": _LIMIT},
    "/api/windows": {"all": _FLAG},
    "/api/claims": {"month": _NAME, "limit": _LIMIT},
    "/api/exclusions": {"limit": _LIMIT},
    "/api/operations": {"target": _NAME, "limit": _LIMIT},
}
_ONES = frozenset({"/api/incidents/{id}", "/api/customers/{name}", "/api/customers/{name}/view", "/api/view", "/api/explain/{name}", PATH})
_TMF = {
    "alarm": (ALARM, ALARM_FIELDS),
    "serviceProblem": (PROBLEM, PROBLEM_FIELDS),
    "serviceLevelObjective": (OBJECTIVE, OBJECTIVE_FIELDS),
    "slaViolation": (VIOLATION, VIOLATION_FIELDS),
}
_KINDS: Mapping[str, Json] = {
    "text": {"type": "string", "maxLength": COMMENT_LIMIT},
    "time": {"type": "string", "format": "date-time"},
    "names": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_RESOURCES},
}
_REFUSALS = {
    400: "not understood; every problem is told",
    401: "a token is asked for",
    403: "the token's role does not do",
    404: "there is no such thing",
    405: "not by this method",
    409: "refused, and why",
    413: "too large",
    415: "JSON is wanted",
    421: "not by this host name",
    429: "too many wrong tokens from this address",
    503: "a store does not answer, or the pipeline has not answered yet",
}


def document(routes: Iterable[web.AbstractRoute]) -> Json:
    """What these routes are, those of pages left out."""
    paths: dict[str, Json] = {}
    for route in routes:
        path = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and path.startswith(("/api/", PREFIX)):
            paths.setdefault(path, {})[route.method.lower()] = _operation(route.method, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Assurance pipeline", "version": "1", "description": "Times of /api are integers, UTC nanoseconds."},
        "paths": dict(sorted(paths.items())),
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Refusal": _REFUSAL, "Error": _ERROR},
        },
    }


_REFUSAL: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _TEXT, "problems": {"type": "array", "items": _TEXT}},
}
_ERROR: Json = {
    "type": "object",
    "required": ["code", "reason", "message", "status", "@type"],
    "properties": dict.fromkeys(("code", "reason", "message", "status", "@type"), _TEXT),
}


def _operation(method: str, path: str) -> Json:
    changes = method in {"POST", "PATCH"}
    found: Json = {
        "operationId": re.sub(r"\W+", "-", f"{method.lower()} {path}").strip("-"),
        "parameters": [*_path_parameters(path), *_query_parameters(path if method == "GET" else "")],
        "responses": {**_answers(method, path), **_refusals(path)},
    }
    if changes:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _body(path)}}}
    return found


def _path_parameters(path: str) -> list[Json]:
    return [{"name": name, "in": "path", "required": True, "schema": _NAME} for name in re.findall(r"\{(\w+)\}", path)]


def _query_parameters(path: str) -> list[Json]:
    kind = path.rpartition("/")[2]
    if path.startswith(PREFIX) and kind in _TMF:
        attributes, fields = _TMF[kind]
        asked: dict[str, Json] = {name: {**_TEXT, "description": attribute.takes} for name, attribute in attributes.items()}
        asked |= {"sort": _TEXT, "fields": {**_TEXT, "description": ", ".join(fields)}}
        asked |= {
            "offset": {"type": "integer", "minimum": 0, "maximum": LONGEST_OFFSET},
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST_OF_PAGE},
        }
    elif path.startswith(PREFIX) and path.rpartition("/")[0].rpartition("/")[2] in _TMF:
        asked = {"fields": _TEXT}
    else:
        asked = dict(_QUERIES.get(path, {}))
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in asked.items()]


def _body(path: str) -> Json:
    fields = _fields(path)
    if fields is None:
        return _OBJECT
    return {
        "type": "object",
        "properties": {name: _KINDS[field.kind] for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }


def _fields(path: str) -> Mapping[str, Field] | None:
    new = NEW.get(path.removeprefix("/api/"))
    if new is not None:
        return new.fields
    match = re.fullmatch(r"/api/(\w+)/\{id\}/(\w+)", path)
    return ACTS[match[1]][match[2]].fields if match and match[1] in ACTS and match[2] in ACTS[match[1]] else None


def _answers(method: str, path: str) -> dict[str, Json]:
    if method == "DELETE":
        return {"204": {"description": "ended"}}
    if path.startswith(PREFIX):
        many = method == "GET" and path.rpartition("/")[2] in _TMF
        return {"201" if method == "POST" else "200": _json("as TM Forum has it", {"type": "array", "items": _OBJECT} if many else _OBJECT)}
    if method == "POST":
        return {"200": _json("done", _OBJECT), "202": _json("kept, and not answered yet", _OBJECT)}
    found = {"200": _json("what is known", _OBJECT if path in _ONES else {"type": "array", "items": _OBJECT})}
    return {**found, "300": _json("several names begin so", _OBJECT)} if path == "/api/explain/{name}" else found


def _refusals(path: str) -> dict[str, Json]:
    name = "Error" if path.startswith(PREFIX) else "Refusal"
    found = {str(status): _json(told, {"$ref": f"#/components/schemas/{name}"}) for status, told in _REFUSALS.items()}
    if not path.startswith(PREFIX):  # the operation itself is answered beside a refusal
        found["409"] = _json(_REFUSALS[409], _OBJECT)
    return found


def _json(told: str, schema: Json) -> Json:
    return {"description": told, "content": {"application/json": {"schema": schema}}}
