"""Knowledge as of the time that a replay has come to: entries of the inventory begin and end as they are declared to."""

from collections.abc import Callable

from pipeline.core.idle import NEVER
from pipeline.core.inventory import Inventory
from pipeline.core.knowledge import Knowledge
from pipeline.core.validity import as_of, next_change


class Dated:
    """A source of knowledge whose time is told to it; ``build`` makes it of an inventory, and is asked when another one holds.

    ``whole`` is the inventory as declared, ``changes_at`` (UTC nanoseconds) when another part of it will hold.
    """

    def __init__(self, whole: Inventory, build: Callable[[Inventory], Knowledge], at: int) -> None:
        self.whole = whole
        self._build = build
        self._known = build(as_of(whole, at))
        self.changes_at = next_change(whole, at) or NEVER

    def current(self) -> Knowledge:
        """What holds at the time that was told last."""
        return self._known

    def move(self, at: int) -> None:
        """Time has come to ``at``; it never goes back."""
        if at < self.changes_at:
            return
        self.changes_at = next_change(self.whole, at) or NEVER
        holds = as_of(self.whole, at)
        if holds != self._known.inventory:
            self._known = self._build(holds)
