"""What a list is asked for, as TMF630 says: filters on attributes, ``sort``, ``offset`` and ``limit``, ``fields``.

``perceivedSeverity=critical,major`` keeps either; ``alarmRaisedTime.gte=2026-11-01T00:00:00Z`` compares. What is not known is refused: a
misspelt filter must not answer with everything.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from pipeline.api.refusal import Refusal, RefusedError
from pipeline.config.moment import nanoseconds
from pipeline.core.selection import Comparison, Filter, Order, Selection
from pipeline.core.text import shown

MOST_ROWS = 1000
DEFAULT_ROWS = 100
LONGEST_OFFSET = 10_000_000
MOST_VALUES = 200
LONGEST_VALUE = 1000
_ECHOED = 40
_NUMBER = re.compile(r"[0-9]{1,8}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+ -]\d\d:\d\d)")
_YEARS = range(1970, 2200)
_APART = frozenset({"fields", "sort", "offset", "limit"})
_EVEN = frozenset({Comparison.EQUAL, Comparison.NOT_EQUAL})

Value = str | int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that can be filtered and sorted by: ``name`` is ours, ``read`` makes a value of the text, or raises ``ValueError``.

    ``takes`` says for people which values there are. Ordered ones can be compared by more than equality.
    """

    name: str
    read: Callable[[str], Value]
    takes: str
    ordered: bool = False


def text(name: str) -> Attribute:
    """A plain text."""
    return Attribute(name, str, "a text")


def one_of(name: str, words: Mapping[str, Value], *, ordered: bool = False) -> Attribute:
    """One of some words, each standing for a value of ours."""

    def read(word: str) -> Value:
        if word not in words:
            raise ValueError(word)
        return words[word]

    return Attribute(name, read, " or ".join(words), ordered)


def flag(name: str) -> Attribute:
    """``true`` or ``false``."""
    return one_of(name, {"true": 1, "false": 0})


def number(name: str) -> Attribute:
    """A whole number."""

    def read(word: str) -> Value:
        if not _NUMBER.fullmatch(word):
            raise ValueError(word)
        return int(word)

    return Attribute(name, read, "a whole number", ordered=True)


def time(name: str) -> Attribute:
    """A date-time of RFC 3339; a plus of its offset may have become a blank on its way here."""

    def read(word: str) -> Value:
        if not _TIME.fullmatch(word) or int(word[:4]) not in _YEARS:
            raise ValueError(word)
        return nanoseconds(word.replace(" ", "+").upper())

    return Attribute(name, read, "a time such as 2026-12-01T06:00:00Z", ordered=True)


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: the selection, and the attributes that are wanted of each (``None``: all)."""

    selection: Selection
    fields: frozenset[str] | None


def query(request: web.Request, attributes: Mapping[str, Attribute], fields: Sequence[str]) -> Query:
    """Read a list's parameters. Raises ``RefusedError`` (400) for what is not understood."""
    given = request.query
    filters = tuple(_filter(name, given, attributes) for name in dict.fromkeys(given) if name not in _APART)
    order = _order(_once(given, "sort"), attributes)
    offset = _number(given, "offset", 0, 0, LONGEST_OFFSET)
    limit = _number(given, "limit", DEFAULT_ROWS, 1, MOST_ROWS)
    return Query(Selection(filters, order, offset, limit), wanted(request, fields))


def wanted(request: web.Request, fields: Sequence[str]) -> frozenset[str] | None:
    """The attributes that ``fields`` names, by their first level; ``none`` leaves those that tell which resource it is."""
    told = _once(request.query, "fields")
    if told is None:
        return None
    names = [name.strip().partition(".")[0] for name in told.split(",")]
    for name in names:
        if name not in fields and name not in {"id", "href", "@type", "none"}:
            raise bad(f"fields: there is no attribute {echo(name)}; there are: {', '.join(fields)}")
    return frozenset(names)


