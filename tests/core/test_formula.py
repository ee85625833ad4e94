"""A formula says little, its units fit, and it never raises while it works."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.formula import MOST_CHARACTERS, FormulaError, compiled, names_in
from pipeline.core.unit import UNITS, UnitError, described, unit

DIMENSIONS = {
    "octets": unit("octet").dimension,
    "speed": unit("Mbit/s").dimension,
    "celsius": unit("celsius").dimension,
    "power": unit("mW").dimension,
    "level": unit("dBm").dimension,
    "state": unit("state").dimension,
    "scale": unit("1").dimension,
}
COUNTERS = frozenset({"octets"})


def result(text: str, **inputs: list[float]) -> list[float]:
    """What a formula gives for these columns, in base units."""
    rows = max((len(values) for values in inputs.values()), default=1)
    formula = compiled(text, DIMENSIONS, COUNTERS, frozenset({"label"}))
    columns = {"rate(octets)" if name == "octets" else name: np.array(values) for name, values in inputs.items()}
    return formula(columns, rows).tolist()


@pytest.mark.parametrize(
    ("text", "inputs", "expected"),
    [
        ("rate(octets) / speed", {"octets": [5e8], "speed": [1e9]}, [0.5]),
        ("min(rate(octets) / speed, 1)", {"octets": [5e9], "speed": [1e9]}, [1.0]),
        ("1 - state", {"state": [1, 0]}, [0.0, 1.0]),
        ("-state + 3 * 2", {"state": [1]}, [5.0]),
        ("celsius > 70[celsius]", {"celsius": [71, 70, math.nan]}, [1.0, 0.0, math.nan]),
        ("where(state == 4, none, state == 1)", {"state": [4, 1, 2]}, [math.nan, 1.0, 0.0]),
        ("has(state) and state > 0", {"state": [1, 0]}, [1.0, 0.0]),
        ("not state or state == 2", {"state": [0, 2, 1]}, [1.0, 1.0, 0.0]),
        ("dbm(power)", {"power": [0.001, 0.0001, 0.0]}, [0.0, -10.0, math.nan]),
        ("scale * 10 ** -2", {"scale": [250]}, [2.5]),
        ("log10(scale)", {"scale": [1000, -1]}, [3.0, math.nan]),
        ("abs(level - max(level, -20[dBm]))", {"level": [-25]}, [5.0]),
        ("speed ** 2 / speed", {"speed": [4]}, [4.0]),
        ("7", {"state": [1, 1]}, [7.0, 7.0]),
        ("scale / 0", {"scale": [1]}, [math.nan]),
        ("max(level, 0)", {"level": [-3]}, [0.0]),  # zero fits every unit
    ],
)
def test_what_formulas_give(text: str, inputs: dict[str, list[float]], expected: list[float]) -> None:
    """Row by row, no value where an operand has none or the result is not finite."""
    np.testing.assert_allclose(result(text, **inputs), expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("octets", "write rate(octets)"),
        ("rate(speed)", "'speed' is not a counter"),
        ("rate(1)", "takes the name of a counter"),
        ("celsius + speed", "celsius and bit/s do not go together"),
        ("celsius > 70", "celsius and 1 do not go together"),
        ("where(state, celsius, speed)", "do not go together"),
        ("log10(speed)", "takes a plain number, not bit/s"),
        ("dbm(speed)", "takes a power, not bit/s"),
        ("speed ** scale", "small whole number"),
        ("scale ** speed", "an exponent is a plain number"),
        ("min(state)", "takes 2 values, not 1"),
        ("unknown", "'unknown' is not a column"),
        ("open(state)", "'open' is not a function"),
        ("state.real", "nothing that a formula may say"),
        ("[state]", "nothing that a formula may say"),
        ("lambda: 1", "nothing that a formula may say"),
        ("'text'", "nothing that a formula may say"),
        ("True", "nothing that a formula may say"),
        ("0 < state < 1", "nothing that a formula may say"),
        ("state % 2", "no operation of a formula"),
        ("state if state else 1", "nothing that a formula may say"),
        ("5[parsec]", "'parsec' is not a unit"),
        ("says(state, 'x')", "not a column of text"),
        ("says(label, '(')", "no regular expression"),
        ("says(label)", "a column of text and what to look for"),
        ("1 +", "is no formula"),
        ("(" * 300, "is no formula"),
        ("1 +" * MOST_CHARACTERS, f"at most {MOST_CHARACTERS}"),
    ],
)
def test_what_a_formula_must_not_say(text: str, told: str) -> None:
    """Each is refused in words; nothing but arithmetic is ever run."""
    with pytest.raises(FormulaError) as refusal:
        compiled(text, DIMENSIONS, COUNTERS, frozenset({"label"}))
    assert told in str(refusal.value)


def test_a_formula_knows_what_it_reads() -> None:
    """Columns, rates, and its result's dimension; units and functions are no columns."""
    formula = compiled("where(celsius > 70[celsius], rate(octets), 0)", DIMENSIONS, COUNTERS)
    assert (formula.columns, formula.rates, described(formula.dimension)) == ({"celsius"}, {"octets"}, "bit/s")
    assert formula.inputs == ("celsius", "rate(octets)")
    assert names_in("where(celsius > 70[celsius], rate(octets), none)") == {"celsius", "octets"}


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="abrstoe()+-*/.,0189[] <>=_'", max_size=60))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    """Nothing else comes out, whatever is written; and what compiles works for any numbers."""
    try:
        formula = compiled(text, DIMENSIONS, COUNTERS)
    except FormulaError:
        return
    columns = {name: np.array([0.0, math.nan, 1e308, -1.0]) for name in formula.inputs}
    assert formula(columns, 4).shape == (4,)


def test_units_have_dimensions_and_factors() -> None:
    """What people write is what is meant."""
    assert (unit("Mbit/s").factor, described(unit("Mbit/s").dimension)) == (1e6, "bit/s")
    assert unit("KiB").factor == 8192
    assert unit("percent").factor == 0.01
    assert described(unit("packet/s").dimension) == "packet/s"
    assert described(unit("Hz").dimension) == "1/s"
    assert all(unit(name).factor > 0 for name in UNITS)


@pytest.mark.parametrize("name", ["", "furlong", "bit/", "bit/s/s", "/s"])
def test_what_is_no_unit(name: str) -> None:
    """It is told by name."""
    with pytest.raises(UnitError):
        unit(name)
