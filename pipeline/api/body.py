"""What a request wants changed: one JSON object, read strictly, with every problem of it named at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from pipeline.api.refusal import Refusal, RefusedError, bad_body
from pipeline.config.moment import nanoseconds
from pipeline.core.operation import COMMENT_LIMIT
from pipeline.core.text import shown

MOST_RESOURCES = 200
_ECHOED = 40


@dataclass(frozen=True, slots=True)
class Field:
    """One member of the object: ``kind`` is ``text``, ``time`` (RFC 3339) or ``names`` (a list of texts)."""

    kind: str
    required: bool = False


async def read(request: web.Request, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The members that were given, times in UTC nanoseconds; an empty body is an empty object.

    Raises ``RefusedError``: 415 for what is not called JSON, 400 with every problem.
    """
    if request.content_type != "application/json":
        raise RefusedError(Refusal(415, "JSON is wanted", "Send a JSON object with Content-Type: application/json."))
    try:
        data = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RefusedError(Refusal(413, "Too large", "A request has up to 64 KiB.")) from None
    try:
        found = json.loads(data, object_pairs_hook=_once) if data.strip() else {}
    except (ValueError, RecursionError) as error:
        raise bad_body([f"$: {shown(str(error), 200)}"]) from None
    if not isinstance(found, dict):
        raise bad_body(["$: an object is wanted, such as {}"])
    problems: list[str] = []
    values = {name: _value(f"$.{shown(name, _ECHOED)}", fields.get(name), value, fields, problems) for name, value in found.items()}
    problems += [f"$.{name}: is missing" for name, field in fields.items() if field.required and name not in found]
    if problems:
        raise bad_body(problems)
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a member stands twice")
    return dict(pairs)


def _value(path: str, field: Field | None, value: Any, fields: Mapping[str, Field], problems: list[str]) -> Any:
    if field is None:
        known = f"; known here: {', '.join(fields)}" if fields else "; nothing is asked here"
        problems.append(f"{path}: is not known{known}")
    elif field.kind == "names":
        if not (isinstance(value, list) and 0 < len(value) <= MOST_RESOURCES and all(_is_text(each) for each in value)):
            problems.append(f'{path}: is a list of 1 to {MOST_RESOURCES} names, such as ["site/ams"]')
    elif not _is_text(value):
        problems.append(f"{path}: is a text of up to {COMMENT_LIMIT} printable characters")
    elif field.kind == "time":
        return _time(path, value, problems)
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= COMMENT_LIMIT and value.replace("\n", " ").isprintable()


def _time(path: str, value: str, problems: list[str]) -> int:
    try:
        return nanoseconds(value)
    except ValueError:
        problems.append(f"{path}: '{shown(value, _ECHOED)}' is no time; write it as 2026-12-01T06:00:00Z")
        return 0


def status_of(outcome: str) -> int:
    """200 for what is done, 202 while no answer has come, 409 for what was refused or done in part."""
    statuses = {"done": HTTPStatus.OK, "waiting": HTTPStatus.ACCEPTED}
    return int(statuses.get(outcome, HTTPStatus.CONFLICT))
