"""What was given up outside is listed with its reason, and tried again on a person's word; on a real store."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config.settings_file import load_settings
from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.obligation import EffectState
from pipeline.obligations import Obligations
from tests.cli.conftest import Run, widest

AT = 1_795_442_741 * 10**9
KEY = "notify:8d7876c1-e507-5eda-af87-2df5665d2329:on-call:opened"
URL = "https://pager.example.net/hook"


def effect(key: str, route: str = "on-call") -> Effect:
    return Effect(key, EffectKind.NOTIFY, "8d7876c1", route, AT, "route-matches", {"severity": "critical"})


@pytest.fixture
def store(home: Path) -> Obligations:
    """The store of the settings with one effect given up, one delivered, one waiting, and a receiver that is gone."""
    with (home / "assure.yaml").open("a") as file:
        file.write(f"\nwebhooks: [{{name: on-call, url: '{URL}'}}]\n")
    settings = load_settings(home / "assure.yaml")
    settings.data_dir.mkdir()
    store = Obligations(settings.obligations_url())
    with store:
        store.put_effects([effect(KEY), effect("delivered"), effect("waiting", "tickets")], AT)
        why = "410 Gone"
        store.finish(Receipt(KEY, EffectKind.NOTIFY, "8d7876c1", "on-call", Outcome.DEAD, AT, attempts=9, detail=why))
        store.finish(Receipt("delivered", EffectKind.NOTIFY, "8d7876c1", "on-call", Outcome.DELIVERED, AT))
        store.disable_endpoint("on-call", URL, AT, why)
    return store


def test_the_dead_are_listed_with_their_reason(run: Run, store: Obligations) -> None:
    """The key stands alone on its line, to be copied."""
    shown = run("effects", "dead").output
    assert shown.splitlines()[0] == KEY
    assert "410 Gone" in shown
    assert widest(shown) <= 80
    assert [each["key"] for each in json.loads(run("effects", "dead", "--json").output)] == [KEY]


def test_what_waits_is_counted_by_route(run: Run, store: Obligations) -> None:
    """Ended effects do not count."""
    assert json.loads(run("effects", "pending", "--json").output) == {"tickets": 1}
    assert "tickets" in run("effects", "pending").output


@pytest.mark.parametrize("words", [(KEY,), ("--all",)])
def test_a_dead_effect_is_tried_again(run: Run, store: Obligations, words: tuple[str, ...]) -> None:
    """It waits to be sent with its first attempt; another time there is nothing left to revive."""
    assert run("effects", "revive", *words).output == "1 revived\n"
    with store:
        revived = store.effect(KEY)
    assert revived is not None
    assert (revived.state, revived.attempts) == (EffectState.PENDING, 0)
    assert "Nothing was given up" in run("effects", "dead").output


def test_what_a_receiver_refused_is_listed_and_tried_again(run: Run, store: Obligations) -> None:
    """But for a credit: a rule of ours refused it."""
    with store:
        credit = replace(effect("credit", "ledger"), kind=EffectKind.CREDIT)
        store.put_effects([effect("page", "other"), credit], AT)
        for key, kind in (("page", EffectKind.NOTIFY), ("credit", EffectKind.CREDIT)):
            store.finish(Receipt(key, kind, "8d7876c1", "other", Outcome.REFUSED, AT, detail="400: source is missing"))
    shown = run("effects", "refused").output
    assert shown.splitlines()[0] == "credit"
    assert "400: source is missing" in shown
    result = run("effects", "revive", "page", "credit")
    assert (result.exit_code, "1 revived" in result.output) == (3, True)
    assert "credit is a refused credit" in result.output
    with store:
        revived = store.effect("page")
    assert revived is not None
    assert revived.state is EffectState.PENDING


@pytest.mark.parametrize(("key", "why"), [("nonsense", "there is no effect nonsense"), ("delivered", "is delivered, not dead")])
def test_what_is_not_dead_is_not_revived(run: Run, store: Obligations, key: str, why: str) -> None:
    """Exit code 3 with the reason; the others that were named are revived."""
    result = run("effects", "revive", key, KEY)
    assert result.exit_code == 3
    assert why in result.output
    assert "1 revived" in result.output


@pytest.mark.parametrize("words", [(), (KEY, "--all")])
def test_revive_wants_keys_or_all(run: Run, store: Obligations, words: tuple[str, ...]) -> None:
    """Not neither, not both."""
    assert run("effects", "revive", *words).exit_code == 2


def test_a_receiver_is_switched_on_again(run: Run, store: Obligations) -> None:
    """What is off is seen, with its reason."""
    (one,) = json.loads(run("webhooks", "ls", "--json").output)
    assert (one["name"], one["kind"], one["url"], one["gone"]) == ("on-call", "webhook", URL, "410 Gone")
    assert "switched off" in run("webhooks", "ls").output
    assert "is sent to again" in run("webhooks", "enable", "on-call").output
    assert "switched off" not in run("webhooks", "ls").output
    assert "was not switched off" in run("webhooks", "enable", "on-call").output


def test_an_unknown_receiver_is_answered_with_the_nearest(run: Run, store: Obligations) -> None:
    """Exit code 3."""
    result = run("webhooks", "enable", "oncall")
    assert result.exit_code == 3
    assert "did you mean 'on-call'" in result.output


def test_a_store_that_cannot_be_used_is_exit_code_4(run: Run, home: Path) -> None:
    """Without a traceback."""
    (home / "data").write_text("a file where the folder should be")
    result = run("effects", "dead")
    assert result.exit_code == 4
    assert "Traceback" not in result.output


def test_every_receiver_is_listed_with_what_came_of_the_last_notification(run: Run, store: Obligations, home: Path) -> None:
    """Its kind, where it is without what is secret, and when it was last told."""
    with (home / "assure.yaml").open("a") as file:
        file.write("receivers:\n  - {name: pager, kind: pagerduty, secret: key-of-thirty-two-characters-it-is}\n")
        file.write("  - {name: chat, kind: slack, secret: 'https://hooks.slack.com/services/T0/B0/xyz'}\n")
        file.write("  - {name: mail, kind: email, url: 'smtps://mail.example.net', sender: noc@example.net, to: [duty@example.net]}\n")
    with store:
        store.put_effects([effect("paged", "core-night/pager"), effect("chatted", "core-night/chat")], AT)
        store.finish(Receipt("paged", EffectKind.NOTIFY, "8d7876c1", "core-night/pager", Outcome.DELIVERED, AT))
        store.finish(Receipt("chatted", EffectKind.NOTIFY, "8d7876c1", "core-night/chat", Outcome.DEAD, AT, detail="404"))
    found = {each["name"]: (each["kind"], each["last_outcome"]) for each in json.loads(run("webhooks", "ls", "--json").output)}
    assert found == {
        "on-call": ("webhook", "delivered"),
        "pager": ("pagerduty", "delivered"),
        "chat": ("slack", "dead"),
        "mail": ("email", ""),
    }
    shown = run("webhooks", "ls").output
    assert [word in shown for word in ("given up", "assure effects dead", "hooks.slack.com", "key-of")] == [True, True, False, False]
    assert "was not switched off" in run("webhooks", "enable", "pager").output
