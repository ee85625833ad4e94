"""Texts of people in ticket systems, made plain: HTML without its tags, times as UTC nanoseconds."""

from datetime import UTC, datetime
from html.parser import HTMLParser

_BREAKS = frozenset({"br", "p", "div", "li", "tr", "blockquote", "h1", "h2", "h3"})
_UNSEEN = frozenset({"script", "style", "head", "title"})
_NANO = 1_000_000_000


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the parser's signature
        self._unseen += tag in _UNSEEN
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def without_tags(html: str) -> str:
    """The text of a piece of HTML, a line for each paragraph."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


def nanoseconds(text: str, form: str = "") -> int:
    """A time as UTC nanoseconds: RFC 3339, or by ``form`` (of ``strptime``, then UTC); 0 for what is none."""
    try:
        found = datetime.strptime(text, form).replace(tzinfo=UTC) if form else datetime.fromisoformat(text)
    except ValueError:
        return 0
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return int(found.timestamp()) * _NANO + found.microsecond * 1_000
