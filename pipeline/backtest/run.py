"""One reading of the journals through one or several sets of knowledge, side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.backtest.dated import Dated
from pipeline.backtest.engine import Engine, Input
from pipeline.backtest.owed import owed
from pipeline.backtest.past import Past, Stretch
from pipeline.config.settings import CorrelationSettings
from pipeline.core.idle import TICK_NS
from pipeline.core.outage import Outage

Stretches = Iterable[tuple[int, list[Input]]]
"""What came, gathered by the tick that follows it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was made of the past by one set of knowledge.

    ``standing`` are resource and alarm type of what stood as the stretch began.
    """

    past: Past
    standing: frozenset[tuple[str, str]]


def replay(
    came: Stretches,
    by: Sequence[Dated],
    correlation: CorrelationSettings,
    stretch: Stretch,
    warm_from: int,
    beside: Sequence[Outage] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Trial]:
    """Run what came from ``warm_from`` on through each set of knowledge, which is as of then.

    ``beside`` are outages that the stretch's months had before it; where nobody knows (``None``), those of the warm-up.
    The stretch begins and ends with a tick (:func:`rounded`). Writes nothing anywhere.
    """
    engines = [Engine(each, correlation, warm_from) for each in by]
    pasts = [Past(stretch) for _ in by]
    standing: list[frozenset[tuple[str, str]]] = []
    for until, inputs in _to_the_end(came, stretch):
        for engine, past in zip(engines, pasts, strict=True):
            past.hear(inputs)
            past.take(engine.advance(inputs, until).by_topic)
        if until == stretch.starts_at:
            standing = [engine.standing() for engine in engines]
        progress(until)
    for each, past in zip(by, pasts, strict=True):
        past.close()
        past.owed = owed(
            each.whole, each.current().plans, (*(past.earlier if beside is None else beside), *past.outages.values()), stretch, past.planned
        )
    return [Trial(past, stood) for past, stood in zip(pasts, standing, strict=True)]


def _to_the_end(came: Stretches, stretch: Stretch) -> Iterator[tuple[int, list[Input]]]:
    """What came, with a look at the moment in which the stretch begins, and on to its end."""
    has_begun = False
    for until, inputs in came:
        if not has_begun and until >= stretch.starts_at:
            has_begun = True
            if until > stretch.starts_at:
                yield stretch.starts_at, []
        yield until, inputs
    if not has_begun:
        yield stretch.starts_at, []
    yield stretch.ends_at, []


def rounded(at: int) -> int:
    """The tick at or after a time: a stretch begins and ends with one."""
    return -(-at // TICK_NS) * TICK_NS
