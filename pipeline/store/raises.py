"""The raises of alarms in the history: what learned correlation looks through.

Blocking: from an event loop call it in a thread.
"""

from pipeline.core.co_occurrence import Raise
from pipeline.core.resource import ResourceId
from pipeline.store.reader import Reader

MOST = 2_000_000
"""More raises than these are not looked through; the latest are."""

_RAISES = (
    "SELECT toUnixTimestamp64Nano(at) AS t, alarm_type, resource, device FROM alarm_change FINAL"
    " WHERE (change IN ('raised', 'raised-again') OR (change = 'repeated' AND reason = 'stateless'))"
    " AND at >= fromUnixTimestamp64Nano({starts_at:Int64}) AND at < fromUnixTimestamp64Nano({ends_at:Int64})"
    " ORDER BY t DESC, resource, alarm_type LIMIT {most:UInt32}"
)


class Raises(Reader):
    """What is asked about raises."""

    def between(self, starts_at: int, ends_at: int, most: int = MOST) -> list[Raise]:
        """Every raise from ``starts_at`` until before ``ends_at`` (UTC nanoseconds), oldest first; no more than the latest ``most``."""
        rows = self._connection.rows(_RAISES, {"starts_at": starts_at, "ends_at": ends_at, "most": most})
        return [Raise(int(row["t"]), row["alarm_type"], ResourceId(row["resource"]), row["device"]) for row in reversed(rows)]
