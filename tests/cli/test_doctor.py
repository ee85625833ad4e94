"""`assure doctor` shows the sums and the parts, names the first that is broken with its remedy, and says it in the exit code."""

import json
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from pipeline.doctoring import Counted, Finding, Journaled, Kept, Look, Verdict, once_each, polls_stored
from tests.cli.conftest import Run, widest

FINE = Look(Kept(11_234_567), Journaled(11_234_569, 11_234_567, 2, 0), Counted(11_234_572, 11_234_569, {"not-allowed": 3}))
PARTS = (Finding("broker", Verdict.HOLDS, "answers at 127.0.0.1:19092"), Finding("sink", Verdict.HOLDS, "ready; 0 messages behind"))
Patient = Callable[..., None]


class FakeVitals:
    """What was seen of an installation."""

    def __init__(self, look: Look, parts: tuple[Finding, ...]) -> None:
        self.looks = lambda: {"trap-1": look}
        self.parts = lambda: parts

    @staticmethod
    def polls() -> Finding:
        return polls_stored({"poll-1": (60, 60)})

    @staticmethod
    def obligations() -> tuple[Finding, ...]:
        return once_each([("in-1", "tmf621")], [("acme", "vpn-1", "availability", "2026-11", "1")], "")


@pytest.fixture
def patient(home: object, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """Choose what the doctor sees."""

    def see(look: Look = FINE, *parts: Finding) -> None:
        @contextmanager
        def vitals(*_: object) -> object:
            yield FakeVitals(look, parts or PARTS)

        monkeypatch.setattr("pipeline.cli.doctor._vitals", vitals)

    return see


def test_all_holds(run: Run, patient: Patient) -> None:
    """Every sum with its numbers, every part, in eighty columns; exit code 0."""
    patient()
    result = run("doctor")
    assert result.exit_code == 0
    assert "Everything holds." in result.output
    assert "11234567 published, 11234567 stored" in " ".join(result.output.split())
    assert widest(result.output) <= 80


def test_the_first_broken_sum_is_named_with_its_remedy(run: Run, patient: Patient) -> None:
    """Exit code 1."""
    patient(Look(Kept(11_234_560), FINE.journal, FINE.counted))
    result = run("doctor", "--wait-seconds", "0")
    told = " ".join(result.output.split())
    assert result.exit_code == 1
    assert "Begin here: published = unique in the store: 11234567 published, 11234560 stored" in told
    assert "7 rows are missing" in told


def test_a_part_that_is_down_is_named(run: Run, patient: Patient) -> None:
    """Exit code 1 while all sums can be seen."""
    patient(FINE, Finding("worker", Verdict.BROKEN, "joining the consumer group", "see worker.log"))
    result = run("doctor")
    assert result.exit_code == 1
    assert "Begin here: worker: joining the consumer group" in result.output


def test_what_cannot_be_seen_is_exit_code_4(run: Run, patient: Patient) -> None:
    """With the command that starts it."""
    patient(Look(), Finding("traps", Verdict.BROKEN, "does not answer", "start it"))
    result = run("doctor")
    assert result.exit_code == 4
    assert "`assure up` starts it" in result.output


def test_a_loss_outweighs_what_cannot_be_seen(run: Run, patient: Patient) -> None:
    """Something is known to be lost: exit code 1."""
    patient(Look(None, FINE.journal, Counted(10, 10, dropped=3)))
    assert run("doctor", "--wait-seconds", "0").exit_code == 1


def test_json_lists_every_finding(run: Run, patient: Patient) -> None:
    """With the same exit code, and nothing else on standard output."""
    patient(Look(Kept(0), FINE.journal, FINE.counted))
    result = run("doctor", "--json", "--wait-seconds", "0")
    found = {finding["name"]: finding["verdict"] for finding in json.loads(result.output)}
    assert result.exit_code == 1
    assert found["published = unique in the store"] == "broken"
    assert found["broker"] == "holds"
