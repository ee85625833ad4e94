"""Messages of topic ``effects``: what is kept, and what becomes a dead letter with its bytes and reason."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from pipeline import wire
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.event import Tick
from pipeline.outputs.intake import sort_messages, why_unstorable

EFFECT = Effect("k", EffectKind.NOTIFY, "inc-1", "oncall", 1, "root-cause-found", {"x": 1})


@dataclass
class Record:
    """As aiokafka gives it."""

    value: bytes | None
    offset: int = 3
    topic: str = "effects"
    partition: int = 2
    key: bytes | None = None


def sort(*values: bytes | None) -> Any:
    return sort_messages([Record(value) for value in values], 9)


def test_effects_are_kept_in_order() -> None:
    found = sort(wire.encode([EFFECT, replace(EFFECT, key="l")]), wire.encode([replace(EFFECT, key="m")]))
    assert [effect.key for effect in found.effects] == ["k", "l", "m"]
    assert found.letters == []


@pytest.mark.parametrize("value", [None, b"", b"junk", b"\x93\x63\xa6effect\x90", wire.encode([Tick(5)])])
def test_a_message_that_holds_no_effects_is_a_dead_letter_and_the_next_goes_on(value: bytes | None) -> None:
    found = sort(value, wire.encode([EFFECT]))
    assert found.effects == [EFFECT]
    [letter] = found.letters
    assert (letter.topic, letter.partition, letter.offset, letter.value, letter.at) == ("effects", 2, 3, value or b"", 9)
    assert letter.detail


@pytest.mark.parametrize(
    "change",
    [
        {"key": ""},
        {"route": ""},
        {"key": "x" * 2_000},
        {"subject": "nul\0"},
        {"key": "line\nbreak"},
        {"decided_at": 2**64},
        {"decided_at": -1},
        {"body": {"bytes": b"x"}},
    ],
)
def test_an_effect_that_no_store_can_keep_is_known_before_it_is_tried(change: dict[str, Any]) -> None:
    assert why_unstorable(replace(EFFECT, **change))
    assert why_unstorable(EFFECT) == ""


def test_a_batch_with_one_bad_effect_keeps_the_good_ones_and_the_message() -> None:
    found = sort(wire.encode([EFFECT, replace(EFFECT, key="a\0b")]))
    assert found.effects == [EFFECT]
    assert [letter.reason for letter in found.letters] == ["malformed"]
