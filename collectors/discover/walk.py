"""One column of a table, read to its end: in order, bounded, going on after a silence. What an agent does wrong ends the walk, told."""

from dataclasses import dataclass, field

from gufo.snmp import SnmpError
from gufo.snmp.aio import SnmpSession

from pipeline.core.discovery import FindingKind
from pipeline.core.discovery_object import Wire

MOST_ROWS = 50_000
"""A column with more rows is not read further: either the agent goes round in circles, or this is no table for a discovery."""
REPETITIONS = (25, 1)
"""Rows asked for at once; fewer of an agent that does not answer, or has no row: its answer may have become too large for it or its way.

The library takes an answer with an error for the end of a table, so no end is believed before a question for one row has met it.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one question: seconds to wait, and how often it is asked again. ``most_rows`` bounds a column."""

    timeout_s: float = 1.0
    retries: int = 1
    most_rows: int = MOST_ROWS


@dataclass(slots=True)
class Walked:
    """The rows of a column by index, and why it ended before its end, if it did."""

    rows: dict[str, Wire] = field(default_factory=dict)
    kind: FindingKind | None = None
    why: str = ""

    def end(self, kind: FindingKind, why: str) -> None:
        """Note why there is no more."""
        self.kind, self.why = kind, why


async def walk(session: SnmpSession, oid: str, limits: Limits, walked: Walked, *, bulk: bool = True) -> None:
    """Read the column ``oid`` into ``walked``, which is filled as rows come, so that a time limit loses none; without ``bulk`` row by row.

    Never raises for an agent.
    """
    for repetitions in REPETITIONS if bulk else REPETITIONS[-1:]:
        try:
            await _read(session, oid, repetitions, limits, walked)
        except SnmpError as error:
            walked.end(FindingKind.REFUSED, f"the agent said {str(error) or type(error).__name__} after {len(walked.rows)} rows")
        except OSError:  # a time-out is one, and so is a port that nobody listens on
            walked.end(FindingKind.NO_ANSWER, f"no answer after {len(walked.rows)} rows")
        else:
            if walked.kind in {FindingKind.REFUSED, FindingKind.NO_ANSWER}:
                walked.kind = None  # a smaller question was answered
        if walked.rows:
            return


async def _read(session: SnmpSession, oid: str, repetitions: int, limits: Limits, walked: Walked) -> None:
    """Take rows as they come, asking on where it stopped after a silence. Raises ``OSError``, ``SnmpError``."""
    rows = session.getbulk(oid, repetitions) if repetitions > 1 else session.getnext(oid)
    last: tuple[int, ...] = ()
    silences = 0
    while True:
        try:
            name, value = await anext(rows)
        except StopAsyncIteration:
            return
        except OSError:
            silences += 1
            if silences > limits.retries:
                raise
            continue
        silences = 0
        arcs = tuple(map(int, name.split(".")))
        if arcs <= last:
            walked.end(FindingKind.OID_NOT_INCREASING, f"{name} came after {'.'.join(map(str, last))}; the walk ended there")
            return
        if len(walked.rows) >= limits.most_rows:
            walked.end(FindingKind.ENDLESS_WALK, f"more than {limits.most_rows} rows; the walk ended there")
            return
        last = arcs
        walked.rows[name.removeprefix(f"{oid}.")] = value
