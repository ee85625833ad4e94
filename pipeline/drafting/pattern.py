r"""Others' regular expressions, read but never run: those that stand for a few texts become these texts, the rest are left out.

A stranger's expression can take for ever to match (RE2's reason to be). What is understood here is a small part: literals, ``(a|b)``,
``[a-c1]``, ``?``, ``\d``, anchors, and ``.*`` at either end.
"""

import re
from dataclasses import dataclass

MAX_TEXTS = 64
_MAX_LENGTH = 300
_MAX_DEPTH = 8
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
_CLASSES = {"d": "0123456789"}


class NotAFewTextsError(ValueError):
    """An expression that stands for more than a few texts; the message says what is in the way."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What an expression stands for: one of ``texts``, with anything before it when ``open_start``, after it when ``open_end``."""

    texts: tuple[str, ...]
    open_start: bool = False
    open_end: bool = False


def texts_of(expression: str, *, whole: bool) -> Texts:
    """The texts that an expression matches; ``whole``: it must match from end to end, otherwise anywhere.

    Raises:
        NotAFewTextsError: when they cannot be listed.
    """
    if len(expression) > _MAX_LENGTH:
        raise NotAFewTextsError("a long regular expression")
    body, open_start = _start(expression, whole=whole)
    body, open_end = _end(body, whole=whole)
    reader = _Reader(body)
    texts = tuple(dict.fromkeys(reader.alternatives(0)))
    if reader.place != len(body):
        raise NotAFewTextsError("brackets that do not match")
    if not all(texts):
        raise NotAFewTextsError("an expression that matches the empty text")
    return Texts(texts, open_start, open_end)


def _start(text: str, *, whole: bool) -> tuple[str, bool]:
    anchored = whole
    if text.startswith("^") and not _splits(text):
        text, anchored = text[1:], True
    while text.startswith(".*") and not _splits(text):
        text, anchored = text[2:].removeprefix("?"), False
    return text, not anchored


def _end(text: str, *, whole: bool) -> tuple[str, bool]:
    anchored = whole
    if text.endswith("$") and not text.endswith("\\$") and not _splits(text):
        text, anchored = text[:-1], True
    while text.endswith(".*") and not text.endswith("\\.*") and not _splits(text):
        text, anchored = text[:-2], False
    return text, not anchored


def _splits(text: str) -> bool:
    """Whether alternatives stand outside of brackets, so that an anchor would belong to one of them only."""
    depth = 0
    for place, character in enumerate(text):
        escaped = place > 0 and text[place - 1] == "\\"
        if not escaped:
            depth += (character == "(") - (character == ")")
            if character == "|" and not depth:
                return True
    return False


class _Reader:
    """Reads an expression from left to right; every answer is a list of texts, never longer than :data:`MAX_TEXTS`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.place = 0

    def _next(self) -> str:
        return self._text[self.place : self.place + 1]

    def alternatives(self, depth: int) -> list[str]:
        if depth > _MAX_DEPTH:
            raise NotAFewTextsError("deep brackets")
        found = self._sequence(depth)
        while self._next() == "|":
            self.place += 1
            found = _few([*found, *self._sequence(depth)])
        return found

    def _sequence(self, depth: int) -> list[str]:
        found = [""]
        while self._next() not in {"", "|", ")"}:
            piece = self._piece(depth)
            if self._next() == "?":
                self.place += 1
                piece = ["", *piece]
            elif self._next() in {"*", "+", "{"}:
                raise NotAFewTextsError(f"a repetition ({self._next()})")
            found = _few([text + each for text in found for each in piece])
        return found

    def _piece(self, depth: int) -> list[str]:
        character = self._next()
        self.place += 1
        if character == "(":
            return self._group(depth)
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if character in _SPECIAL:
            raise NotAFewTextsError("any character (.)" if character == "." else f"'{character}' here")
        return [character]

    def _group(self, depth: int) -> list[str]:
        if self._text.startswith("?", self.place):
            if not self._text.startswith("?:", self.place):
                raise NotAFewTextsError("a group with a flag")
            self.place += 2
        found = self.alternatives(depth + 1)
        if self._next() != ")":
            raise NotAFewTextsError("brackets that do not match")
        self.place += 1
        return found

    def _class(self) -> list[str]:
        end = self._text.find("]", self.place)
        inside = self._text[self.place : end] if end > self.place else "^"
        if inside.startswith("^") or "\\" in inside:
            raise NotAFewTextsError("a class of characters that are not listed")
        self.place = end + 1
        ranges = re.findall(r"(.)-(.)|(.)", inside)
        return _few([chr(code) for low, high, one in ranges for code in range(ord(low or one), min(ord(high or one), 0x2FFF) + 1)])

    def _escape(self) -> list[str]:
        character = self._next()
        self.place += 1
        if character in _CLASSES:
            return list(_CLASSES[character])
        if character.isalnum() or not character:
            raise NotAFewTextsError(f"\\{character}")
        return [character]


def _few(texts: list[str]) -> list[str]:
    if len(texts) > MAX_TEXTS:
        raise NotAFewTextsError(f"more than {MAX_TEXTS} texts")
    return texts
