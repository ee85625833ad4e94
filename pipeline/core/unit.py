"""Units of what is measured: a dimension and a factor, enough to refuse a formula that adds octets to seconds.

Values are worked on in the base unit of their dimension, so that no formula needs a factor of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Dimension = tuple[tuple[str, int], ...]
"""Base units with their exponents, sorted by name: bits a second is ``(("bit", 1), ("s", -1))``."""

PLAIN: Dimension = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it is written; a value times ``factor`` is in the base units of ``dimension``."""

    name: str
    factor: float
    dimension: Dimension


class UnitError(ValueError):
    """A unit that is not known; the text names it."""


_BASE: Mapping[str, tuple[float, Dimension]] = {
    "1": (1.0, PLAIN),
    "share": (1.0, PLAIN),
    "percent": (0.01, PLAIN),
    "state": (1.0, PLAIN),
    "bit": (1.0, (("bit", 1),)),
    "kbit": (1e3, (("bit", 1),)),
    "Mbit": (1e6, (("bit", 1),)),
    "Gbit": (1e9, (("bit", 1),)),
    "octet": (8.0, (("bit", 1),)),
    "byte": (8.0, (("bit", 1),)),
    "kB": (8e3, (("bit", 1),)),
    "KiB": (8 * 1024.0, (("bit", 1),)),
    "MB": (8e6, (("bit", 1),)),
    "MiB": (8 * 1024.0**2, (("bit", 1),)),
    "packet": (1.0, (("packet", 1),)),
    "s": (1.0, (("s", 1),)),
    "ms": (1e-3, (("s", 1),)),
    "us": (1e-6, (("s", 1),)),
    "tick": (0.01, (("s", 1),)),
    "celsius": (1.0, (("celsius", 1),)),
    "dBm": (1.0, (("dB", 1),)),
    "dB": (1.0, (("dB", 1),)),
    "A": (1.0, (("A", 1),)),
    "mA": (1e-3, (("A", 1),)),
    "V": (1.0, (("V", 1),)),
    "mV": (1e-3, (("V", 1),)),
    "W": (1.0, (("W", 1),)),
    "mW": (1e-3, (("W", 1),)),
    "uW": (1e-6, (("W", 1),)),
    "rpm": (1.0, (("rpm", 1),)),
    "Hz": (1.0, (("s", -1),)),
}
"""A tick is a hundredth of a second (RFC 2578 TimeTicks). dBm and dB are of one dimension: a difference of levels is a ratio."""

UNITS = tuple(_BASE)
"""The names that a unit may be made of, ``a`` or ``a/b``."""


def unit(name: str) -> Unit:
    """A unit by name: one of :data:`UNITS`, or two of them parted by a slash. Raises :class:`UnitError`."""
    above, slash, below = name.partition("/")
    for part in (above, below) if slash else (above,):
        if part not in _BASE:
            raise UnitError(f"'{part}' is not a unit")
    factor, dimension = _BASE[above]
    if slash:
        factor, dimension = factor / _BASE[below][0], divided(dimension, _BASE[below][1])
    return Unit(name, factor, dimension)


def multiplied(one: Dimension, other: Dimension, times: int = 1) -> Dimension:
    """The dimension of a product; ``other`` counts ``times``."""
    exponents = dict(one)
    for base, exponent in other:
        exponents[base] = exponents.get(base, 0) + times * exponent
    return tuple(sorted((base, exponent) for base, exponent in exponents.items() if exponent))


def divided(one: Dimension, other: Dimension) -> Dimension:
    """The dimension of a quotient."""
    return multiplied(one, other, -1)


def described(dimension: Dimension) -> str:
    """A dimension for people: ``bit/s``, ``1`` for a plain number."""

    def product(sign: int) -> str:
        return "*".join(base if abs(power) == 1 else f"{base}^{abs(power)}" for base, power in dimension if power * sign > 0)

    above, below = product(1), product(-1)
    return f"{above or '1'}/{below}" if below else above or "1"
