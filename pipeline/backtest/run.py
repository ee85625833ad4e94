"""One reading of the journals through one or several sets of knowledge, side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.backtest.engine import Engine, Input
from pipeline.backtest.owed import owed
from pipeline.backtest.past import Past, Stretch
from pipeline.config.settings import CorrelationSettings
from pipeline.core.idle import TICK_NS
from pipeline.core.knowledge import Knowledge
from pipeline.core.outage import Outage

Stretches = Iterable[tuple[int, list[Input]]]
"""What came, gathered by the tick that follows it."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A source of knowledge that does not change."""

    knowledge: Knowledge

    def current(self) -> Knowledge:
        """Always the same."""
        return self.knowledge


@dataclass(frozen=True, slots=True)
class Trial:
    """What was made of the past by one set of knowledge, and how many ticks that took."""

    past: Past
    ticks: int


def replay(
    came: Stretches,
    by: Sequence[Knowledge],
    correlation: CorrelationSettings,
    stretch: Stretch,
    warm_from: int,
    beside: Sequence[Outage] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> list[Trial]:
    """Run what came from ``warm_from`` on through each knowledge; ``beside`` are outages that the stretch's months had before it.

    Writes nothing anywhere.
    """
    engines = [Engine(Fixed(knowledge), correlation, warm_from) for knowledge in by]
    pasts = [Past(stretch) for _ in by]
    for until, inputs in _to_the_end(came, stretch.ends_at):
        for engine, past in zip(engines, pasts, strict=True):
            past.take(engine.advance(inputs, until).by_topic)
        progress(until)
    for knowledge, past in zip(by, pasts, strict=True):
        past.close()
        past.owed = owed(knowledge.inventory, knowledge.plans, (*beside, *past.outages.values()), stretch)
    return [Trial(past, engine.ticks) for past, engine in zip(pasts, engines, strict=True)]


def _to_the_end(came: Stretches, ends_at: int) -> Iterator[tuple[int, list[Input]]]:
    yield from came
    yield ends_at - ends_at % TICK_NS, []
