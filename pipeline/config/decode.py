"""Nodes -> frozen dataclasses by their annotations: the one decoder. It reports every problem, not the first.

It knows text, numbers, booleans, Decimal, Path, Secret, enums, ``tuple[X, ...]``, ``dict[str, X]``, ``X | None``, nested dataclasses and
``Any``. An enum is written by its value, one that is a number by its name in kebab-case (``severity: major``); a moment as RFC 3339.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

from pipeline.config.moment import nanoseconds
from pipeline.config.problem import Level, Path_, Problem, Problems, did_you_mean, path_text
from pipeline.config.secret import Secret
from pipeline.config.secret_source import SecretError, find_secret
from pipeline.config.yaml_source import Fields, Items, Node, Scalar
from pipeline.core.inventory import Moment

T = TypeVar("T")
FAILED: Final = object()
"""What the inner functions answer for a value that has a problem; the problem is already told."""

_INT = re.compile(r"[+-]?[0-9](_?[0-9])*")
_FLOAT = re.compile(r"[+-]?([0-9](_?[0-9])*)?\.?[0-9]+([eE][+-]?[0-9]+)?")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_NULLS = frozenset({"", "~", "null"})
_BOOLEANS = {"true": True, "false": False}
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclasses.dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes the nodes of one file. ``file`` is the name told in problems; paths and secret files are relative to ``base``."""

    file: str
    base: Path
    problems: Problems
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def read(self, node: Node, target: type[T], path: Path_ = ()) -> T | None:
        """The value that ``node`` stands for, or ``None`` after telling what is wrong."""
        value = self._value(node, target, path)
        return None if value is FAILED else cast("T", value)

    def tell(self, node: Node | int, path: Path_, message: str, remedy: str = "", level: Level = Level.ERROR) -> None:
        """Report a problem at a node (or a line)."""
        line = node if isinstance(node, int) else node.line
        self.problems.add(Problem(self.file, line, path_text(path), message, remedy, level))

    def _fail(self, node: Node | int, path: Path_, message: str, remedy: str = "") -> Any:
        self.tell(node, path, message, remedy)
        return FAILED

    def _value(self, node: Node, target: Any, path: Path_) -> Any:
        if target is Any:
            return plain_value(node)
        if dataclasses.is_dataclass(target):
            return self._dataclass(node, cast("type[Any]", target), path)
        origin = typing.get_origin(target)
        if origin in {typing.Union, types.UnionType}:
            return self._optional(node, target, path)
        if origin is tuple:
            return self._tuple(node, typing.get_args(target)[0], path)
        if origin is dict:
            return self._dict(node, typing.get_args(target), path)
        return self._scalar(node, target, path)

    def _optional(self, node: Node, target: Any, path: Path_) -> Any:
        if isinstance(node, Scalar) and node.plain and node.text in _NULLS:
            return None
        inner = [member for member in typing.get_args(target) if member is not type(None)]
        return self._value(node, inner[0], path)

    def _tuple(self, node: Node, item: Any, path: Path_) -> Any:
        if not isinstance(node, Items):
            return self._fail(node, path, f"expected a list, found {describe(node)}", "write it as a list: [a, b]")
        values = [self._value(child, item, (*path, position)) for position, child in enumerate(node.items)]
        return FAILED if any(value is FAILED for value in values) else tuple(values)

    def _dict(self, node: Node, arguments: tuple[Any, ...], path: Path_) -> Any:
        if not isinstance(node, Fields):
            return self._fail(node, path, f"expected a mapping, found {describe(node)}", "write it as key: value")
        key_type, value_type = arguments
        keys = [self._value(Scalar(key, plain=True, line=node.lines[key]), key_type, (*path, key)) for key in node.fields]
        values = [self._value(child, value_type, (*path, key)) for key, child in node.fields.items()]
        return FAILED if any(part is FAILED for part in (*keys, *values)) else dict(zip(keys, values, strict=True))

    def _dataclass(self, node: Node, target: type[Any], path: Path_) -> Any:
        if isinstance(node, Scalar) and node.plain and node.text in _NULLS:
            node = Fields({}, {}, node.line)  # a heading with everything below it commented out: all defaults
        if not isinstance(node, Fields):
            return self._fail(node, path, f"expected a mapping, found {describe(node)}", "write it as key: value")
        shape = shape_of(target)
        missing = [name for name in shape.required if name not in node.fields]
        for name in missing:
            self.tell(node, path, f"'{name}' is missing", f"add {name}: …")
        unknown = [key for key in node.fields if key not in shape.types]
        for key in unknown:
            self.tell(node.lines[key], (*path, key), f"'{key}' is not a key here", did_you_mean(key, shape.types))
        values = {key: self._value(child, shape.types[key], (*path, key)) for key, child in node.fields.items() if key in shape.types}
        if missing or unknown or any(value is FAILED for value in values.values()):
            return FAILED
        try:
            return target(**{**dict.fromkeys(shape.absent), **values})
        except ValueError as error:
            return self._fail(node, path, str(error))

    def _scalar(self, node: Node, target: Any, path: Path_) -> Any:
        if not isinstance(node, Scalar):
            return self._fail(node, path, f"expected {_NAMES.get(target, 'one value')}, found {describe(node)}")
        if isinstance(target, type) and issubclass(target, Enum):
            return self._enum(node, target, path)
        if target is Secret:
            return self._secret(node, path)
        if target is Path:
            return self._path(node, path)
        try:
            return _READERS[target](node.text, plain=node.plain)
        except ValueError:
            remedy = _BOOLEAN_WORDS.get(node.text.lower()) if target is bool else None
            hint = f"did you mean '{remedy}'?" if remedy else _REMEDIES.get(target, "")
            return self._fail(node, path, f"{node.text!r} is not {_NAMES[target]}", hint)

    def _enum(self, node: Scalar, target: type[Enum], path: Path_) -> Any:
        words = words_of(target)
        if node.text in words:
            return words[node.text]
        return self._fail(node, path, f"{node.text!r} is not {_noun(target)}", did_you_mean(node.text, words))

    def _path(self, node: Scalar, path: Path_) -> Any:
        if not node.text or "\0" in node.text:
            return self._fail(node, path, "a path is missing", "name a file or folder")
        return (self.base / Path(node.text).expanduser()).resolve()

    def _secret(self, node: Scalar, path: Path_) -> Any:
        try:
            secret, warning = find_secret(node.text, self.base, self.environ)
        except SecretError as problem:
            return self._fail(node, path, problem.message, problem.remedy)
        if warning:
            self.tell(node, path, warning, "use env:NAME or file:PATH", Level.WARNING)
        return secret


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What a dataclass asks for: each field's type, which must be given, and which are ``None`` when left out without a default."""

    types: dict[str, Any]
    required: tuple[str, ...]
    absent: tuple[str, ...]


