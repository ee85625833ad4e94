"""Configuration answers all at once: every problem with file, line, path and remedy; good values come out typed and exact."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.decode import Decoder
from pipeline.config.problem import ConfigError, Problems
from pipeline.config.secret import Secret
from pipeline.config.yaml_source import parse_yaml
from pipeline.core.event import Severity, Signal


@dataclass(frozen=True, slots=True)
class _Port:
    name: str
    index: int

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError("an index is never negative")


@dataclass(frozen=True, slots=True)
class _Thing:
    name: str
    severity: Severity = Severity.MINOR
    signal: Signal = Signal.NOTIFY
    price: Decimal = Decimal(0)
    share: float = 0.0
    ready: bool = False
    ports: tuple[_Port, ...] = ()
    labels: dict[int, str] = field(default_factory=dict)
    nick: str | None = None
    place: Path | None = None
    secret: Secret = field(default_factory=Secret)
    anything: Any = None


@dataclass(frozen=True, slots=True)
class _Inner:
    x: int = 3


@dataclass(frozen=True, slots=True)
class _Outer:
    inner: _Inner


def _decode(text: str, environ: dict[str, str] | None = None, base: Path = Path("/base")) -> tuple[_Thing | None, list[str]]:
    problems = Problems()
    decoder = Decoder("t.yaml", base, problems, environ or {})
    value = decoder.read(parse_yaml(text, "t.yaml"), _Thing)
    return value, [str(problem) for problem in (*problems.errors, *problems.warnings)]


def test_a_good_mapping_becomes_its_dataclass() -> None:
    value, told = _decode(
        "name: 5\nseverity: major\nsignal: raise\nprice: 1200.10\nshare: 1e-3\nready: true\n"
        "ports: [{name: a, index: 1_000}]\nlabels: {1: up}\nnick: ~\nplace: sub/x\nanything: {a: [1, no]}\n"
    )
    assert told == []
    assert value == _Thing(
        name="5",
        severity=Severity.MAJOR,
        signal=Signal.RAISE,
        price=Decimal("1200.10"),
        share=0.001,
        ready=True,
        ports=(_Port("a", 1000),),
        labels={1: "up"},
        place=Path("/base/sub/x"),
        anything={"a": [1, "no"]},
    )


def test_every_problem_is_told_at_once_with_line_path_and_remedy() -> None:
    value, told = _decode("severity: majr\nready: yes\nprice: lots\nports:\n  - {name: a, index: one}\n  - {nme: b, index: 2}\nnick: [x]\n")
    assert value is None
    assert sorted(told) == sorted(
        [
            "t.yaml:1: $.severity: 'majr' is not a severity; did you mean 'major'?",
            "t.yaml:1: $: 'name' is missing; add name: …",
            "t.yaml:2: $.ready: 'yes' is not true or false; did you mean 'true'?",
            "t.yaml:3: $.price: 'lots' is not a decimal number; write it in digits: 12.50",
            "t.yaml:5: $.ports[0].index: 'one' is not a whole number; write it in digits, without quotes",
            "t.yaml:6: $.ports[1]: 'name' is missing; add name: …",
            "t.yaml:6: $.ports[1].nme: 'nme' is not a key here; did you mean 'name'?",
            "t.yaml:7: $.nick: expected text, found a list",
        ]
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: a\nports: {a: 1}", "$.ports: expected a list, found a mapping; write it as a list: [a, b]"),
        ("name: a\nlabels: [1]", "$.labels: expected a mapping, found a list; write it as key: value"),
        ("name: a\nlabels: {one: x}", "$.labels.one: 'one' is not a whole number"),
        ("name: ''\nshare: .inf", "$.share: '.inf' is not a number"),
        ("name: ~", "$.name: '~' is not text"),
        ("name: a\nports: [{name: x, index: -1}]", "$.ports[0]: an index is never negative"),
        ("name: a\nports: ['5']", "$.ports[0]: expected a mapping, found '5'"),
        ("name: a\nports: [{name: x, index: '5'}]", "$.ports[0].index: '5' is not a whole number"),
        ("name: a\nshare: " + "9" * 50, "is not a number"),
        ("- a", "$: expected a mapping, found a list"),
    ],
)
def test_a_wrong_value_is_told(text: str, says: str) -> None:
    value, told = _decode(text)
    assert value is None
    assert says in told[0]


def test_a_heading_with_all_below_it_commented_out_means_the_defaults() -> None:
    value = Decoder("t", Path(), Problems()).read(parse_yaml("inner:\n  # x: 4\n", "t"), _Outer)
    assert value == _Outer(_Inner(3))


@given(st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False, allow_infinity=False))
def test_money_is_read_exactly(amount: Decimal) -> None:
    value, _ = _decode(f"name: a\nprice: {amount}")
    assert value is not None
    assert value.price == amount


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused_never_a_crash(text: str) -> None:
    try:
        value, told = _decode(text)
    except ConfigError as error:
        value, told = None, [str(problem) for problem in error.problems]
    assert (value is None) == bool(told)


def test_a_secret_comes_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("from-file\n")
    (tmp_path / "s").chmod(0o600)
    from_env, told = _decode("name: a\nsecret: env:TOKEN", {"TOKEN": "from-env"})
    assert from_env is not None
    assert (from_env.secret.reveal(), told) == ("from-env", [])
    from_file, told = _decode("name: a\nsecret: file:s", base=tmp_path)
    assert from_file is not None
    assert (from_file.secret.reveal(), told) == ("from-file", [])


def test_a_secret_in_clear_text_is_taken_with_a_warning_that_does_not_repeat_it() -> None:
    value, told = _decode("name: a\nsecret: hunter2")
    assert value is not None
    assert value.secret.reveal() == "hunter2"
    assert told == ["t.yaml:2: $.secret: warning: a secret stands here in clear text; use env:NAME or file:PATH"]
    assert "hunter2" not in repr(value)


@pytest.mark.parametrize(("mode", "says"), [(0o644, "others can read"), (0o640, "chmod 600")])
def test_a_secret_file_that_others_can_read_is_refused(tmp_path: Path, mode: int, says: str) -> None:
    (tmp_path / "s").write_text("x")
    (tmp_path / "s").chmod(mode)
    value, told = _decode("name: a\nsecret: file:s", base=tmp_path)
    assert value is None
    assert says in told[0]


def test_a_secret_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "the environment has no NOPE; export NOPE=" in _decode("name: a\nsecret: env:NOPE")[1][0]
    assert "cannot be read: No such file" in _decode("name: a\nsecret: file:nope", base=tmp_path)[1][0]
    assert "is not a small regular file" in _decode("name: a\nsecret: file:.", base=tmp_path)[1][0]
