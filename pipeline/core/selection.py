"""Which of many things a caller wants, in which order, and which part of them: what is asked, apart from where it is looked up."""

from dataclasses import dataclass
from enum import StrEnum


class Comparison(StrEnum):
    """How an attribute is held against the values of a :class:`Filter`, in the words of TMF630's operators."""

    EQUAL = "eq"
    NOT_EQUAL = "ne"
    MORE = "gt"
    AT_LEAST = "gte"
    LESS = "lt"
    AT_MOST = "lte"


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep what has one of ``values`` (``EQUAL``), none of them (``NOT_EQUAL``), or lies so against the one value that there is.

    ``attribute`` is a name of ours. Times are UTC nanoseconds.
    """

    attribute: str
    comparison: Comparison
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """By which attribute things are sorted."""

    attribute: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """All filters must hold; of what is left, in this order, ``limit`` from ``offset`` on."""

    filters: tuple[Filter, ...] = ()
    order: tuple[Order, ...] = ()
    offset: int = 0
    limit: int = 100
