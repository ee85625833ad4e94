"""Text from devices, made safe to show. The bytes are kept elsewhere; this is what people, logs and tickets see.

A device's text is hostile: it may hold terminal escapes (ECMA-48), direction overrides that make ``safe`` read otherwise (Unicode Technical
Report 36, section 2.10), newlines that forge log lines, or a megabyte. Whatever cannot be seen becomes a visible escape.
"""

MAX_CHARACTERS = 255
"""Longer text is cut and ends in an ellipsis. DisplayString's own limit (RFC 2579) is 255."""

_LAST_OF_X = 0xFF
_LAST_OF_U = 0xFFFF
_LAYOUT = dict.fromkeys(map(ord, "\t\n\r"))


def shown(data: bytes | str, limit: int = MAX_CHARACTERS) -> str:
    r"""What a device said, escaped for people: printable text as it is, the rest as ``\xNN`` or ``\uNNNN``, cut after ``limit``.

    Printable is what :meth:`str.isprintable` says: no control, format, direction or unassigned character. A backslash is doubled, so that
    an escape cannot be forged. Bytes are read as UTF-8; those that are not become ``\xNN``. Trailing NULs, which agents pad with, are left
    out.
    """
    text = _decoded(data[: 4 * limit + 4]) if isinstance(data, bytes) else data[: limit + 1]
    if not text.isprintable() or "\\" in text:
        text = "".join(_visible(character) for character in text)
    return _cut(text, limit)


def hexadecimal(data: bytes, limit: int = MAX_CHARACTERS) -> str:
    """Bytes as ``de:ad:be:ef``, cut after ``limit`` characters."""
    return _cut(data[: limit // 3 + 2].hex(":"), limit)


def is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8 that can be seen, tabs and line ends aside, as an agent's text would be."""
    try:
        text = data.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() or text.translate(_LAYOUT).isprintable()


def _decoded(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _visible(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  # surrogateescape (PEP 383): a byte that is no UTF-8
        code -= 0xDC00
    if code <= _LAST_OF_X:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_OF_U else f"\\U{code:08x}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
