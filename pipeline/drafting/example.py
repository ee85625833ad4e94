"""Varbinds for the tests of drafted rules: one of each object, with a value of its type that meets the rule's conditions."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.mib import MibObject, Syntax
from pipeline.drafting.place import IF_INDEX

_BY_SYNTAX: dict[Syntax, int | str] = {
    Syntax.INTEGER: 3,
    Syntax.COUNTER32: 300,
    Syntax.GAUGE32: 3,
    Syntax.TIME_TICKS: 300,
    Syntax.COUNTER64: 300,
    Syntax.BITS: "hex:80",
    Syntax.OPAQUE: "hex:00",
    Syntax.OBJECT_IDENTIFIER: "1.3.6.1.4.1",
    Syntax.IP_ADDRESS: "192.0.2.9",
    Syntax.INET_ADDRESS: "hex:c0000209",
}
MAX_VARBINDS = 12
_ADDRESS = "192.0.2.9"


def varbinds_of(objects: Sequence[MibObject], when: Mapping[str, Any], index_of: Mapping[str, tuple[MibObject, ...]]) -> dict[str, Any]:
    """``object.index: value`` of a notification that carries ``objects``; what ``when`` asks for comes first in importance.

    ``index_of`` gives the index objects of columns; an object that it does not list is taken for a scalar.
    """
    shown = [each for each in objects if each.name in when or each.oid == IF_INDEX]
    shown += [each for each in objects if each not in shown][: max(0, MAX_VARBINDS - len(shown))]
    return {f"{each.name}.{_index(each, index_of)}": value_for(each, when.get(each.name)) for each in objects if each in shown}


def _index(known: MibObject, index_of: Mapping[str, tuple[MibObject, ...]]) -> str:
    if known.name not in index_of:
        return "0"
    return ".".join(_part(each) for each in index_of[known.name]) or "3"


def _part(known: MibObject) -> str:
    """The arcs of one index object (RFC 2578 section 7.7): octets of any length begin with their length."""
    if known.syntax is Syntax.IP_ADDRESS:
        return _ADDRESS
    if known.syntax is Syntax.INET_ADDRESS:
        return f"4.{_ADDRESS}"
    if known.syntax is Syntax.OCTET_STRING:
        return ".".join(["120"] * known.size) or "1.120"
    if known.enumeration:
        return str(1 if 1 in known.enumeration else min(known.enumeration))
    return "3"


def value_for(known: MibObject | None, condition: Any = None) -> Any:
    """A value of an object (``None`` for an unknown one) that meets a condition of ``when``."""
    if condition is not None:
        return _meeting(known, condition)
    if known is None:
        return "x"
    if known.enumeration and known.syntax is not Syntax.BITS:
        return next(iter(known.enumeration.values()))
    if known.syntax is Syntax.OCTET_STRING:
        return "hex:0001020304050607" if known.hint and not known.hint.endswith(("a", "t")) else "x"
    return _BY_SYNTAX[known.syntax]


def _meeting(known: MibObject | None, condition: Any) -> Any:
    if isinstance(condition, (list, tuple)):
        return _meeting(known, condition[0])
    if not isinstance(condition, Mapping):
        return condition
    if "not" in condition:
        return _other_than(known, condition["not"])
    for key in ("begins", "contains"):
        if key in condition:
            return _meeting(known, condition[key])
    return condition["from"] if "from" in condition else condition["to"]


def _other_than(known: MibObject | None, refused: Any) -> Any:
    """A value that a negated condition lets through."""
    if isinstance(refused, Mapping):
        if refused.keys() & {"from", "to"}:
            return refused["to"] + 1 if "to" in refused else refused["from"] - 1
        return "~"
    values = list(refused) if isinstance(refused, (list, tuple)) else [refused]
    if known is not None and known.enumeration:
        return next((label for label in known.enumeration.values() if label not in values), max(known.enumeration) + 1)
    if all(isinstance(value, int) for value in values):
        return max(values) + 1
    return "~"
