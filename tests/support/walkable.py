"""A scripted agent that can be walked: GET and GETBULK over a table, with what an agent may do wrong."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.core.discovery_object import OBJECTS, Kind, Wire
from tests.support.agents import NO_SUCH_INSTANCE, Asked, Reply, response
from tests.support.datagrams import ADDRESS, GAUGE32, INTEGER, OCTETS, OID, Var
from tests.support.discovery import Box

END_OF_MIB_VIEW = 0x82
Mib = Mapping[str, tuple[int, object]]


def arcs(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


def mib_of(box: Box) -> dict[str, tuple[int, object]]:
    """What a device of :mod:`tests.support.discovery` has, on the wire."""
    answers = box.answers()
    mib: dict[str, tuple[int, object]] = {f"{OBJECTS[name].oid}.0": _typed(name, value) for name, value in answers.scalars.items()}
    for name, rows in answers.columns.items():
        mib |= {f"{OBJECTS[name].oid}.{index}": _typed(name, value) for index, value in rows.items()}
    return mib


def _typed(name: str, value: Wire) -> tuple[int, object]:
    if isinstance(value, bytes):
        return OCTETS, value
    if isinstance(value, str):
        return (ADDRESS if OBJECTS[name].kind is Kind.ADDRESS else OID), value
    assert isinstance(value, int)
    return (GAUGE32 if value > 0x7FFFFFFF else INTEGER), value


@dataclass
class Walkable:
    """Answers a question from ``mib``; ``rows`` at a time. ``spoil`` may give another answer (``None``: the right one)."""

    mib: Mib
    rows: int = 10
    spoil: Callable[[Asked], list[Reply] | None] = lambda _: None

    def __post_init__(self) -> None:
        self._keys = sorted(map(arcs, self.mib))

    def __call__(self, asked: Asked) -> list[Reply]:
        spoilt = self.spoil(asked)
        return [(0, self.right(asked))] if spoilt is None else spoilt

    def right(self, asked: Asked) -> bytes:
        if not asked.repetitions:
            return response(asked, [Var(oid, *self.mib.get(oid, (NO_SUCH_INSTANCE, None))) for oid in asked.oids])  # type: ignore[arg-type]
        return response(asked, self._after(asked.oids[0], asked.repetitions))

    def _after(self, oid: str, rows: int) -> list[Var]:
        first = bisect_right(self._keys, arcs(oid))
        following = [".".join(map(str, key)) for key in self._keys[first : first + min(rows, self.rows)]]
        return [Var(name, *self.mib[name]) for name in following] or [Var(oid, END_OF_MIB_VIEW, None)]  # type: ignore[arg-type]
