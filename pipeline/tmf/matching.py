"""Selecting among resources in TM Forum's form: for lists that no store sorts, and for what an event is held against."""

from collections.abc import Iterable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

from pipeline.core.selection import Comparison, Filter, Selection
from pipeline.tmf.form import Json

_COMPARE = {Comparison.MORE: gt, Comparison.AT_LEAST: ge, Comparison.LESS: lt, Comparison.AT_MOST: le}


def values_at(value: Any, path: str) -> list[Any]:
    """What a resource has at a dotted path; within a list that of each item."""
    found = [value]
    for name in path.split("."):
        items = [item for each in found for item in (each if isinstance(each, list) else [each])]
        found = [item[name] for item in items if isinstance(item, Mapping) and name in item]
    return [item for each in found for item in (each if isinstance(each, list) else [each])]


def matches(value: Mapping[str, Any], filters: Iterable[Filter]) -> bool:
    """Whether all filters hold, their attributes being paths; values are compared as texts, numbers as numbers."""
    return all(_holds(values_at(value, each.attribute), each) for each in filters)


def select(values: Iterable[Json], selection: Selection) -> tuple[int, list[Json]]:
    """How many resources all filters hold for, and the wanted page of them."""
    kept = [value for value in values if matches(value, selection.filters)]
    for order in reversed(selection.order):
        kept.sort(key=lambda value, path=order.attribute: _sortable(values_at(value, path)), reverse=order.descending)  # type: ignore[misc]
    return len(kept), kept[selection.offset : selection.offset + selection.limit]


def _holds(found: Sequence[Any], wanted: Filter) -> bool:
    told = {_text(each) for each in found}
    values = {_text(each) for each in wanted.values}
    if wanted.comparison is Comparison.EQUAL:
        return bool(told & values)
    if wanted.comparison is Comparison.NOT_EQUAL:
        return not told & values
    limit = wanted.values[0]
    return any(_compares(each, limit, wanted.comparison) for each in found)


def _compares(value: Any, limit: str | int, comparison: Comparison) -> bool:
    numbers = isinstance(value, int) and isinstance(limit, int)
    left, right = (value, limit) if numbers else (_text(value), _text(limit))
    return bool(_COMPARE[comparison](left, right))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sortable(found: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_text(each) for each in found)
