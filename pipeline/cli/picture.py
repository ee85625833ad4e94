"""A scene as a file: SVG as it is, PNG by matplotlib."""

from pathlib import Path
from typing import Any

from pipeline.drawing.scene import GROUND, Box, Curve, Scene, Shape, Stroke, Text
from pipeline.drawing.svg import svg

SUFFIXES = (".svg", ".png")
_DPI = 100
_POINTS_PER_PIXEL = 72 / _DPI
_FINENESS = 2
"""Pixels of the file for each of the scene, as long as the file stays within what programs open."""
_MOST_PIXELS = 16_000
_ALIGNMENT = {"start": "left", "middle": "center", "end": "right"}


def write_picture(scene: Scene, path: Path) -> None:
    """Write it as the name's ending says. Raises ``OSError`` when it cannot be written, ``ValueError`` for another ending."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"'{path.name}' does not end in {' or '.join(SUFFIXES)}")
    if path.suffix.lower() == ".svg":
        path.write_text(svg(scene), encoding="utf-8")
    else:
        _png(scene, path)


def _png(scene: Scene, path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  # only a command that draws pays for it

    mpl.use("Agg")
    from matplotlib.figure import Figure  # noqa: PLC0415  # as above

    figure = Figure(figsize=(scene.width / _DPI, scene.height / _DPI), dpi=_DPI, facecolor=GROUND)
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    axes.set_axis_off()
    for order, shape in enumerate(scene.shapes):
        _draw(axes, shape, order)
    fineness = max(min(_FINENESS, _MOST_PIXELS / max(scene.width, scene.height)), 0.1)
    figure.savefig(path, format="png", dpi=_DPI * fineness)


def _draw(axes: Any, shape: Shape, order: int) -> None:
    from matplotlib.patches import FancyBboxPatch, PathPatch  # noqa: PLC0415  # as above
    from matplotlib.path import Path as Outline  # noqa: PLC0415  # as above
    from matplotlib.patheffects import withStroke  # noqa: PLC0415  # as above

    match shape:
        case Curve(points=points, stroke=stroke):
            outline = Outline(list(points), [Outline.MOVETO] + [Outline.CURVE4] * (len(points) - 1))
            axes.add_patch(PathPatch(outline, fill=False, zorder=order, **_stroke(stroke)))
        case Box(x, y, width, height, fill, stroke, radius):
            corners = f"round,pad=0,rounding_size={min(radius, width / 2, height / 2)}"
            axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=corners, facecolor=fill, zorder=order, **_stroke(stroke)))
        case Text(x, y, text, size, colour, bold, anchor, halo):
            axes.text(
                *(x, y, text.replace("$", r"\$")),
                fontsize=size * _POINTS_PER_PIXEL,
                color=colour,
                fontweight="bold" if bold else "normal",
                family="DejaVu Sans",
                ha=_ALIGNMENT[anchor],
                va="baseline",
                zorder=order,
                path_effects=[withStroke(linewidth=2.6, foreground=GROUND)] if halo else [],
            )


def _stroke(stroke: Stroke) -> dict[str, Any]:
    dash = (0, tuple(each / stroke.width for each in stroke.dash)) if stroke.dash else "solid"
    return {"edgecolor": stroke.colour, "linewidth": stroke.width * _POINTS_PER_PIXEL, "linestyle": dash}
