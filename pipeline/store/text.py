"""How hostile bytes become text that is safe to show and can be turned back."""

import re

from pipeline.core.raw import ValueType, VarBind

_UNSAFE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]")
"""Control characters (C0, C1), zero-width and bidirectional controls (Unicode TR 36 section 3): they can forge a line or reverse a text."""

TYPE_NAMES = {value_type: value_type.name.lower().replace("_", "-") for value_type in ValueType}


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004  # one byte, two digits


def show(data: bytes) -> str:
    r"""Bytes as printable text: UTF-8 where it is, otherwise ``\xNN``; controls as ``\xNN`` or ``\uNNNN``; a backslash as two.

    No two different byte strings are shown alike.
    """
    text = data.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return _UNSAFE.sub(_escape, text) if not text.isprintable() else text


def value_text(varbind: VarBind) -> str:
    """A variable's value as text: numbers in decimal, octets by :func:`show`, nothing for NULL and the exceptions of RFC 3416."""
    value = varbind.value
    if value is None:
        return ""
    return show(value) if isinstance(value, bytes) else str(value)
