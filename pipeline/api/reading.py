"""What the console reads, as it sees it: the root wires :class:`pipeline.reading.Reader`, tests a fake."""

from typing import Any, Protocol

Json = dict[str, Any]


class Reading(Protocol):
    """Values are JSON-ready, times UTC nanoseconds. Methods may be called from any thread.

    ``OSError`` means that a store does not answer.
    """

    def incidents(self, state: str | None = None, limit: int = 100) -> list[Json]:
        """Incidents, each with its ticket, explanation and what its services' months still bear.

        Open ones first, what matters most before the rest; then resolved ones, newest first. ``state`` is ``open`` or ``resolved``.
        """
        ...

    def incident(self, incident_id: str) -> Json | None:
        """One incident, by its id or a beginning that is of no other."""
        ...

    def history(self, incident_id: str) -> list[Json] | None:
        """What each revision of an incident changed, oldest first; ``None`` for no such incident."""
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

    def windows(self, at: int, *, everything: bool = False) -> list[Json]:
        """Maintenance windows as they stand at a time, by start; those that are over or cancelled only with ``everything``."""
        ...

    def exclusions(self, limit: int = 1000) -> list[Json]:
        """What people said should not count against agreements, newest first, each with ``withdrawn``."""
        ...

    def claims(self, month: str = "", limit: int = 1000) -> list[Json]:
        """What customers claimed, for one month or for all, newest first, and how each claim stands."""
        ...

    def operations(self, target: str = "", limit: int = 100) -> list[Json]:
        """What people did, newest first; to one incident, alarm, resource or window, or to all."""
        ...

    def customers(self) -> list[Json]:
        """What every customer feels now, in order of tier, those worst off first in each."""
        ...

    def customer(self, name: str) -> Json | None:
        """What one customer feels now, with its latest ``outages`` and ``credits``."""
        ...

    def view(self, name: str, now: int) -> Json | None:
        """What one customer may see at ``now``, in its language; ``None`` for an unknown customer."""
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