def shape_of(target: type[Any]) -> Shape:
    """The shape of a dataclass, annotations resolved."""
    return _shape_of(cast("Hashable", target))


@cache
def _shape_of(target: Hashable) -> Shape:
    dataclass = cast("type[Any]", target)
    hints = typing.get_type_hints(dataclass, include_extras=True)
    fields = [field for field in dataclasses.fields(dataclass) if field.init]
    nothing = dataclasses.MISSING
    undefaulted = [field.name for field in fields if field.default is nothing and field.default_factory is nothing]
    absent = tuple(name for name in undefaulted if type(None) in typing.get_args(hints[name]))
    required = tuple(name for name in undefaulted if name not in absent)
    return Shape({field.name: hints[field.name] for field in fields}, required, absent)


@cache
def words_of(target: type[Enum]) -> dict[str, Enum]:
    """How each member of an enum is written in YAML."""
    return {member.value if isinstance(member.value, str) else member.name.lower().replace("_", "-"): member for member in target}


def describe(node: Node) -> str:
    """What a node is, for a problem's text."""
    match node:
        case Items():
            return "a list"
        case Fields():
            return "a mapping"
        case _:
            return repr(node.text) if node.text else "nothing"


def plain_value(node: Node) -> Any:
    """A node as plain Python data by YAML 1.2's core rules: null, true/false, numbers, text, lists and dicts."""
    match node:
        case Items(items=items):
            return [plain_value(item) for item in items]
        case Fields(fields=fields):
            return {key: plain_value(value) for key, value in fields.items()}
        case _:
            return _plain_scalar(node)


def reader_of(target: Any) -> Callable[[str], Any] | None:
    """What reads a plain scalar as a type by the same rules, fast; it raises ``ValueError``. ``None`` for a type that is no scalar."""
    if typing.get_origin(target) in {typing.Union, types.UnionType}:
        (inner,) = (reader_of(member) for member in typing.get_args(target) if member is not type(None))
        return None if inner is None else lambda text: None if text in _NULLS else inner(text)
    if isinstance(target, type) and issubclass(target, Enum):
        return partial(_read_word, words_of(target))
    read = _READERS.get(target)
    return None if read is None else partial(read, plain=True)


def _read_word(words: Mapping[str, Enum], text: str) -> Enum:
    if text not in words:
        raise ValueError(text)
    return words[text]


def _plain_scalar(node: Scalar) -> Any:
    if not node.plain:
        return node.text
    if node.text in _NULLS:
        return None
    if node.text in _BOOLEANS:
        return _BOOLEANS[node.text]
    for reader in (_read_int, _read_float):
        try:
            return reader(node.text, plain=True)
        except ValueError:
            continue
    return node.text


def _read_text(text: str, *, plain: bool) -> str:
    if plain and text in _NULLS:
        raise ValueError(text)
    return text


def _read_int(text: str, *, plain: bool) -> int:
    if not (plain and _INT.fullmatch(text) and len(text) <= _MAX_DIGITS):
        raise ValueError(text)
    return int(text)


def _read_float(text: str, *, plain: bool) -> float:
    if not (plain and _FLOAT.fullmatch(text) and len(text) <= _MAX_DIGITS):
        raise ValueError(text)
    return float(text)


def _read_bool(text: str, *, plain: bool) -> bool:
    if not (plain and text in _BOOLEANS):
        raise ValueError(text)
    return _BOOLEANS[text]


def _read_decimal(text: str, *, plain: bool) -> Decimal:  # noqa: ARG001  # quotes around a decimal mean nothing
    if not (_DECIMAL.fullmatch(text) and len(text) <= _MAX_DIGITS):
        raise ValueError(text)
    return Decimal(text)


def _read_moment(text: str, *, plain: bool) -> int:
    return 0 if plain and text in _NULLS else nanoseconds(text)


def _noun(target: type[Enum]) -> str:
    noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", target.__name__).lower()
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


_MAX_DIGITS = 40


class _Reader(Protocol):
    """Reads the text of a scalar; raises ``ValueError``."""

    def __call__(self, text: str, *, plain: bool) -> Any: ...


_READERS: dict[Any, _Reader] = {
    str: _read_text,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    Decimal: _read_decimal,
    Moment: _read_moment,
}
_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Decimal: "a decimal number",
    Secret: "a secret",
    Path: "a path",
    Moment: "a time with its offset",
}
_REMEDIES: dict[Any, str] = {
    str: "write the text, in quotes if need be",
    int: "write it in digits, without quotes",
    float: "write it in digits, without quotes",
    Decimal: "write it in digits: 12.50",
    Moment: "write it as 2026-11-23T01:00:00Z",
}
