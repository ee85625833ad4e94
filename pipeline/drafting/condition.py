"""What others ask of a varbind, as the value of a ``when:``."""

from collections.abc import Sequence
from typing import Any

from pipeline.core.mib import MibObject, Syntax
from pipeline.drafting.pattern import NotAFewTextsError, Texts

_NUMBERS = frozenset({Syntax.INTEGER, Syntax.COUNTER32, Syntax.GAUGE32, Syntax.TIME_TICKS, Syntax.COUNTER64})
_MAX_DIGITS = 20


def condition_of(known: MibObject | None, texts: Texts) -> Any:
    """The condition that an object (``None`` for an unknown one) has one of these texts.

    Raises:
        NotAFewTextsError: when the rule language cannot say it; the message says why.
    """
    if known is not None and known.syntax in _NUMBERS:
        return _one_or_list(_numbers(known, texts))
    if not texts.open_start and not texts.open_end:
        return _one_or_list([text if known is not None or not is_number(text) else int(text) for text in texts.texts])
    if not texts.open_end:
        raise NotAFewTextsError("a text that must end with something")
    return {"contains" if texts.open_start else "begins": _one_or_list(list(texts.texts))}


def is_number(text: str) -> bool:
    """Whether a text is a whole number as SNMP may carry it."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS


def _numbers(known: MibObject, texts: Texts) -> list[int | str]:
    """Labels, or numbers without one. An open text means every value whose label or number it is a part of."""
    if texts.open_start or texts.open_end:
        found = [label for number, label in known.enumeration.items() if any(_meets(each, texts) for each in (label, str(number)))]
        if not found:
            raise NotAFewTextsError(f"a part of a text, and {known.name} is a number")
        return list(found)
    return [_number(known, text) for text in texts.texts]


def _meets(value: str, texts: Texts) -> bool:
    for text in texts.texts:
        place = value.find(text)
        if place >= 0 and (texts.open_start or value.startswith(text)) and (texts.open_end or value.endswith(text)):
            return True
    return False


def _number(known: MibObject, text: str) -> int | str:
    if text in known.enumeration.values():
        return text
    if is_number(text):
        return known.enumeration.get(int(text), int(text))
    raise NotAFewTextsError(f"'{text}' is not a value of {known.name}")


def _one_or_list(values: Sequence[Any]) -> Any:
    unique = list(dict.fromkeys(values))
    return unique[0] if len(unique) == 1 else unique
