"""The MIB index on disk: the same knowledge gives the same bytes, and what is no index is refused with the remedy."""

from pathlib import Path

import pytest

from pipeline.config.mib_file import index_text, load_facts, load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.core.mib import MibIndex, MibNotification, MibObject, Syntax

INDEX = MibIndex.of(
    [MibObject("b", "1.3.10", Syntax.INTEGER, "M", {2: "two", -1: "minus"}, "d-1", "V"), MibObject("a", "1.3.9", Syntax.BITS, "M")],
    [MibNotification("n", "1.3.1", "M", ("a", "b"))],
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(index_text(INDEX))
    assert index_text(load_mib_index(tmp_path)) == index_text(INDEX)
    assert load_mib_index(tmp_path / "index.json").objects == INDEX.objects
    assert index_text(INDEX).index('"1.3.9"') < index_text(INDEX).index('"1.3.10"')


def test_of_several_indexes_the_first_holds(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(index_text(MibIndex.of([MibObject("mine", "1.3.9", Syntax.INTEGER, "X")])))
    (tmp_path / "index.json").write_text(index_text(INDEX))
    merged = load_mib_index(tmp_path / "mine.json", tmp_path)
    assert merged.objects["1.3.9"].name == "mine"
    assert merged.oid_of("n") == "1.3.1"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2}', '{"format": 1}', '{"format": 1, "objects": [{"name": 1}], "notifications": []}']
)
def test_what_is_no_index_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ConfigError, match="write it again, as"):
        load_mib_index(tmp_path)


def test_a_mistake_in_the_facts_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("modules:\n  M:\n    objects:\n      - {name: a, oid: 1.3, syntax: integr}\n")
    with pytest.raises(
        ConfigError, match=r"s.yaml:4: \$.modules.M.objects\[0\].syntax: 'integr' is not a syntax; did you mean 'integer'\?"
    ):
        load_facts(tmp_path / "s.yaml")
