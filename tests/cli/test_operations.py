"""What people do in the terminal: one line that says what happened, an exit code that scripts understand, tables that fit."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import Answer, Operation, OperationError, Outcome
from pipeline.core.reason import Reason
from tests.cli.conftest import Run, widest
from tests.support.reader import AT, INCIDENT, FakeReader, S, incident


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, reader: type[FakeReader]) -> list[Any]:
    """What was asked to be done; its first element, an exception or an outcome, is how it ends."""
    ends: list[Any] = [Outcome.DONE]

    async def submit(_: object, given: Operation, kinds: tuple[str, ...], wait_s: float) -> StoredOperation:
        if isinstance(ends[0], Exception):
            raise ends[0]
        ends.append((given, kinds, wait_s))
        answers = () if ends[0] is None else (Answer(given, ends[0], Reason.NOT_OPEN, "said plainly", AT),)
        return StoredOperation(given, ("default",) if not answers else (given.domain,), answers)

    monkeypatch.setattr("pipeline.operating.Operating.submit", submit)
    return ends


def test_what_was_done_is_one_line(run: Run, asked: list[Any]) -> None:
    result = run("ack", INCIDENT, "--by", "alice", "-m", "on my way")
    assert (result.exit_code, result.output) == (0, "8d7876c1: said plainly\n")
    given, kinds, _ = asked[1]
    assert (given.kind, given.operator, given.text, given.via, kinds) == ("ack", "alice", "on my way", "cli", ("incident", "alarm"))


@pytest.mark.parametrize(
    ("end", "code", "says"),
    [
        (Outcome.REFUSED, 1, "refused: said plainly (not-open)"),
        (None, 4, "assure audit"),
        (OperationError("there is none", Reason.UNKNOWN_TARGET), 3, "there is none"),
        (OperationError("no such time"), 2, "no such time"),
    ],
)
def test_how_it_ended_is_an_exit_code(run: Run, asked: list[Any], end: Any, code: int, says: str) -> None:
    asked[0] = end
    result = run("unack", "8d78")
    assert (result.exit_code, says in result.output) == (code, True)


def test_json_is_for_scripts(run: Run, asked: list[Any]) -> None:
    found = json.loads(run("comment", "8d78", "hello", "--json").stdout)
    assert (found["kind"], found["target"], found["text"], found["outcome"]) == ("comment", "8d78", "hello", "done")


def test_times_may_be_told_by_how_far_ahead_they_are(run: Run, asked: list[Any]) -> None:
    before = time.time_ns()
    assert run("shelve", "al-1", "--until", "4h", "--reason", "known").exit_code == 0
    assert run("windows", "add", "mw", "site/ams", "--from", "1h", "--until", "2026-12-01T06:00:00Z").exit_code == 0
    assert run("shelve", "al-1", "--until", "soon", "--reason", "known").exit_code == 2
    shelve, window = asked[1][0], asked[2][0]
    assert 4 * 3_600 * S <= shelve.until - before < 4 * 3_600 * S + 600 * S
    assert (window.until, window.resources, window.starts_at > before) == (1_796_104_800 * S, ("site/ams",), True)


@pytest.mark.parametrize(
    "words", [("shelve", "al-1", "--until", "4h"), ("shelve", "al-1", "--reason", "x"), ("windows", "add", "mw", "--until", "1h")]
)
def test_a_shelf_has_an_end_and_a_reason_and_a_window_something_it_is_over(run: Run, asked: list[Any], words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


OPERATION = {
    "id": "5f7a2f0e-1111-5222-8333-444444444444",
    "at": AT,
    "kind": "window-extend",
    "operator": "a-rather-long-name",
    "via": "cli",
    "target": INCIDENT,
    "text": "a text of a few words that must wrap somewhere in a narrow terminal",
    "outcome": "refused",
    "reason": "not-acknowledged",
    "detail": "",
}
WINDOW = {
    "name": "mw-2026-11-26-rotterdam",
    "state": "in-force",
    "starts_at": AT,
    "ends_at": AT + 3_600 * S,
    "resources": ["site/ams", "interface/ams-pe1/xe-0/0/2"],
    "reason": "power work that takes all night",
    "operator": "alice",
}


def test_the_trail_and_the_windows_fit_eighty_columns(run: Run, reader: type[FakeReader]) -> None:
    reader.operations = lambda *_, **__: [OPERATION]  # type: ignore[attr-defined]  # of this test's own class
    reader.operations_of = lambda *_, **__: []  # type: ignore[attr-defined]
    reader.windows = lambda *_, **__: [WINDOW]  # type: ignore[attr-defined]
    for words in (("audit",), ("windows", "ls")):
        result = run(*words)
        assert (result.exit_code, widest(result.output) <= 80) == (0, True), result.output
    assert "8d7876c1" in run("audit").output
    assert "Nothing was done" in run("audit", "zz").output


def test_an_incident_says_who_has_it_and_what_was_said(run: Run, reader: type[FakeReader]) -> None:
    comments = [{"at": AT, "operator": "bob", "text": "cut found at km 14"}]
    handled = incident(acknowledged_by="bob", acknowledged_at=AT, comments=comments, state="open", planned="mw-1")
    reader.incidents = lambda *_, **__: [handled]  # type: ignore[method-assign,assignment]
    reader.incident = lambda *_, **__: handled  # type: ignore[method-assign,assignment]
    listed = run("incidents").output
    assert widest(listed) <= 80
    assert " ".join(listed.split()).count("bob has it") == 1
    told = run("incidents", INCIDENT).output
    assert all(part in told for part in ("acknowledged", "by bob", "bob: cut found at km 14", "mw-1"))


def test_what_is_shelved_is_hidden_and_how_to_see_it_is_told(run: Run, reader: type[FakeReader], home: Path) -> None:
    hidden = incident(state="open", shelved="known (alice)")
    reader.incidents = lambda *_, **__: [hidden]  # type: ignore[method-assign,assignment]
    assert "assure incidents --shelved" in run("incidents").output
    assert INCIDENT[:8] in run("incidents", "--shelved").output
