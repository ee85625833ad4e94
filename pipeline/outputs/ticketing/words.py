"""A system's own words for statuses and severities, mapped to ours by a table that the settings can add to."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.core.ticket import TicketStatus


@dataclass(frozen=True, slots=True)
class Words:
    """``theirs`` is how each of ours is written there; ``ours`` what each of theirs (in small letters) means here.

    Several of ours may be one of theirs: what is read back is then the one of ``ours``.
    """

    theirs: Mapping[TicketStatus, str]
    ours: Mapping[str, TicketStatus]

    def with_settings(self, statuses: Mapping[TicketStatus, str]) -> "Words":
        """The same with what the settings say: what we write, and what it means when it is read."""
        read = {word.lower(): status for status, word in statuses.items()}
        return Words({**self.theirs, **statuses}, {**self.ours, **read})

    def status(self, word: str, otherwise: TicketStatus = TicketStatus.IN_PROGRESS) -> TicketStatus:
        """What a word of theirs means; one that nobody knows means that somebody works on it."""
        return self.ours.get(word.lower(), otherwise)

    def shown(self, status: TicketStatus) -> TicketStatus:
        """As what a status of ours is read back."""
        return self.status(self.theirs[status], status)

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """In one step, unless the ticket is there, or its people have given it up."""
        if self.shown(goal) is status:
            return ()
        given_up = {TicketStatus.CLOSED, TicketStatus.REJECTED, TicketStatus.CANCELLED}
        return None if status in given_up else (goal,)
