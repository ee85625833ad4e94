"""One bar: a figure, its unit, and what it was held against in the same run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Bar:
    """A measured figure. ``against`` holds reference figures by name; one that could not be measured is the word for why."""

    name: str
    figure: float
    unit: str
    against: Mapping[str, float | str] = field(default_factory=dict)

    def line(self) -> str:
        """``BAR name figure unit | reference figure | …``."""
        references = "".join(f" | {name} {_text(figure)}" for name, figure in self.against.items())
        return f"BAR {self.name} {_text(self.figure)} {self.unit}{references}"


def middle(figures: Sequence[float]) -> float:
    """The median of repeated runs."""
    return float(median(figures))


def _text(figure: float | str) -> str:
    if isinstance(figure, str):
        return figure
    return f"{figure:.0f}" if abs(figure) >= 100 or figure == int(figure) else f"{figure:.3g}"
