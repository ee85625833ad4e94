"""A scene as SVG, with its texts as text. Attributes alone give the style, so that it may stand in a page that allows no inline style."""

from xml.sax import saxutils

from pipeline.drawing.scene import GROUND, Box, Curve, Scene, Shape, Stroke, Text

FONTS = "DejaVu Sans, Verdana, Geneva, Arial, sans-serif"


def svg(scene: Scene, *, is_page: bool = True) -> str:
    """The picture; as a document of its own unless ``is_page`` is false, when it fills the width of what it stands in."""
    size = f'width="{scene.width:.0f}" height="{scene.height:.0f}" ' if is_page else 'width="100%" '
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' if is_page else ""
    view = f'viewBox="0 0 {scene.width:.0f} {scene.height:.0f}" role="img" aria-label={saxutils.quoteattr(_plain(scene.title))}'
    opening = f'{head}<svg xmlns="http://www.w3.org/2000/svg" {size}{view} font-family={saxutils.quoteattr(FONTS)}>'
    ground = f'<rect width="100%" height="100%" fill="{GROUND}"/>'
    return "\n".join((opening, f"<title>{_escaped(scene.title)}</title>", ground, *map(_shape, scene.shapes), "</svg>\n"))


def _shape(shape: Shape) -> str:
    match shape:
        case Curve(points=points, stroke=stroke, title=title):
            first, *rest = (f"{x:.1f} {y:.1f}" for x, y in points)
            return _titled(f'path d="M{first} C{" ".join(rest)}" fill="none" {_stroke(stroke)}', "path", title)
        case Box(x, y, width, height, fill, stroke, radius, title):
            place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}"'
            return _titled(f'rect {place} fill="{fill}" {_stroke(stroke)}', "rect", title)
        case Text():
            return _text(shape)


def _text(text: Text) -> str:
    weight = ' font-weight="bold"' if text.bold else ""
    halo = f' stroke="{GROUND}" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke"' if text.halo else ""
    place = f'x="{text.x:.1f}" y="{text.y:.1f}" font-size="{text.size:g}" text-anchor="{text.anchor}"'
    return f'<text {place} fill="{text.colour}"{weight}{halo}>{_escaped(text.text)}</text>'


def _stroke(stroke: Stroke) -> str:
    dash = f' stroke-dasharray="{" ".join(f"{each:g}" for each in stroke.dash)}"' if stroke.dash else ""
    return f'stroke="{stroke.colour}" stroke-width="{stroke.width:g}"{dash}'


def _titled(opening: str, name: str, title: str) -> str:
    return f"<{opening}><title>{_escaped(title)}</title></{name}>" if title else f"<{opening}/>"


def _escaped(text: str) -> str:
    return saxutils.escape(_plain(text))


def _plain(text: str) -> str:
    """Text without what XML 1.0 does not allow, and without what turns its direction."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)
