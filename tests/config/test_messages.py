"""Customers' messages as data: what is refused, with its place and remedy, and what a template cannot reach."""

from pathlib import Path

import pytest

from pipeline.config.message_check import load_messages
from pipeline.config.message_form import MessageFile, Template
from pipeline.config.message_template import TemplateFailedError, fill
from pipeline.config.problem import ConfigError
from pipeline.resources import data_dir

RULES = data_dir("rules")


def language(text: str) -> MessageFile:
    return MessageFile("en", {"first": Template("Hello", text)}, {}, {}, ())


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.upper() }}",
        "{{ services.append(1) }}",
        "{{ cycler }}",
        "{{ range(10) }}",
        "{% include 'secrets' %}",
        "{{ nowhere }}",
        "{{ customer",
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(text: str) -> None:
    """No attribute, no call, no file; a mistake is told and nothing half filled goes out."""
    with pytest.raises(TemplateFailedError, match="message 'first' in en"):
        fill(language(text), "first", {"customer": "Acme", "services": []})


def test_values_loops_and_filters_are_enough() -> None:
    text = "{% for one in services %}{{ one.name | upper }}: {{ one['state'] }}\n{% endfor %}"
    assert fill(language(text), "first", {"services": [{"name": "a", "state": "down"}]}) == ("Hello", "A: down\n")


def wrong(folder: Path, **texts: str) -> str:
    for name, text in texts.items():
        path = folder / ("notices.yaml" if name == "notices" else f"messages/{name}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_messages(folder)
    return str(refused.value)


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    english = (
        (RULES / "messages" / "en.yaml")
        .read_text()
        .replace("{{ since }}", "{{ sinse }}", 1)
        .replace("  other: a fault in our network\n", "")
    )
    rules = (RULES / "notices.yaml").read_text().replace("after_min: 5", "after_min: -5").replace("most_per_hour: 6", "most_per_hour: 0")
    told = wrong(tmp_path, notices=rules, en=english)
    assert "'sinse' is undefined" in told
    assert "no words for other causes" in told
    assert "-5 min is less than nothing" in told
    assert "0 messages" in told


def test_a_message_that_is_missing_is_told(tmp_path: Path) -> None:
    english = (RULES / "messages" / "en.yaml").read_text().replace("  restored:\n    subject", "  repaired:\n    subject")
    told = wrong(tmp_path, en=english)
    assert "the message 'restored' is missing" in told
    assert "'repaired' is no message" in told


def test_a_folder_without_any_tells_nobody(tmp_path: Path) -> None:
    found = load_messages(tmp_path)
    assert found.notices.rules == ()
    assert found.languages == {}
