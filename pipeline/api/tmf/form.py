"""What a request to the TM Forum APIs carries: one JSON object, its members checked, every problem of it named at once."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from pipeline.api.refusal import Refusal, RefusedError, bad_body
from pipeline.config.moment import nanoseconds
from pipeline.core.operation import COMMENT_LIMIT
from pipeline.core.text import shown

Json = dict[str, Any]
LONGEST_NAME = 60
MOST_PATTERNS = 200
LONGEST_ID = 200
TYPES = frozenset({"application/json", "application/merge-patch+json"})
_ECHOED = 40
_META = frozenset({"@type", "@baseType", "@schemaLocation"})

Check = Callable[[Any], str]
"""What is wrong with a value; empty when nothing is."""


async def body(request: web.Request, members: Mapping[str, Check], required: tuple[str, ...] = ()) -> Json:
    """The object that was sent, without its type's names. Raises ``RefusedError``: 415, 413, 400 with every problem."""
    if request.content_type not in TYPES:
        raise RefusedError(Refusal(415, "JSON is wanted", "Send a JSON object with Content-Type: application/json."))
    try:
        found = json.loads(await request.read() or b"{}")
    except web.HTTPRequestEntityTooLarge:
        raise RefusedError(Refusal(413, "Too large", "A request has up to 64 KiB.")) from None
    except (ValueError, RecursionError) as error:
        raise bad_body([f"$: {shown(str(error), 200)}"]) from None
    if not isinstance(found, dict):
        raise bad_body(["$: an object is wanted, such as {}"])
    problems = [f"$.{name}: is missing" for name in required if name not in found]
    for name, value in found.items():
        if name in members and (problem := members[name](value)):
            problems.append(f"$.{name}: {problem}")
        elif name not in members and name not in _META:
            problems.append(f"$.{shown(name, _ECHOED)}: cannot be set here; what can: {', '.join(members)}")
    if problems:
        raise bad_body(problems)
    return {name: value for name, value in found.items() if name not in _META}


def a_name(value: Any) -> str:
    """A short printable text, such as a user's or a system's name."""
    fits = isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable() and ":" not in value
    return "" if fits else f"is a name of up to {LONGEST_NAME} printable characters without a colon"


def a_text(value: Any) -> str:
    """A remark."""
    fits = isinstance(value, str) and value.strip() and len(value) <= COMMENT_LIMIT and value.replace("\n", " ").isprintable()
    return "" if fits else f"is a text of up to {COMMENT_LIMIT} printable characters"


def a_time(value: Any) -> str:
    """A date-time; when something was done is known here, so that it is only read."""
    try:
        nanoseconds(value)
    except (ValueError, TypeError, OverflowError):
        return "is a time such as 2026-12-01T06:00:00Z"
    return ""


def one_of(*words: str) -> Check:
    """One of some words."""
    return lambda value: "" if value in words else f"is {' or '.join(words)}"


def a_comment(value: Any) -> str:
    """A comment of TMF642: its text, and who says it."""
    if not isinstance(value, dict):
        return 'is an object, such as {"comment": "on my way", "userId": "alice"}'
    if wrong := a_text(value.get("comment")):
        return f"comment {wrong}"
    return next((f"{name} {wrong}" for name in ("userId", "systemId") if name in value and (wrong := a_name(value[name]))), "")


def comments(value: Any) -> str:
    """A list of comments."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PATTERNS:
        return "is a list of comments"
    return next((wrong for each in value if (wrong := a_comment(each))), "")


def notes(value: Any) -> str:
    """A list of notes of TMF656."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PATTERNS or not all(isinstance(each, dict) for each in value):
        return 'is a list of notes, such as [{"text": "on my way", "author": "alice"}]'
    told = [wrong for each in value if (wrong := a_text(each.get("text")) or ("author" in each and a_name(each["author"])) or "")]
    return f"a note {told[0]}" if told else ""


def patterns(value: Any) -> str:
    """Alarms by their ids. Others of their attributes may stand beside an id, as a client read them; they say nothing more."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PATTERNS:
        return f"is a list of 1 to {MOST_PATTERNS} alarms"
    for each in value:
        name = each.get("id") if isinstance(each, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID or not name.isprintable():
            return 'names each alarm by its id: [{"id": "…"}]'
    return ""
