"""Configuration text is read safely: no surprises of YAML 1.1, no tags, bounded size, and every node knows its line."""

import pytest

from pipeline.config import yaml_source
from pipeline.config.decode import plain_value
from pipeline.config.problem import ConfigError
from pipeline.config.yaml_source import Fields, Items, Scalar, parse_yaml


def _refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "file.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),  # a country, not a boolean
        ("on", "on"),
        ("22:30", "22:30"),  # a time, not 1350
        ("010", 10),  # ten, not eight
        ("0x10", "0x10"),
        ("1.10", 1.1),
        ("'5'", "5"),
        ("~", None),
        ("true", True),
        ("2026-11-23", "2026-11-23"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("", {}),
    ],
)
def test_plain_values_follow_yaml_1_2(text: str, value: object) -> None:
    assert plain_value(parse_yaml(text, "f")) == value


def test_every_node_knows_its_line() -> None:
    root = parse_yaml("a: 1\nb:\n  - x\n  - y: z\n", "f")
    assert isinstance(root, Fields)
    assert root.lines == {"a": 1, "b": 2}
    items = root.fields["b"]
    assert isinstance(items, Items)
    assert [item.line for item in items.items] == [3, 4]


def test_scalars_keep_the_text_that_was_written() -> None:
    assert parse_yaml("1200.00", "f") == Scalar("1200.00", plain=True, line=1)


def test_an_anchor_is_its_value_wherever_it_is_named() -> None:
    assert plain_value(parse_yaml("a: &x [1, 2]\nb: *x\n", "f")) == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", "file.yaml:2: $: the key 'a' stands twice, first on line 1; keep one of them"),
        (
            "a: !!python/object/apply:os.system [id]\n",
            "file.yaml:1: $: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed",
        ),
        ("a: !!int '5'\n", "the tag tag:yaml.org,2002:int is not allowed"),
        ("a: 1\n---\nb: 2\n", "a second document begins here"),
        ("[a]: 1\n", "a key must be a single word"),
        ("a: [1\nb: 2\n", "not valid YAML"),
        ("a: *nowhere\n", "the alias *nowhere stands before its anchor"),
        ("a: &a [*a]\n", "the alias *a stands before its anchor, or inside it"),
        ("[" * 40 + "]" * 40, "nested deeper than 32 levels"),
        ("a: \x07\n", "not valid YAML"),
    ],
)
def test_what_is_refused_is_told_with_its_line_and_remedy(text: str, says: str) -> None:
    assert says in _refusal(text)


def test_a_billion_laughs_are_refused_before_they_are_laughed() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]" for before, after in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "after expanding aliases" in _refusal("\n".join(lines)) or "aliases; write" in _refusal("\n".join(lines))


def test_values_after_expansion_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "MAX_NODES", 50)
    assert "more than 50 values after expanding aliases" in _refusal("a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\nb: [*a, *a, *a, *a, *a]\n")


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_source, "MAX_BYTES", 10)
    assert "larger than 10 bytes" in _refusal("a: 123456789")
