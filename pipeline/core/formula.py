"""Formulas over the columns of a table, worked on for all rows at once. What a formula may say is small, and its units are checked.

Written as in a spreadsheet: ``min(rate(in_octets) / speed, 1)``. Numbers, columns, ``+ - * / **``, comparisons, ``and, or, not``, the
functions of :data:`FUNCTIONS`, and ``none`` for no value. A number with a unit is ``70[celsius]``. ``rate(column)`` is a counter's step a
second; ``says(column, "rx|receive")`` is 1 where a text has what the regular expression finds, in whichever case. Where an operand has no
value, the result has none.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from pipeline.core.column import Floats
from pipeline.core.unit import PLAIN, Dimension, UnitError, described, divided, multiplied, unit

MOST_CHARACTERS = 500

RATE = "rate"
SAYS = "says"
NONE = "none"

Inputs = Mapping[str, Floats]
"""Columns by name, rates of counters by ``rate(name)``, and what texts say by :func:`says_key`: one array each, all of one length, in base
units."""

Run = Callable[[Inputs], Any]


class FormulaError(ValueError):
    """What is wrong with a formula, in words."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A compiled formula. ``columns`` and ``rates`` are what it reads; ``dimension`` is that of its result, in base units.

    ``says`` are the texts that it looks into, each with what it looks for.
    """

    text: str
    columns: frozenset[str]
    rates: frozenset[str]
    dimension: Dimension
    run: Run
    says: frozenset[tuple[str, str]] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every column that it needs."""
        return self.columns | self.rates

    @property
    def inputs(self) -> tuple[str, ...]:
        """The keys of :data:`Inputs` that it reads."""
        return (*sorted(self.columns), *sorted(map(rate_key, self.rates)))

    def __call__(self, inputs: Inputs, rows: int) -> Floats:
        """The result for each of ``rows`` rows, NaN where there is none; what is not finite is none."""
        with np.errstate(all="ignore"):
            result = np.asarray(self.run(inputs), np.float64)
        if result.ndim == 0:
            result = np.full(rows, float(result))
        return result if np.isfinite(result).all() else np.where(np.isfinite(result), result, np.nan)


def rate_key(name: str) -> str:
    """The key of a counter's rate among the inputs."""
    return f"{RATE}({name})"


def says_key(name: str, pattern: str) -> str:
    """The key, among the inputs, of whether a text has what a pattern finds."""
    return f"{SAYS}({name}, {pattern!r})"


def compiled(
    text: str, dimensions: Mapping[str, Dimension], counters: frozenset[str] = frozenset(), texts: frozenset[str] = frozenset()
) -> Formula:
    """Compile a formula over columns of these dimensions, of which ``counters`` have rates, and ``texts``. Raises :class:`FormulaError`.

    A counter's own value says nothing by itself, and cannot be read but by ``rate``.
    """
    tree = _parsed(text)
    compiler = _Compiler(dimensions, counters, texts)
    try:
        part = compiler.part(tree)
    except UnitError as error:
        raise FormulaError(str(error)) from error
    return Formula(text, frozenset(compiler.columns), frozenset(compiler.rates), part.dimension, part.run, frozenset(compiler.says))


def names_in(text: str) -> frozenset[str]:
    """The columns that a formula names, counters included. Raises :class:`FormulaError` for text that is none."""
    found = set()
    pending: list[ast.AST] = [_parsed(text)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Subscript):
            continue  # its names are units
        called = [node.func] if isinstance(node, ast.Call) else []
        if isinstance(node, ast.Name) and node.id != NONE:
            found.add(node.id)
        pending += [child for child in ast.iter_child_nodes(node) if child not in called]
    return frozenset(found)


