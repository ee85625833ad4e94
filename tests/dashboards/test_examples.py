"""The example questions run as the reader, over the same story, and each has an answer."""

import re

import pytest

from pipeline.store.client import Connection, StoreError
from tests.support.panels import ROOT

TEXT = (ROOT / "examples.sql").read_text()
EXAMPLES = {match[1]: match[2] for match in re.finditer(r"^-- (.+\n)\s*((?:SELECT|WITH)[\s\S]+?);$", TEXT, re.MULTILINE)}


def test_there_are_examples_and_all_are_found() -> None:
    """At least twenty, each with its question before it."""
    assert len(EXAMPLES) == TEXT.count(";\n") >= 20
    assert all("?" in question or question.strip().endswith(".") for question in EXAMPLES)


@pytest.mark.parametrize("question", EXAMPLES, ids=lambda question: re.sub(r"\W+", "-", question).strip("-").lower()[:60])
def test_each_example_has_an_answer(viewer: Connection, question: str) -> None:
    """An example that finds nothing in a full story asks the wrong thing."""
    assert viewer.rows(EXAMPLES[question])


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO receipt (key) VALUES ('x')",
        "DROP TABLE trap",
        "ALTER TABLE outage DELETE WHERE 1",
        "SELECT * FROM file('/etc/passwd', 'LineAsString', 'line String')",
        "SELECT * FROM url('http://127.0.0.1/', 'LineAsString', 'line String')",
        "SET readonly = 0",
    ],
)
def test_the_reader_can_do_no_more_than_read(viewer: Connection, statement: str) -> None:
    """No writing, no files of the machine, no network, and no way out of it."""
    with pytest.raises(StoreError, match=r"ACCESS_DENIED|READONLY|Not enough privileges|readonly"):
        viewer.command(statement)


def test_the_reader_may_shorten_a_query_time_as_grafana_does(viewer: Connection) -> None:
    """The plug-in sends max_execution_time with every query."""
    assert viewer.rows("SELECT 1 AS one SETTINGS max_execution_time = 25") == [{"one": 1}]
