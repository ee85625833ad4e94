"""`assure messages`: who would be told what, in whose words, without anything running; and what became of what was decided."""

import json
import time
from pathlib import Path

import pytest

from pipeline.config.settings_file import load_settings
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.notice import MINUTE_NS, Stage, route_of
from pipeline.lab.config import inventory_dir
from pipeline.obligations import Obligations
from tests.cli.conftest import Run, widest
from tests.support.reader import AT, INCIDENT, FakeReader
from tests.support.reader import incident as row

FIBRE = "fibre/f-ams-rtm-1"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings on the lab's inventory, as the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assure.yaml").write_text(f"data_dir: data\ninventory_dir: {inventory_dir()}\n")
    (tmp_path / "data").mkdir()
    return tmp_path


def test_a_cause_tells_who_would_be_told_when_and_in_which_words(run: Run, lab: Path) -> None:
    """Gold first and soonest; whom only a spare path was lost reads nothing; each language is shown once, and what is missing is said."""
    result = run("messages", "test", "--cause", FIBRE)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for part in (
        "in dry run: nothing is sent while messages.sending is false",
        "* the settings name no way by email: messages.mail",
        "Helvoet Medical Centre gold redundancy-lost: rule gold does not tell of it",
        "To North Sea Exchange B.V. in en: [test] Your service is not working",
        "To Duinzicht Retail Groep B.V. in nl: [test] Uw dienst is buiten werking",
        "2 more in the same words: --all",
    ):
        assert part in said
    assert "Sleutelstad" not in result.output.partition("To North Sea")[2]
    assert widest(result.output) <= 80
    found = json.loads(run("messages", "test", "--cause", FIBRE, "--json").output)
    told = {each["customer"]: round(each["after_s"] / 60) for each in found if not each["reason"]}
    assert told == {"northsea-exchange": 1, "duinzicht-retail": 5, "scheldt-logistics": 5, "sleutelstad-bakkers": 15}
    assert [each["contacts"][0]["address"] for each in found][:1] == ["noc@northsea.example"]


def test_one_customer_reads_how_it_ends(run: Run, lab: Path) -> None:
    words = ("messages", "test", "--cause", FIBRE, "--stage", "restored")
    shown = run(*words, "--customer", "scheldt-logistics").output
    assert "Uw dienst werkt weer" in shown
    assert "De oorzaak was een beschadigde glasvezelkabel" in shown
    assert "North Sea" not in shown
    assert run(*words, "--customer", "kilmore-foods").exit_code == 3
    assert "did you mean" in run(*words, "--customer", "kilmore-food").output


def test_a_fibre_that_nobody_feels_ends_with_one(run: Run, lab: Path, tmp_path: Path) -> None:
    """As does one that the rules tell nobody of."""
    rules = tmp_path / "next"
    rules.mkdir()
    (rules / "notices.yaml").write_text("rules: []\ntests: []\n")
    result = run("messages", "test", "--cause", FIBRE, "--rules", str(rules))
    assert result.exit_code == 1
    assert "No customer would be told." in result.output
    assert "no rule of rules/notices.yaml is for gold" in " ".join(result.output.split())


@pytest.mark.parametrize("words", [(), ("--cause", FIBRE, INCIDENT)])
def test_one_thing_is_asked(run: Run, lab: Path, words: tuple[str, ...]) -> None:
    assert run("messages", "test", *words).exit_code == 2


def test_an_incident_is_told_of_as_it_stands_and_not_when_it_is_over(run: Run, reader: type[FakeReader], home: Path) -> None:
    """Its own beginning, which is long past: the first notice is due at once."""
    (home / "assure.yaml").write_text(f"data_dir: data\ninventory_dir: {inventory_dir()}\n")
    over = run("messages", "test", INCIDENT[:8])
    assert over.exit_code == 1
    assert "it is over" in over.output
    stands = row(state="open", resolved_at=0, acknowledged_by="alice")
    reader.incident = lambda self, name: stands if INCIDENT.startswith(name) else None  # type: ignore[assignment,method-assign]  # as asked
    result = run("messages", "test", INCIDENT[:8])
    assert result.exit_code == 0, result.output
    assert "To North Sea Exchange B.V. in en: [8d7876c1] Your service is not working" in result.output
    assert "An engineer is working on it." in " ".join(result.output.split())
    assert run("messages", "test", "nothing").exit_code == 3


def _decided(key: str, customer: str, stage: Stage, due_at: int = AT) -> Effect:
    body = {"customer": customer, "stage": stage.value, "due_at": due_at, "services": []}
    return Effect(key, EffectKind.MESSAGE, INCIDENT, route_of(customer), AT, "root-cause-found", body)


def test_what_became_of_each_is_listed(run: Run, lab: Path) -> None:
    """Sent, dry run, left out with its reason, refused, or waiting until it is due."""
    steps = (
        (_decided("a", "acme", Stage.FIRST), Outcome.DELIVERED, "a", "'[8d7876c1] Your service is not working' to 1 by email"),
        (_decided("b", "globex", Stage.FIRST), Outcome.DELIVERED, "b", "dry run: '[8d7876c1] Your service' to 1 by email"),
        (_decided("c", "initech", Stage.FIRST), Outcome.DELIVERED, "", "over before it was told"),
        (_decided("d", "hooli", Stage.FIRST), Outcome.REFUSED, "", "email: 550 no such user"),
    )
    with Obligations(load_settings(lab / "assure.yaml").obligations_url()) as store:
        assert "No customer was to be told" in run("messages", "ls").output
        store.put_effects([*(step[0] for step in steps), _decided("e", "umbrella", Stage.FIRST, AT + 5 * MINUTE_NS)], AT)
        for effect, outcome, remote_id, detail in steps:
            store.finish(Receipt(effect.key, effect.kind, effect.subject, effect.route, outcome, AT, remote_id, detail=detail))
    said = " ".join(run("messages", "ls").output.split())
    for part in ("sent 11-23 14:05: '[8d7", "dry run: '", "not sent: over before", "refused: email: 550", "waits for what was"):
        assert part in said
    assert [each["key"] for each in json.loads(run("messages", "ls", INCIDENT[:8], "--limit", "2", "--json").output)] == ["e", "d"]
    assert json.loads(run("messages", "ls", "0000", "--json").output) == []
    assert widest(run("messages", "ls").output) <= 80


def test_what_waits_says_until_when_unless_it_is_over(run: Run, lab: Path) -> None:
    """A notice whose incident ended before it was due is not sent, whenever its time comes."""
    due_at = time.time_ns() + 60 * MINUTE_NS
    with Obligations(load_settings(lab / "assure.yaml").obligations_url()) as store:
        store.put_effects([_decided("a", "acme", Stage.FIRST, due_at), _decided("b", "globex", Stage.FIRST, due_at)], AT)
        store.put_effects([_decided("c", "globex", Stage.RESTORED)], AT)
    said = " ".join(run("messages", "ls").output.split())
    assert "acme first waits until" in said
    assert "globex first will not be sent: over before it was told" in said
    assert "globex restored will not be sent: nothing was told before" in said
