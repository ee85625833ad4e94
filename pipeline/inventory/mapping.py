"""Where a field of an entry is taken from, as the settings say it: a small language of four words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.text import shown

Mapping_ = Mapping[str, str]
"""``section.field`` -> an expression."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something of a source that could not be taken as it is: at an entry (its name may be empty), with what to do about it."""

    section: str
    name: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.section}/{self.name}" if self.name else self.section
        return f"{place}: {self.message}{f'; {self.remedy}' if self.remedy else ''}"


def value_of(expression: str, words: Mapping[str, str], custom: Mapping[str, Any], tags: Iterable[str]) -> Any:
    """What an expression stands for; ``None`` for nothing.

    ``cf:NAME`` is a custom field (or a characteristic), ``tag:BEGINNING`` the rest of the first tag that begins so, ``=TEXT`` the text,
    any other word an attribute.
    """
    kind, colon, name = expression.partition(":")
    if expression.startswith("="):
        return expression[1:]
    if colon and kind == "cf":
        return plain(custom.get(name))
    if colon and kind == "tag":
        return next((tag.removeprefix(name) for tag in tags if tag.startswith(name) and tag != name), None)
    return words.get(expression) or None


def plain(value: Any) -> Any:
    """A custom field's value: text made safe, an object by its name, several as a tuple."""
    if isinstance(value, str):
        return shown(value) or None
    if isinstance(value, list):
        return tuple(filter(None, map(plain, value))) or None
    if isinstance(value, dict):
        named = value.get("name") or value.get("value") or value.get("display")
        return shown(str(named)) if named else None
    return value
