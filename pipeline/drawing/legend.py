"""What surrounds every picture: its title above, what the looks mean below."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.drawing.scene import MUTED, Box, Curve, Point, Scene, Shape, Stroke, Text, straight, width_of

MARGIN = 24.0
TITLE, SUBTITLE, SIZE = 17.0, 12.0, 11.5
_SWATCH, _ROW = 26.0, 24.0
_LEAST_WIDTH = 560.0


@dataclass(frozen=True, slots=True)
class Item:
    """One look and what it means; without a fill it is a line."""

    text: str
    fill: str
    stroke: Stroke

    @property
    def width(self) -> float:
        """Pixels with its swatch and the gap after it."""
        return _SWATCH + 8 + width_of(self.text, SIZE) + 26


def item(text: str, fill: str, stroke: Stroke) -> Item:
    """An item of the legend."""
    return Item(text, fill, stroke)


def framed(shapes: Sequence[Shape], size: tuple[float, float], title: str, subtitle: str, items: Sequence[Item]) -> Scene:
    """The shapes, whose extent is ``size`` from 0, with title, subtitle and legend."""
    titles = _lines(title, TITLE, max(size[0], _LEAST_WIDTH))
    subtitles = _lines(subtitle, SUBTITLE, max(size[0], _LEAST_WIDTH))
    width = max(size[0], _LEAST_WIDTH) + 2 * MARGIN
    made: list[Shape] = []
    y = MARGIN
    for line in titles:
        y += TITLE
        made.append(Text(MARGIN, y, line, TITLE, bold=True))
        y += 5
    for line in subtitles:
        y += SUBTITLE
        made.append(Text(MARGIN, y, line, SUBTITLE, MUTED))
        y += 5
    y += 16
    shift = ((width - size[0]) / 2, y)
    made += [_moved(shape, shift) for shape in shapes]
    y += size[1] + 22
    x = MARGIN
    for each in items:
        if x + each.width > width - MARGIN and x > MARGIN:
            x, y = MARGIN, y + _ROW
        made += _swatch(each, x, y)
        x += each.width
    return Scene(width, y + (_ROW if items else 0) + MARGIN / 2, f"{title}. {subtitle}", tuple(made))


def _swatch(each: Item, x: float, y: float) -> list[Shape]:
    text = Text(x + _SWATCH + 8, y + 12, each.text, SIZE)
    if not each.fill:
        return [Curve(straight((x, y + 8), (x + _SWATCH, y + 8)), each.stroke), text]
    return [Box(x, y, _SWATCH, 16, each.fill, each.stroke, 4.0), text]


def _lines(text: str, size: float, available: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(joined, size, bold=True) <= available:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _moved(shape: Shape, shift: Point) -> Shape:
    match shape:
        case Curve(points, stroke, title):
            return Curve(tuple((x + shift[0], y + shift[1]) for x, y in points), stroke, title)
        case Box(x, y, width, height, fill, stroke, radius, title):
            return Box(x + shift[0], y + shift[1], width, height, fill, stroke, radius, title)
        case Text(x, y, text, size, colour, bold, anchor, halo):
            return Text(x + shift[0], y + shift[1], text, size, colour, bold, anchor, halo)
