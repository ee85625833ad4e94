"""What the TM Forum APIs read, as they see it: the root wires :class:`pipeline.northbound.Northbound`, tests a fake."""

from collections.abc import Sequence
from typing import Any, Protocol

from pipeline.core.selection import Selection

Json = dict[str, Any]
Found = tuple[int, list[Json]]
"""How many there are in all, and one page of them."""


class NorthboundReading(Protocol):
    """Answers are in TM Forum's forms (:mod:`pipeline.tmf`). Methods may be called from any thread.

    ``OSError`` means that a store does not answer.
    """

    def alarms(self, selection: Selection) -> Found:
        """Alarms, the latest raised first unless an order is given."""
        ...

    def alarms_of(self, names: Sequence[str]) -> list[Json]:
        """These alarms by their ids, in this order; those that are not known are left out."""
        ...

    def problems(self, selection: Selection) -> Found:
        """Incidents as service problems, the latest first unless an order is given."""
        ...

    def problem(self, name: str) -> Json | None:
        """One incident as a service problem."""
        ...

    def objectives(self, selection: Selection) -> Found:
        """What was agreed for each service, by name unless an order is given."""
        ...

    def violations(self, selection: Selection) -> Found:
        """Missed targets, the latest first unless an order is given."""
        ...