def _parsed(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise FormulaError(f"{len(text)} characters, at most {MOST_CHARACTERS} are taken")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(f"'{text[:40]}' is no formula") from error


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a formula; ``literal`` is its value when it is a plain number (zero fits every unit, and a power must be one)."""

    dimension: Dimension
    run: Run
    literal: float | None = None


_SAME: dict[type[ast.AST], Callable[[Any, Any], Any]] = {ast.Add: operator.add, ast.Sub: operator.sub}
_COMPARED: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS = (RATE, SAYS, "abs", "min", "max", "log10", "dbm", "where", "has")
"""``dbm(power)`` is a power as a level in dBm; ``where(condition, a, b)`` is a or b; ``has(column)`` is 1 where there is a value."""

_MOST_POWER = 8


class _Compiler:
    """Turns a syntax tree into a function, noting what it reads. Raises :class:`FormulaError` on all that is not named here."""

    def __init__(self, dimensions: Mapping[str, Dimension], counters: frozenset[str], texts: frozenset[str]) -> None:
        self._dimensions = dimensions
        self._counters = counters
        self._texts = texts
        self.says: set[tuple[str, str]] = set()
        self.columns: set[str] = set()
        self.rates: set[str] = set()

    def part(self, node: ast.AST) -> _Part:  # noqa: PLR0911  # one line for each thing that a formula may say
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return _constant(float(value))
            case ast.Subscript(value=ast.Constant(value=int() | float() as value), slice=inner) if not isinstance(value, bool):
                found = unit(ast.unparse(inner).replace(" ", ""))
                return _Part(found.dimension, _always(value * found.factor))
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner_part = self.part(operand)
                literal = None if inner_part.literal is None else -inner_part.literal
                return _Part(inner_part.dimension, lambda inputs: -inner_part.run(inputs), literal)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _logical([self.part(operand)], lambda values: 1.0 - _truth(values[0]))
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(self.part(left), op, self.part(right))
            case ast.BoolOp(op=op, values=values):
                chosen = np.fmin if isinstance(op, ast.And) else np.fmax
                return _logical([self.part(value) for value in values], lambda found: reduce(chosen, map(_truth, found)))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
                one, other = self.part(left), self.part(right)
                _agree(one, other)
                return _logical([one, other], _compare(_COMPARED[type(op)]))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args)
            case _:
                raise FormulaError(f"'{ast.unparse(node)}' is nothing that a formula may say")

    def _name(self, name: str) -> _Part:
        if name == NONE:
            return _Part(PLAIN, _always(np.nan), 0.0)
        if name not in self._dimensions:
            raise FormulaError(f"'{name}' is not a column")
        if name in self._counters:
            raise FormulaError(f"'{name}' is a counter: write rate({name})")
        self.columns.add(name)
        return _Part(self._dimensions[name], lambda inputs: inputs[name])

    def _binary(self, one: _Part, op: ast.operator, other: _Part) -> _Part:
        if type(op) in _SAME:
            work = _SAME[type(op)]
            return _Part(_agree(one, other), lambda inputs: work(one.run(inputs), other.run(inputs)))
        match op:
            case ast.Mult():
                return _Part(multiplied(one.dimension, other.dimension), lambda inputs: one.run(inputs) * other.run(inputs))
            case ast.Div():
                return _Part(divided(one.dimension, other.dimension), lambda inputs: np.divide(one.run(inputs), other.run(inputs)))
            case ast.Pow():
                return _power(one, other)
            case _:
                raise FormulaError(f"'{type(op).__name__}' is no operation of a formula")

    def _call(self, name: str, args: list[ast.expr]) -> _Part:
        if name == RATE:
            return self._rate(args)
        if name == SAYS:
            return self._says(args)
        if name not in FUNCTIONS:
            raise FormulaError(f"'{name}' is not a function; there are {', '.join(FUNCTIONS)}")
        parts = [self.part(arg) for arg in args]
        wanted = {"min": 2, "max": 2, "where": 3}.get(name, 1)
        if len(parts) != wanted:
            raise FormulaError(f"{name}() takes {wanted} values, not {len(parts)}")
        return _function(name, parts)

    def _rate(self, args: list[ast.expr]) -> _Part:
        match args:
            case [ast.Name(id=name)] if name in self._counters:
                self.rates.add(name)
                key = rate_key(name)
                return _Part(divided(self._dimensions[name], unit("s").dimension), lambda inputs: inputs[key])
            case [ast.Name(id=name)]:
                raise FormulaError(f"'{name}' is not a counter: rate() takes one")
            case _:
                raise FormulaError("rate() takes the name of a counter")

    def _says(self, args: list[ast.expr]) -> _Part:
        match args:
            case [ast.Name(id=name), ast.Constant(value=str() as pattern)] if name in self._texts:
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise FormulaError(f"'{pattern}' is no regular expression: {error}") from error
                self.says.add((name, pattern))
                key = says_key(name, pattern)
                return _Part(PLAIN, lambda inputs: inputs[key])
            case [ast.Name(id=name), ast.Constant(value=str())]:
                raise FormulaError(f"'{name}' is not a column of text: says() takes one")
            case _:
                raise FormulaError('says() takes a column of text and what to look for: says(sensor, "rx")')


def _function(name: str, parts: list[_Part]) -> _Part:
    first = parts[0]
    match name:
        case "abs":
            return _Part(first.dimension, lambda inputs: np.abs(first.run(inputs)))
        case "log10":
            if first.dimension != PLAIN:
                raise FormulaError(f"log10() takes a plain number, not {described(first.dimension)}")
            return _Part(PLAIN, lambda inputs: np.log10(first.run(inputs)))
        case "dbm":
            if first.dimension != unit("W").dimension:
                raise FormulaError(f"dbm() takes a power, not {described(first.dimension)}")
            return _Part(unit("dBm").dimension, lambda inputs: 10 * np.log10(first.run(inputs) * 1e3))
        case "has":
            return _Part(PLAIN, lambda inputs: 1.0 - np.isnan(np.asarray(first.run(inputs), np.float64)))
        case "where":
            condition, yes, no = parts
            return _Part(_agree(yes, no), lambda inputs: _chosen(condition.run(inputs), yes.run(inputs), no.run(inputs)))
        case _:
            work = np.minimum if name == "min" else np.maximum
            other = parts[1]
            return _Part(_agree(first, other), lambda inputs: work(first.run(inputs), other.run(inputs)))


def _constant(value: float) -> _Part:
    return _Part(PLAIN, _always(value), value)


def _always(value: float) -> Run:
    return lambda _: value


def _truth(value: Any) -> Any:
    """1 for what is true, 0 for what is not, no value for none."""
    known = np.asarray(value, np.float64)
    return np.where(np.isnan(known), np.nan, known != 0)


def _chosen(condition: Any, yes: Any, no: Any) -> Any:
    truth = _truth(condition)
    return np.where(np.isnan(truth), np.nan, np.where(truth == 1, yes, no))


def _compare(work: Callable[[Any, Any], Any]) -> Callable[[list[Any]], Any]:
    def compare(values: list[Any]) -> Any:
        one, other = (np.asarray(value, np.float64) for value in values)
        return np.where(np.isnan(one) | np.isnan(other), np.nan, work(one, other))

    return compare


def _logical(parts: list[_Part], work: Callable[[list[Any]], Any]) -> _Part:
    return _Part(PLAIN, lambda inputs: work([part.run(inputs) for part in parts]))


def _agree(one: _Part, other: _Part) -> Dimension:
    """The dimension that two sides share; zero and no value fit every one."""
    if one.dimension == other.dimension or other.literal == 0:
        return one.dimension
    if one.literal == 0:
        return other.dimension
    raise FormulaError(f"{described(one.dimension)} and {described(other.dimension)} do not go together")


def _power(one: _Part, other: _Part) -> _Part:
    if other.dimension != PLAIN:
        raise FormulaError(f"an exponent is a plain number, not {described(other.dimension)}")
    if one.dimension == PLAIN:
        return _Part(PLAIN, lambda inputs: np.power(np.asarray(one.run(inputs), np.float64), other.run(inputs)))
    if other.literal is None or other.literal % 1 or abs(other.literal) > _MOST_POWER:
        raise FormulaError(f"{described(one.dimension)} can be raised to a small whole number only")
    times = int(other.literal)
    return _Part(multiplied(PLAIN, one.dimension, times), lambda inputs: np.power(one.run(inputs), float(times)))
