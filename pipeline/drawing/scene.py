"""What a picture is made of: lines, boxes and texts at places, in pixels from the top left. Whatever shows it draws them in this order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]

INK, MUTED, GROUND = "#1b1d21", "#565b63", "#ffffff"
"""Text, text beside the point, and what is behind."""
LINE_HEIGHT = 1.25
_NORMAL = (
    *(32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53),
    *(100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50),
    *(50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84),
)
"""Advance widths of DejaVu Sans from the space on, in hundredths of the size; the widest of the fonts that a picture asks for."""
_OTHER, _BOLDER = 100, 1.11


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line or an outline is drawn: colour, width in pixels, lengths of dash and gap (empty: unbroken)."""

    colour: str = INK
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through ``points``: the first, then of each three a cubic Bezier's two handles and its end.

    ``title`` is told on pointing at it.
    """

    points: tuple[Point, ...]
    stroke: Stroke
    title: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: Stroke
    radius: float = 5.0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text with its baseline at ``y``; ``anchor`` is start, middle or end. With a ``halo`` it stays readable over lines."""

    x: float
    y: float
    text: str
    size: float = 12.0
    colour: str = INK
    bold: bool = False
    anchor: str = "start"
    halo: bool = False


Shape = Curve | Box | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture; ``title`` says in a sentence what it shows, for those who do not see it."""

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...] = field(default=())


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is, in pixels, or a little less: no font that is asked for is wider."""
    hundredths = sum(_NORMAL[ord(each) - 32] if " " <= each <= "~" else _OTHER for each in text)
    return hundredths * size / 100 * (_BOLDER if bold else 1.0)


def shortened(text: str, size: float, available: float) -> str:
    """The text, or as much of its beginning and end as fits, around dots."""
    if width_of(text, size) <= available:
        return text
    for kept in range(len(text) - 1, 1, -1):
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if width_of(short, size) <= available:
            return short
    return text[:1] + "…"


def straight(a: Point, b: Point) -> tuple[Point, ...]:
    """A straight line as a curve's points."""
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return (a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b)


def bent(a: Point, b: Point, offset: float) -> tuple[Point, ...]:
    """A line from ``a`` to ``b`` whose middle is ``offset`` pixels to the side."""
    length = max(((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5, 1e-9)
    side = (-(b[1] - a[1]) / length * offset * 4 / 3, (b[0] - a[0]) / length * offset * 4 / 3)
    line = straight(a, b)
    return (a, (line[1][0] + side[0], line[1][1] + side[1]), (line[2][0] + side[0], line[2][1] + side[1]), b)


def at(points: Sequence[Point], share: float) -> Point:
    """The point at a share (0 to 1) of one cubic's way."""
    rest = 1 - share
    weights = (rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3)
    return (
        sum(weight * point[0] for weight, point in zip(weights, points, strict=True)),
        sum(weight * point[1] for weight, point in zip(weights, points, strict=True)),
    )
