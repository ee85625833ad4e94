"""Text from devices, made safe to show. The bytes are kept elsewhere; this is what people, logs and tickets see.

A device's text is hostile: it may hold terminal escapes (ECMA-48), direction overrides that make ``safe`` read otherwise (Unicode Technical
Report 36, section 2.10), newlines that forge log lines, or a megabyte. Each such character becomes a visible escape.
"""

import re

MAX_CHARACTERS = 255
"""Longer text is cut and ends in an ellipsis. DisplayString's own limit (RFC 2579) is 255."""

_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\\"  # control characters, escape among them; the backslash, so that an escape cannot be forged
    r"\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, bidirectional, line separators
    r"\ud800-\udfff\U000e0000-\U000e0fff]"  # lone surrogates, tag characters
)


def shown(data: bytes | str, limit: int = MAX_CHARACTERS) -> str:
    r"""What a device said, escaped for people: printable text as it is, the rest as ``\xNN`` or ``\uNNNN``, cut after ``limit``.

    Bytes are read as UTF-8; those that are not become ``\xNN``. Trailing NULs, which agents pad with, are left out.
    """
    text = data[: 4 * limit + 4].rstrip(b"\0").decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data[: limit + 1]
    if isinstance(data, bytes) and "\\x" in text:
        return _cut(_escape_keeping_bytes(text), limit)
    return _cut(text if text.isascii() and text.isprintable() and "\\" not in text else _UNSAFE.sub(_escape, text), limit)


def hexadecimal(data: bytes, limit: int = MAX_CHARACTERS) -> str:
    """Bytes as ``de:ad:be:ef``, cut after ``limit`` characters."""
    return _cut(data[: limit // 3 + 2].hex(":"), limit)


def is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters other than tab and line ends, as an agent's text would be."""
    try:
        text = data.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(text)


_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == ord("\\"):
        return "\\\\"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004  # widths of the escapes


def _escape_keeping_bytes(text: str) -> str:
    """Escape all but the backslashes: they already stand for bytes that are no UTF-8, or look as if they did, which is as harmless."""
    return _UNSAFE.sub(lambda match: match.group() if match.group() == "\\" else _escape(match), text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
