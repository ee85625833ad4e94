"""What people say at run time and may take back (an exclusion, a claim): rows that fold whichever order the words are heard in."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar


class Placed(Protocol):
    """A thing that was said, with its place among others."""

    @property
    def place(self) -> tuple[Any, ...]:
        """What it is sorted by."""
        ...


T_co = TypeVar("T_co", bound=Placed, covariant=True)


class Row(Protocol[T_co]):
    """All that was said of one thing by its ``id``: ``said`` (``None`` before that is heard), and whether it was taken back.

    A frozen dataclass with the fields ``id``, ``at`` (when the latest was said, UTC nanoseconds) and ``is_withdrawn``.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> str:
        """Whose row it is."""
        ...

    @property
    def at(self) -> int:
        """When the latest was said, UTC nanoseconds."""
        ...

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was taken back."""
        ...

    @property
    def said(self) -> T_co | None:
        """The thing itself."""
        ...


R = TypeVar("R", bound=Row[Any])
T = TypeVar("T", bound=Placed)


def told(known: R | None, new: R) -> R:
    """The row with what was newly said; what was said first stands, and what was taken back stays so."""
    if known is None:
        return new
    first = known if known.said is not None else new
    return replace(first, at=max(known.at, new.at), is_withdrawn=known.is_withdrawn or new.is_withdrawn)


def standing(rows: Iterable[Row[T]]) -> tuple[T, ...]:
    """The things that were said and not taken back, by their place."""
    found = (row.said for row in rows if not row.is_withdrawn)
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.place))


def folded(rows: Iterable[R]) -> dict[str, R]:
    """Rows by id, every word of each folded into one."""
    found: dict[str, R] = {}
    for row in rows:
        found[row.id] = told(found.get(row.id), row)
    return found
