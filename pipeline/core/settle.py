"""What makes the stream evaluate agreements before a month ends by itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settle:
    """Evaluate every contract of this partition for the calendar month that contains ``at``, as if it ended at ``at`` (UTC nanoseconds).

    ``request`` names who asked, so that answers can be told apart.
    """

    at: int
    request: str
