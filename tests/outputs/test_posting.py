"""Approved credits reach the billing system once: through kills at each step, four at a time, errors, and answers that were lost."""

import csv
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from pipeline.config.settings import Settings
from pipeline.core.credit import reversal_of
from pipeline.core.ledger import SWITCH, Step, StepKind
from pipeline.core.posting import CreditState
from pipeline.obligations import Obligations
from pipeline.outputs.billing import billing_system
from pipeline.outputs.billing.hand_off import HandOff
from pipeline.outputs.billing.port import posting_of
from pipeline.outputs.billing.poster import PostingPace
from pipeline.outputs.billing.reconcile import differences
from pipeline.outputs.webhook import open_sessions
from tests.support.billing import POINTS, QUICK, WHSEC, FakeBilling, post_all, post_and_die, settings_of
from tests.support.crediting import NOW, a_credit, approval
from tests.support.forked import Forked
from tests.support.serving import served

SYSTEMS = ("stripe", "kill-bill", "lago", "webhook", "csv")
CALLED = ("stripe", "kill-bill", "lago", "webhook")


@pytest.fixture
def fake() -> FakeBilling:
    return FakeBilling()


@pytest.fixture
def url(fake: FakeBilling) -> Iterator[str]:
    with served(fake.application()) as found:
        yield found


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Obligations]:
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as opened:
        yield opened


def approved(books: Obligations, number: int = 1, **changes: Any) -> str:
    credit = a_credit(number, **changes)
    books.enter_credit(credit, NOW)
    books.step_credit(approval(credit), NOW)
    return credit.key


def state(books: Obligations, key: str) -> CreditState:
    found = books.stored_credit(key)
    assert found is not None
    return found.standing.state


def detail(books: Obligations, key: str) -> str:
    found = books.stored_credit(key)
    assert found is not None
    return found.detail


def given(system: str, fake: FakeBilling, folder: Path) -> int:
    """How many credits the billing system has."""
    if system != "csv":
        return len(fake.given[system])
    return sum(len(list(csv.DictReader(path.open()))) for path in (folder / "billing").rglob("*.csv"))


@pytest.mark.parametrize("system", SYSTEMS)
async def test_an_approved_credit_is_posted_and_read_back(
    system: str, fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books)
    settings = settings_of(system, url, tmp_path)
    await post_all(settings, books)
    await post_all(settings, books)
    assert given(system, fake, tmp_path) == 1
    assert state(books, key) is (CreditState.POSTED if system == "webhook" else CreditState.CONFIRMED)
    assert books.verify() is None


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_kill_9_after_each_step_gives_each_customer_one_credit(system: str, fake: FakeBilling, url: str, tmp_path: Path) -> None:
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as books:
        keys = [approved(books, number) for number in range(2)]
        ends = []
        for point in (*POINTS, *POINTS):
            told = {"system": system, "url": url, "folder": str(tmp_path), "point": point}
            ends.append(Forked(post_and_die, told).ended())
            assert books.verify() is None
        assert ends[0] == -9
        assert set(ends) <= {-9, 0}
        told["point"] = "confirm"
        for _ in range(3):
            assert Forked(post_and_die, told).ended() in {-9, 0}
        assert {state(books, key) for key in keys} <= {CreditState.POSTED, CreditState.CONFIRMED}
    assert given(system, fake, tmp_path) == 2


