"""The outbox: each effect once by its key, in order for each subject and route, leased to one process, and ended with one receipt."""

from dataclasses import replace

import pytest

from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.obligation import EffectState, Stored
from pipeline.obligations import Obligations

NOW = 1_000_000_000_000
LEASE = NOW + 60_000_000_000


def an_effect(key: str, subject: str = "inc-1", route: str = "tmf621", **changes: object) -> Effect:
    return replace(Effect(key, EffectKind.TICKET_OPEN, subject, route, NOW, "root-cause-found", {"n": key}), **changes)


def a_credit(amount_minor: int) -> Effect:
    return Effect("c-1", EffectKind.CREDIT, "acme", "ledger", NOW, "target-missed", {"amount_minor": amount_minor, "currency": "EUR"})


def a_receipt(effect: Effect, outcome: Outcome = Outcome.DELIVERED) -> Receipt:
    return Receipt(effect.key, effect.kind, effect.subject, effect.route, outcome, NOW + 5, "TT-000001", 1, "fine")


def claimed(store: Obligations, at: int = NOW, **busy: int) -> list[str]:
    return [taken.effect.key for taken in store.claim(at, at + 60_000_000_000, 4, busy)]


def test_an_effect_comes_back_as_it_was_stored(store: Obligations) -> None:
    effect = an_effect("a", body={"text": "naïve \u0000 \u2603", "list": [1, None, {"x": True}]})
    assert store.put_effects([effect], NOW) == Stored(new=1)
    found = store.effect("a")
    assert found is not None
    assert (found.effect, found.state, found.created_at) == (effect, EffectState.PENDING, NOW)
    assert store.effect("b") is None


def test_the_same_key_is_kept_once_within_a_batch_and_across_batches(store: Obligations) -> None:
    assert store.put_effects([an_effect("a"), an_effect("a"), an_effect("b")], NOW) == Stored(new=2, repeated=1)
    assert store.put_effects([an_effect("a"), an_effect("b")] * 3, NOW) == Stored(repeated=6)
    assert [stored.effect.key for stored in store.effects("inc-1")] == ["a", "b"]


def test_a_batch_larger_than_one_query_is_kept_whole(store: Obligations) -> None:
    effects = [an_effect(f"k{number:04d}", subject=f"inc-{number}") for number in range(1_201)]
    assert store.put_effects(effects, NOW) == Stored(new=1_201)
    assert store.put_effects(effects, NOW) == Stored(repeated=1_201)
    assert store.pending() == {"tmf621": 1_201}


def test_a_credit_that_comes_again_with_another_amount_leaves_one_refused_receipt(store: Obligations) -> None:
    assert store.put_effects([a_credit(500)], NOW) == Stored(new=1)
    assert store.put_effects([a_credit(500)], NOW) == Stored(repeated=1)
    for _ in range(2):
        assert store.put_effects([a_credit(400)], NOW) == Stored(conflicting=1)
    [refused] = store.receipts("acme")
    assert refused.outcome is Outcome.REFUSED
    assert "400 EUR" in refused.detail
    assert "500 EUR" in refused.detail
    stored = store.effect("c-1")
    assert stored is not None
    assert (stored.state, stored.effect.body["amount_minor"]) == (EffectState.PENDING, 500)


def test_of_each_subject_and_route_only_the_first_is_taken_until_it_has_ended(store: Obligations) -> None:
    first, second, other, page = an_effect("a"), an_effect("b"), an_effect("c", subject="inc-2"), an_effect("p", route="oncall")
    store.put_effects([first, second, other, page], NOW)
    assert claimed(store) == ["a", "c", "p"]
    assert claimed(store) == []
    store.finish(a_receipt(first))
    assert claimed(store) == ["b"]


def test_a_postponed_effect_holds_back_its_own_subject_only(store: Obligations) -> None:
    store.put_effects([an_effect("a"), an_effect("b"), an_effect("c", subject="inc-2")], NOW)
    assert claimed(store) == ["a", "c"]
    store.postpone("a", NOW + 10, "503")
    assert claimed(store) == []
    [again] = store.claim(NOW + 10, LEASE, 4, {})
    assert (again.effect.key, again.attempts, again.detail) == ("a", 2, "503")


def test_a_route_gets_no_more_than_its_places(store: Obligations) -> None:
    store.put_effects([an_effect(f"a{number}", subject=f"inc-{number}") for number in range(9)], NOW)
    store.put_effects([an_effect("p", route="oncall")], NOW)
    assert claimed(store, tmf621=3) == ["a0", "p"]
    assert claimed(store, tmf621=4) == []
    assert claimed(store, tmf621=2) == ["a1", "a2"]


def test_what_a_dead_process_had_taken_is_taken_again_when_its_lease_ends_or_is_given_up(store: Obligations) -> None:
    store.put_effects([an_effect("a")], NOW)
    assert claimed(store) == ["a"]
    assert claimed(store, at=NOW + 1) == []
    assert claimed(store, at=NOW + 60_000_000_000) == ["a"]
    assert store.release() == 1
    assert claimed(store) == ["a"]


@pytest.mark.parametrize("outcome", Outcome)
def test_an_effect_ends_once_with_one_receipt(store: Obligations, outcome: Outcome) -> None:
    effect = an_effect("a")
    store.put_effects([effect], NOW)
    receipt = a_receipt(effect, outcome)
    store.finish(receipt)
    store.finish(replace(receipt, detail="again", outcome=Outcome.DEAD))
    assert store.receipts() == [receipt]
    ended = store.effect("a")
    assert ended is not None
    assert (ended.state.value, ended.remote_id, ended.ended_at) == (outcome.value, "TT-000001", NOW + 5)
    assert store.pending() == {}


def test_receipts_are_published_until_they_are_marked(store: Obligations) -> None:
    effects = [an_effect("a"), an_effect("b", subject="inc-2")]
    store.put_effects(effects, NOW)
    for effect in effects:
        store.finish(a_receipt(effect))
    rows = store.unpublished(10)
    assert [receipt.key for _, receipt in rows] == ["a", "b"]
    store.mark_published([rows[0][0]])
    assert [receipt.key for _, receipt in store.unpublished(10)] == ["b"]
    assert [receipt.key for receipt in store.receipts("inc-1")] == ["a"]


def test_dead_effects_are_listed_and_can_be_tried_again(store: Obligations) -> None:
    effect = an_effect("a")
    store.put_effects([effect], NOW)
    assert not store.revive("a")
    store.finish(a_receipt(effect, Outcome.DEAD))
    assert [dead.effect.key for dead in store.dead_letters()] == ["a"]
    assert store.revive("a")
    assert claimed(store) == ["a"]
    assert store.dead_letters() == []


def test_a_receiver_that_is_gone_stays_gone_until_it_is_enabled_or_has_another_url(store: Obligations) -> None:
    assert store.endpoint_gone("oncall", "https://a.example/") is None
    for detail in ("410", "410 again"):
        store.disable_endpoint("oncall", "https://a.example/", NOW, detail)
    assert store.endpoint_gone("oncall", "https://a.example/") == "410"
    assert store.endpoint_gone("oncall", "https://b.example/") is None
    assert store.enable_endpoint("oncall")
    assert not store.enable_endpoint("oncall")
