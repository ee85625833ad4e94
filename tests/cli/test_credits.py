"""`assure credits`: approve, reject, take back, pause, post, reconcile and export, as people do it, on a real ledger in the folder."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text

from pipeline.obligations import Obligations
from pipeline.obligations.engine import writing
from tests.support.crediting import NOW, a_credit

Run = Callable[..., Result]
LIMITS = "\n    - {currency: EUR, two_people_over: 100.00, per_day: 1000.00}"


@pytest.fixture
def books(home: Path, monkeypatch: pytest.MonkeyPatch) -> Obligations:
    """A ledger with four credits; posting goes to CSV files, and ann and bob may approve. Ann is logged in."""
    told = (home / "assure.yaml").read_text()
    for line, instead in (
        ("  #posting: false", "  posting: true"),
        ("  #system: none", "  system: csv"),
        ("  #limits: []", f"  limits:{LIMITS}"),
        ("  #approvers: []", "  approvers: [ann, bob]"),
        ("  #confirm_after_s: 60.0", "  confirm_after_s: 0.000001"),
    ):
        assert line in told
        told = told.replace(line, instead)
    (home / "assure.yaml").write_text(told)
    be(monkeypatch, "ann")
    (home / "data").mkdir(exist_ok=True)
    with Obligations(f"sqlite:///{home}/data/obligations.db") as opened:
        opened.enter_credits([a_credit(1), a_credit(2, amount_minor=25_000), a_credit(3, dry_run=True), a_credit(4, currency="USD")], NOW)
    return opened


def be(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("pipeline.cli.credit_decisions.login", lambda: name)


def states(run: Run) -> dict[str, str]:
    return {each["key"][:8]: each["told"] for each in json.loads(run("credits", "ls", "--json").output)}


def test_a_month_is_approved_by_its_amounts_and_its_customer(run: Run, books: Obligations) -> None:
    """Small ones first; what needs a second person says so."""
    with books:
        books.enter_credits([a_credit(7, customer="bolt")], NOW)
    small = run("credits", "approve", "--month", "2026-11", "--below", "100.00", "--customer", "acme", "--yes")
    assert (small.exit_code, "3 credits of 2026-11" in small.output, "bolt" in small.output) == (0, True, False)
    rest = run("credits", "approve", "--month", "2026-11", "--yes")
    assert "approved by 1 of 2" in rest.output
    with books:
        assert books.verify() is None


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (("--month", "November"), "is not a month (as in 2026-11)"),
        (("--month", "2026-11", "--below", "ten"), "--below: 'ten' is not an amount"),
        (("--below", "10.00"), "say which month"),
        (("--month", "2026-11", "f491e6dd"), "not both"),
    ],
)
def test_what_of_a_month_cannot_be_chosen_is_named(run: Run, books: Obligations, told: tuple[str, ...], says: str) -> None:
    result = run("credits", "approve", "--yes", *told)
    assert (result.exit_code, says in result.output) == (2, True)
    with books:
        assert [each.standing.state for each in books.stored_credits()] == ["computed"] * 4


@pytest.mark.usefixtures("books")
def test_one_person_approves_little_and_two_approve_much(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("credits", "approve", "00000001", "00000002", "-m", "checked")
    assert result.output == (
        "00000001  50.00 EUR to acme for vpn-1, 2026-11: approved\n00000002  250.00 EUR to acme for vpn-2, 2026-11: approved by 1 of 2\n"
    )
    again = run("credits", "approve", "00000002")
    assert (again.exit_code, "the second word must be another person's" in again.output) == (1, True)
    be(monkeypatch, "bob")
    assert run("credits", "approve", "00000002").output.endswith(": approved\n")


@pytest.mark.usefixtures("books")
def test_who_is_not_listed_decides_nothing_and_may_still_pull_the_brake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, "eve")
    for words in (("approve", "00000001"), ("reject", "00000001", "-m", "x"), ("reverse", "00000001", "-m", "x"), ("resume", "-m", "x")):
        result = run("credits", *words)
        assert (result.exit_code, "eve is no approver" in result.output) == (1, True)
    assert run("credits", "pause", "-m", "something is off").output == "Posting is paused.\n"
    assert "paused by eve: something is off" in run("credits", "post").output


@pytest.mark.usefixtures("books")
def test_a_month_is_approved_at_once_after_its_sum_was_shown(run: Run) -> None:
    result = run("credits", "approve", "--period", "2026-11", "--yes")
    assert result.output.startswith("4 credits of 2026-11, 350.00 EUR, 50.00 USD in all; 1 in dry run\n")
    assert states(run) == {
        "00000001": "approved",
        "00000002": "approved by 1 of 2",
        "00000003": "approved, dry run",
        "00000004": "approved by 1 of 2",
    }
    assert "nothing of 2026-11 waits" in run("credits", "approve", "--period", "2026-11", "--yes").output


@pytest.mark.usefixtures("books")
def test_a_month_is_not_approved_without_a_yes(run: Run) -> None:
    assert run("credits", "approve", "--period", "2026-11").exit_code == 1
    assert set(states(run).values()) == {"computed", "dry run"}


@pytest.mark.usefixtures("books")
def test_what_is_approved_is_posted_read_back_and_taken_back_again(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("credits", "approve", "00000001", "00000003")
    posted = run("credits", "post")
    assert posted.exit_code == 0
    assert "1 posted" in posted.output
    assert "00000003  50.00 EUR  dry run: `assure credits adopt`" in posted.output
    assert "agree" in run("credits", "reconcile").output
    [file] = (home / "data" / "billing").glob("*.csv")
    [row] = csv.DictReader(file.open())
    assert row["amount"] == "50.00"
    back = run("credits", "reverse", "00000001", "-m", "another customer's outage")
    key = back.output[:8]
    assert "another person approves" in run("credits", "approve", key).output
    be(monkeypatch, "bob")
    run("credits", "approve", key)
    run("credits", "post")
    assert {states(run)[name] for name in ("00000001", key)} <= {"reversed", "posted, takes back", "confirmed, takes back"}
    assert [each["amount"] for each in csv.DictReader(file.open())] == ["50.00", "-50.00"]


@pytest.mark.usefixtures("books")
def test_what_billing_lost_or_has_otherwise_is_told(run: Run, home: Path) -> None:
    run("credits", "approve", "00000001")
    run("credits", "post")
    [file] = (home / "data" / "billing").glob("*.csv")
    file.write_text(file.read_text().replace("50.00", "49.00"))
    result = run("credits", "reconcile")
    assert (result.exit_code, "1 difference in 1 credit" in result.output) == (1, True)
    file.unlink()
    assert "not in billing" in " ".join(run("credits", "reconcile").output.split())


@pytest.mark.usefixtures("books")
def test_one_credit_tells_who_said_what(run: Run) -> None:
    run("credits", "reject", "00000002", "-m", "the customer had no access")
    told = run("credits", "show", "00000002").output
    assert "250.00 EUR to acme for vpn-2, 2026-11\n" in told
    assert ("reject" in told, "ann" in told, "the customer had no access" in told) == (True, True, True)
    assert run("credits", "show", "7").exit_code == 3


def test_a_broken_ledger_is_not_exported(books: Obligations, run: Run, home: Path) -> None:
    exported = list(csv.DictReader(io.StringIO(run("credits", "export").output)))
    assert [(each["amount"], each["currency"], each["state"], each["dry_run"]) for each in exported] == [
        ("50.00", "EUR", "computed", "no"),
        ("250.00", "EUR", "computed", "no"),
        ("50.00", "EUR", "computed", "yes"),
        ("50.00", "USD", "computed", "no"),
    ]
    with Obligations(f"sqlite:///{home}/data/obligations.db") as store, writing(store._engine) as connection:
        connection.execute(text("UPDATE credit SET amount_minor = 1 WHERE sequence = 2"))
    result = run("credits", "export", "--out", "ledger.csv")
    assert (result.exit_code, "entry 2" in result.output, (home / "ledger.csv").exists()) == (1, True, False)
    assert books is not None


@pytest.mark.usefixtures("books")
def test_posted_credits_are_exported_as_applied_rates(run: Run) -> None:
    run("credits", "approve", "00000001")
    run("credits", "post")
    [rate] = json.loads(run("credits", "export", "--tmf678").output)
    assert (rate["type"], rate["taxExcludedAmount"], rate["@type"]) == (
        "appliedBillingCredit",
        {"unit": "EUR", "value": 50.0},
        "AppliedCustomerBillingRate",
    )


def test_without_posting_nothing_is_posted(home: Path, run: Run) -> None:
    assert home.exists()
    result = run("credits", "post")
    assert (result.exit_code, "billing.posting: true" in result.output) == (1, True)
