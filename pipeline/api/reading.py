"""What the console reads, as it sees it: the root wires :class:`pipeline.reading.Reader`, tests a fake."""

from typing import Any, Protocol

Json = dict[str, Any]


class Reading(Protocol):
    """Values are JSON-ready, times UTC nanoseconds. Methods may be called from any thread.

    ``OSError`` means that a store does not answer.
    """

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        """Incidents, newest first, each with its ticket and its customers' names; ``state`` is ``open`` or ``resolved``."""
        ...

    def incident(self, incident_id: str) -> Json | None:
        """One incident, by its id or a beginning that is of no other."""
        ...

    def alarms(self, *, standing: bool = True, limit: int = 500) -> list[Json]:
        """Alarms, worst first."""
        ...

    def outages(self, incident: str | None = None, service: str | None = None, limit: int = 500, *, lasting: bool = False) -> list[Json]:
        """Outages, newest first; ``lasting`` keeps those that have not ended."""
        ...

    def receipts(self, subject: str) -> list[Json]:
        """What was done for one incident or contract, newest first."""
        ...

    def customers(self) -> list[Json]:
        """What every customer feels now, in order of tier, those worst off first in each."""
        ...

    def customer(self, name: str) -> Json | None:
        """What one customer feels now, with its latest ``outages`` and ``credits``."""
        ...

    def topology(self, resource: str | None = None) -> Json | None:
        """A picture of the network, or of what one resource hangs together with, open incidents coloured; ``None`` for an unknown one."""
        ...

    def evaluations(self, evaluated_at: int | None = None, limit: int = 1000) -> list[Json]:
        """The latest evaluation of each service and period, or those of one settlement."""
        ...

    def credits(self) -> list[Json]:
        """The latest entries of the ledger, newest first."""
        ...

    def explain(self, name: str) -> Json | None:
        """The chain of evidence behind a credit, evaluation, outage, incident or alarm, by its name or the beginning of it.

        Of kind ``several`` when more than one name begins so.
        """
        ...

    def why_not_ready(self) -> str:
        """Empty when both stores answer."""
        ...
