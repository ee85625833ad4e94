"""Others' regular expressions are read, never run: those that stand for a few texts become these texts."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.drafting.pattern import MAX_TEXTS, NotAFewTextsError, Texts, texts_of


@pytest.mark.parametrize(
    ("expression", "whole", "texts"),
    [
        ("down", True, Texts(("down",))),
        ("down", False, Texts(("down",), open_start=True, open_end=True)),
        ("^(down|lowerLayerDown)$", False, Texts(("down", "lowerLayerDown"))),
        ("[2-47]", True, Texts(("2", "3", "4", "7"))),
        ("a?b", True, Texts(("b", "ab"))),
        (".*fan.*", True, Texts(("fan",), open_start=True, open_end=True)),
        (r"1\.3", True, Texts(("1.3",))),
        (r"(?:x|y)\d", True, Texts(tuple(f"{letter}{digit}" for letter in "xy" for digit in range(10)))),
    ],
)
def test_what_stands_for_a_few_texts_becomes_these(expression: str, whole: bool, texts: Texts) -> None:
    assert texts_of(expression, whole=whole) == texts


@pytest.mark.parametrize(
    "expression", ["a+", "(a|b", "a.b", "[^a]", "(?i)a", r"\w", "x{3}", "(a?){30}", "(((((((((a)))))))))", "a" * 301, ""]
)
def test_what_does_not_is_refused_with_a_reason(expression: str) -> None:
    with pytest.raises(NotAFewTextsError) as caught:
        texts_of(expression, whole=True)
    assert str(caught.value)


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # Python's engine on [[, which is not ours to judge
@settings(max_examples=300)
@given(st.text(alphabet=r"ab1|()[]?.*\d^$-", max_size=14))
def test_the_texts_are_texts_that_the_expression_matches(expression: str) -> None:
    """Held to Python's own engine, on short expressions that it can be trusted with."""
    try:
        found = texts_of(expression, whole=True)
        compiled = re.compile(expression)
    except (NotAFewTextsError, re.error):
        return
    assert len(found.texts) <= MAX_TEXTS
    assert all(compiled.fullmatch(text) for text in found.texts)
