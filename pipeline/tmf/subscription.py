"""The query of a registration: which events somebody wants to be told of, by their type and by what their resource shows."""

from collections.abc import Collection
from urllib.parse import parse_qsl

from pipeline.core.selection import Comparison, Filter
from pipeline.tmf.event import EVENT_TYPES, PAYLOADS

LONGEST = 1_000
MOST_PARTS = 20


def filters_of(api: str, query: str) -> tuple[Filter, ...]:
    """``eventType=AlarmCreateEvent&alarm.perceivedSeverity=critical,major`` as filters; none for an empty query: everything is told.

    Raises ``ValueError``, in words for people, for what is not understood.
    """
    if len(query) > LONGEST or not query.isprintable():
        raise ValueError(f"a query has up to {LONGEST} printable characters")
    try:
        parts = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=MOST_PARTS)
    except ValueError:
        raise ValueError("a query is written as eventType=AlarmCreateEvent&alarm.perceivedSeverity=critical") from None
    return tuple(_filter(api, name.removeprefix("event."), value) for name, value in parts)


def _filter(api: str, name: str, value: str) -> Filter:
    path, _, word = name.rpartition(".")
    comparison = Comparison(word) if word in set(Comparison) and path else Comparison.EQUAL
    attribute = path if comparison is not Comparison.EQUAL or word == Comparison.EQUAL.value else name
    values = tuple(value.split(","))
    if attribute == "eventType":
        _check_types(values, EVENT_TYPES[api])
    elif not attribute.startswith(f"{PAYLOADS[api]}."):
        raise ValueError(f"a query asks for eventType or for attributes of {PAYLOADS[api]}, such as {PAYLOADS[api]}.id")
    if comparison not in {Comparison.EQUAL, Comparison.NOT_EQUAL} and len(values) != 1:
        raise ValueError(f"{name} wants one value")
    return Filter(attribute, comparison, values)


def _check_types(values: Collection[str], known: Collection[str]) -> None:
    if unknown := set(values) - set(known):
        raise ValueError(f"there is no event type {min(unknown)[:60]!r} here; there are: {', '.join(known)}")