def only_fields(request: web.Request) -> None:
    """Refuse parameters other than ``fields``."""
    for name in request.query:
        if name != "fields":
            raise bad(f"there is no parameter {echo(name)}; there is: fields")


def no_parameters(request: web.Request) -> None:
    """Refuse any parameter."""
    if request.query:
        raise bad(f"there is no parameter {echo(next(iter(request.query)))} here")


def bad(message: str) -> RefusedError:
    """A parameter that is not understood."""
    return RefusedError(Refusal(400, "This question is not understood", message[:1].upper() + message[1:] + "."))


def echo(word: str) -> str:
    """What was given, made safe to show."""
    return f"'{shown(word, _ECHOED)}'"


def _filter(name: str, given: MultiMapping[str], attributes: Mapping[str, Attribute]) -> Filter:
    path, comparison = _split(name, attributes)
    attribute = attributes[path]
    if comparison not in _EVEN and not attribute.ordered:
        raise bad(f"{path} has no order to compare by; use {path}=… or {path}.ne=…")
    told = [word.strip() for one in given.getall(name) for word in one.split(",")]
    if comparison not in _EVEN and len(told) != 1:
        raise bad(f"{name} wants one value")
    if len(told) > MOST_VALUES or any(len(word) > LONGEST_VALUE or not word.isprintable() for word in told):
        raise bad(f"{name}: up to {MOST_VALUES} printable values")
    return Filter(attribute.name, comparison, tuple(_read(path, attribute, word) for word in told))


def _split(name: str, attributes: Mapping[str, Attribute]) -> tuple[str, Comparison]:
    if name in attributes:
        return name, Comparison.EQUAL
    path, _, word = name.rpartition(".")
    if path in attributes and word in set(Comparison):
        return path, Comparison(word)
    raise bad(
        f"there is no filter {echo(name)}; there are: {', '.join(attributes)}; each also with {', '.join(f'.{c}' for c in Comparison)}"
    )


def _read(path: str, attribute: Attribute, word: str) -> Value:
    try:
        return attribute.read(word)
    except (ValueError, OverflowError):
        raise bad(f"{path} is {attribute.takes}, not {echo(word)}") from None


def _order(told: str | None, attributes: Mapping[str, Attribute]) -> tuple[Order, ...]:
    """``sort=-alarmRaisedTime,id``; a plus before a name may have become a blank on its way here."""
    found: list[Order] = []
    for word in told.split(",") if told else ():
        path = word.strip().lstrip("+-")
        if path not in attributes:
            raise bad(f"sort: there is no attribute {echo(path)} to sort by; there are: {', '.join(attributes)}")
        found.append(Order(attributes[path].name, descending=word.strip().startswith("-")))
    return tuple(dict.fromkeys(found))


def _once(given: MultiMapping[str], name: str) -> str | None:
    found = given.getall(name, [])
    if len(found) > 1:
        raise bad(f"{name} comes more than once")
    return found[0] if found else None


def _number(given: MultiMapping[str], name: str, default: int, least: int, most: int) -> int:
    told = _once(given, name)
    if told is None:
        return default
    if not _NUMBER.fullmatch(told) or not least <= int(told) <= most:
        raise bad(f"{name} is a number from {least} to {most}, not {echo(told)}")
    return int(told)


def page_links(request: web.Request, total: int, selection: Selection) -> str:
    """The ``Link`` header (RFC 8288) that leads to the first, previous, next and last page."""
    last = max(total - 1, 0) // selection.limit * selection.limit
    places = {"first": 0, "prev": selection.offset - selection.limit, "next": selection.offset + selection.limit, "last": last}
    if selection.offset:
        places["prev"] = max(places["prev"], 0)
    shown_ones = [
        f'<{request.rel_url.update_query(offset=str(at), limit=str(selection.limit))}>; rel="{word}"'
        for word, at in places.items()
        if word in {"first", "last"} or (word == "prev" and selection.offset) or (word == "next" and at < total)
    ]
    return ", ".join(shown_ones)


Json = dict[str, Any]