async def test_four_processes_at_once_post_each_credit_once(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    keys = [approved(books, number) for number in range(6)]
    settings = settings_of("kill-bill", url, tmp_path)
    pace = PostingPace(at_once=2, lease_s=60.0)

    def one(_: int) -> None:
        import asyncio  # noqa: PLC0415  # each thread has a loop of its own

        with Obligations(settings.obligations_url()) as own:
            asyncio.run(post_all(settings, own, pace))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    assert len(fake.given["kill-bill"]) == 6
    assert {state(books, key) for key in keys} == {CreditState.CONFIRMED}
    assert books.verify() is None


@pytest.mark.parametrize("system", CALLED)
async def test_an_error_is_tried_again_and_a_lost_answer_found(
    system: str, fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books)
    settings = settings_of(system, url, tmp_path, confirm_after_s=3_600.0)
    fake.failing = [503]
    await post_all(settings, books)
    assert state(books, key) is CreditState.POSTING
    assert detail(books, key).startswith("503")
    books.postpone_credit(key, 0, "")
    await post_all(settings, books)
    assert state(books, key) is CreditState.POSTED
    assert given(system, fake, tmp_path) == 1


@pytest.mark.parametrize("system", CALLED)
async def test_a_refusal_ends_it_until_somebody_tries_again(
    system: str, fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books)
    settings = settings_of(system, url, tmp_path)
    fake.failing = [422]
    await post_all(settings, books)
    assert state(books, key) is CreditState.FAILED
    assert "422" in detail(books, key)
    await post_all(settings, books)
    assert given(system, fake, tmp_path) == 0
    books.step_credit(Step(key, StepKind.RETRY, "ann"), NOW)
    await post_all(settings, books)
    assert given(system, fake, tmp_path) == 1
    assert books.verify() is None


async def test_another_amount_in_billing_is_a_failure_and_never_posted_again(
    fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books)
    settings = settings_of("stripe", url, tmp_path)
    await post_all(settings, books)
    fake.given["stripe"][0]["amount"] = -4_999
    second = approved(books, 2)
    fake.given["stripe"].append({**fake.given["stripe"][0], "id": "x", "metadata": {"assure_key": second}})
    await post_all(settings, books)
    assert detail(books, second) == "billing has 49.99 EUR under this key, the ledger 50.00 EUR"
    assert state(books, second) is CreditState.FAILED
    assert len(fake.posts()) == 1
    assert state(books, key) is CreditState.CONFIRMED


async def test_what_billing_lost_is_told_after_a_day(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    key = approved(books)
    settings = settings_of("lago", url, tmp_path, confirm_after_s=3_600.0)
    await post_all(settings, books)
    assert state(books, key) is CreditState.POSTED
    fake.given["lago"].clear()
    books.postpone_credit(key, 0, "")
    await post_all(settings, books)
    assert (state(books, key), detail(books, key)) == (CreditState.POSTED, "posted, and not seen in the billing system yet")
    books.postpone_credit(key, 0, "")
    await post_all(settings, books, replace(QUICK, lost_after_s=0.0))
    assert state(books, key) is CreditState.FAILED


async def test_a_pause_keeps_billing_from_being_called(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    approved(books)
    books.switch_posting(Step(SWITCH, StepKind.PAUSE, "ann", "wrong rates"), NOW)
    assert await post_all(settings_of("stripe", url, tmp_path), books) == {}
    assert fake.requests == []


async def test_stripe_is_told_as_its_reference_says(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    key = approved(books)
    await post_all(settings_of("stripe", url, tmp_path), books)
    [(_, path, headers, body)] = fake.posts()
    assert path == "/v1/customers/cus_acme/balance_transactions"
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer sk_test_123", key)
    assert b"amount=-5000&currency=eur&description=SLA+credit+2026-11" in body
    assert fake.given["stripe"][0]["metadata"]["assure_key"] == key


async def test_stripe_pages_are_followed_to_the_day_of_posting(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    """A credit posted long ago, whose idempotency key Stripe has forgotten, is found among hundreds of others."""
    key = approved(books)
    settings = settings_of("stripe", url, tmp_path, confirm_after_s=3_600.0)
    await post_all(settings, books)
    books.postpone_credit(key, 0, "")
    first = fake.given["stripe"][0]
    fake.given["stripe"] += [{**first, "id": f"later_{number}", "metadata": {}} for number in range(250)]
    fake.ids.clear()
    await post_all(settings, books)
    assert state(books, key) is CreditState.CONFIRMED
    assert len(fake.posts()) == 1


async def test_a_customer_without_an_account_fails_with_the_line_to_add(
    fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books, customer="beta")
    await post_all(settings_of("stripe", url, tmp_path), books)
    assert detail(books, key) == "billing.accounts names no Stripe customer for beta: add beta: cus_…"
    assert fake.requests == []


@pytest.mark.parametrize(
    ("rate", "amount", "sent"), [("1.0", 5_000, "50"), ("0.01", 5_000, "5000"), ("3", 5_001, "16.67"), ("3", 5_000, None)]
)
async def test_lago_credits_are_exact_or_refused(
    rate: str, amount: int, sent: str | None, fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    fake.rate = rate
    key = approved(books, amount_minor=amount)
    await post_all(settings_of("lago", url, tmp_path, confirm_after_s=3_600.0), books)
    assert [each["credit_amount"] for each in fake.given["lago"]] == ([sent] if sent else [])
    assert state(books, key) is (CreditState.POSTED if sent else CreditState.FAILED)


async def test_money_is_taken_back_where_the_system_can(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    settings = settings_of("lago", url, tmp_path)
    approved(books)
    await post_all(settings, books)
    approved(books, key="k2", revision=2, amount_minor=-1_500)
    await post_all(settings, books)
    assert [(each["transaction_type"], each["amount"]) for each in fake.given["lago"]] == [("inbound", "50.0"), ("outbound", "15.0")]


async def test_kill_bill_does_not_take_back(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    settings = settings_of("kill-bill", url, tmp_path)
    approved(books)
    await post_all(settings, books)
    key = approved(books, key="k2", revision=2, amount_minor=-1_500)
    await post_all(settings, books)
    assert "by hand" in detail(books, key)
    assert len(fake.given["kill-bill"]) == 1


async def told_apart(url: str, books: Obligations, tmp_path: Path) -> list[tuple[str, bool, str]]:
    """What `assure credits reconcile` finds: the key, whether it is somebody's word, what is told."""
    settings = settings_of("kill-bill", url, tmp_path)
    async with open_sessions() as sessions:
        system = billing_system(settings, sessions)
        assert system is not None
        found = await differences(system, books.stored_credits(), settings.billing.accounts)
    return [(each.stored.entry.key, each.on_word, each.what) for each in found]


async def test_what_a_person_took_back_by_hand_is_no_difference_for_ever(
    fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    """Kill Bill has nothing under the reversal's key, and need not have the credit any more: told apart, as the person's word."""
    settings = settings_of("kill-bill", url, tmp_path)
    credit = approved(books)
    await post_all(settings, books)
    counter = reversal_of(a_credit(), "bob", "another customer's")
    books.enter_credit(counter, NOW)
    books.step_credit(approval(counter), NOW)
    await post_all(settings, books)
    assert (state(books, counter.key), await told_apart(url, books, tmp_path)) == (CreditState.FAILED, [])
    books.step_credit(Step(counter.key, StepKind.CONFIRMED, "ann", "written off there", remote_id="adj-1"), NOW)
    assert (state(books, counter.key), state(books, credit)) == (CreditState.CONFIRMED, CreditState.REVERSED)
    assert await told_apart(url, books, tmp_path) == [
        (counter.key, True, "confirmed by ann, done there by hand: written off there"),
    ]
    fake.given["kill-bill"].clear()
    assert [on_word for _, on_word, _ in await told_apart(url, books, tmp_path)] == [True, True]
    assert books.verify() is None


async def test_what_billing_itself_confirmed_and_lost_is_a_difference(
    fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books)
    settings = settings_of("kill-bill", url, tmp_path)
    await post_all(settings, books)
    await post_all(settings, books)
    fake.given["kill-bill"].clear()
    assert await told_apart(url, books, tmp_path) == [(key, False, "confirmed here, and not in billing")]


async def test_the_webhook_is_signed_and_says_all(fake: FakeBilling, url: str, books: Obligations, tmp_path: Path) -> None:
    key = approved(books)
    await post_all(settings_of("webhook", url, tmp_path), books)
    [(_, _, headers, body)] = fake.posts()
    said = Webhook(WHSEC).verify(body, {name.lower(): value for name, value in headers.items()})
    assert (said["type"], said["data"]["key"], said["data"]["amount_minor"], said["data"]["currency"]) == (
        "credit.approved",
        key,
        5_000,
        "EUR",
    )


async def test_a_private_address_is_not_called_unless_it_is_allowed(
    fake: FakeBilling, url: str, books: Obligations, tmp_path: Path
) -> None:
    key = approved(books)
    settings = settings_of("stripe", url, tmp_path)
    public = replace(settings, billing=replace(settings.billing, allow_private=False))
    await post_all(public, books)
    assert detail(books, key).startswith("billing.url: http is only for private receivers")
    assert fake.requests == []


async def test_what_was_taken_over_still_counts_and_no_cell_is_a_formula(books: Obligations, tmp_path: Path) -> None:
    key = approved(books, service="=HYPERLINK()", contract="+1")
    settings = settings_of("csv", "", tmp_path, confirm_after_s=3_600.0)
    await post_all(settings, books)
    books.postpone_credit(key, 0, "")
    [path] = (tmp_path / "billing").glob("credits-*.csv")
    [row] = csv.DictReader(path.open())
    assert (row["key"], row["amount"], row["currency"], row["service"], row["contract"]) == (key, "50.00", "EUR", "'=HYPERLINK()", "'+1")
    (tmp_path / "billing" / "done").mkdir()
    path.rename(tmp_path / "billing" / "done" / path.name)
    await post_all(settings, books)
    assert state(books, key) is CreditState.CONFIRMED


async def test_a_file_that_was_half_written_when_the_power_went_is_written_anew(books: Obligations, tmp_path: Path) -> None:
    key = approved(books)
    folder = tmp_path / "billing"
    folder.mkdir()
    (folder / ".credits-2026-12-01.csv.new").write_text("key,customer\nhalf")
    found = books.stored_credit(key)
    assert found is not None
    hand_off = HandOff(folder)
    posting = posting_of(found, {})
    assert await hand_off.find(posting) is None
    posted = await hand_off.post(posting)
    assert await hand_off.find(posting) == posted


def test_settings_print_no_secret(tmp_path: Path) -> None:
    settings: Settings = settings_of("stripe", "https://api.stripe.com", tmp_path)
    assert "sk_test" not in repr(settings)
