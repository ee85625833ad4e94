"""A storm of traps is never a storm of polls; a device is asked when its answer can contradict the trap, and old questions not at all."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from collectors.poll.question import AFTER_NS, Questions
from pipeline.core.reason import Reason
from pipeline.core.reconcile import DOUBT_NS, MARGIN_NS

SECOND = 1_000_000_000
IDLE: frozenset[str] = frozenset()


def asked(questions: Questions, seconds: float, busy: frozenset[str] = IDLE) -> tuple[str, ...]:
    return questions.ready(int(seconds * SECOND), busy).devices


def test_a_device_is_asked_a_second_after_the_trap_and_once() -> None:
    """Late enough that what it answers was true after the trap left."""
    questions = Questions(5, 20)
    assert questions.take("a", 0, 0) is Reason.ASKED
    assert questions.next_at(IDLE) == AFTER_NS > MARGIN_NS
    assert asked(questions, 1.0) == ()
    assert asked(questions, 1.05) == ("a",)
    assert asked(questions, 60) == ()


def test_the_way_of_a_trap_counts_towards_the_second() -> None:
    """A question that took 0.8 s waits for the rest; one that took longer is asked at once; a clock ahead only waits longer."""
    for age, due in ((0.8, 0.25), (3.0, 0.0), (-0.5, 1.55)):
        questions = Questions(5, 20)
        questions.take("a", int(age * SECOND), 0)
        assert questions.next_at(IDLE) == round(due * SECOND)


def test_an_old_question_is_not_asked() -> None:
    """Replayed, or held up on its way: its answer would prove nothing of the trap."""
    questions = Questions(5, 20)
    for age in (DOUBT_NS + 1, -DOUBT_NS - 1, 3600 * SECOND):
        assert questions.take("a", age, 0) is Reason.TOO_OLD
    assert len(questions) == 0


def test_claims_of_one_device_are_answered_by_one_poll() -> None:
    """A later claim moves the poll so that it can contradict that one too, but a second at most: a chatterbox is not waited for."""
    questions = Questions(5, 20)
    questions.take("a", 0, 0)
    assert questions.take("a", 0, int(0.6 * SECOND)) is Reason.ALREADY_WAITING
    assert questions.next_at(IDLE) == AFTER_NS + 6 * SECOND // 10
    for tenth in range(7, 20):
        questions.take("a", 0, tenth * SECOND // 10)
    assert questions.next_at(IDLE) == AFTER_NS + MARGIN_NS


def test_a_device_is_left_alone_for_the_pause() -> None:
    """What it claims meanwhile is asked when the pause is over."""
    questions = Questions(5, 20)
    questions.take("a", 0, 0)
    assert asked(questions, 1.05) == ("a",)
    assert questions.take("a", 0, 2 * SECOND) is Reason.ASKED
    assert asked(questions, 6.0) == ()
    assert asked(questions, 6.05) == ("a",)


def test_a_device_that_is_being_asked_is_asked_afterwards() -> None:
    """The answer under way may be older than the trap."""
    questions = Questions(5, 20)
    questions.take("a", 0, 0)
    assert asked(questions, 2, busy=frozenset("a")) == ()
    assert questions.next_at(frozenset("a")) == AFTER_NS + DOUBT_NS
    assert asked(questions, 3) == ("a",)


def test_the_schedule_answers_what_was_due() -> None:
    """Its poll began after the second was over; one that begins before does not count."""
    questions = Questions(5, 20)
    questions.take("a", 0, 0)
    assert not questions.begun("a", SECOND)
    assert questions.begun("a", 2 * SECOND)
    assert not questions.begun("a", 2 * SECOND)
    assert questions.next_at(IDLE) is None


def test_more_devices_than_the_budget_are_asked_in_turn_and_the_rest_dropped() -> None:
    """Two a second: two at once, then one each half second, until ten seconds have made the rest pointless."""
    questions = Questions(5, 2)
    for number in range(40):
        questions.take(f"d{number}", 0, 0)
    told: list[str] = []
    dropped: Counter[Reason] = Counter()
    now = questions.next_at(IDLE)
    while now is not None:
        ready = questions.ready(now, IDLE)
        told += ready.devices
        dropped.update(reason for _, reason in ready.dropped)
        after = questions.next_at(IDLE)
        assert after is None or after > now, "it would be looked at for ever"
        now = after
    assert told == [f"d{number}" for number in range(len(told))]
    assert 2 + 2 * 10 - 1 <= len(told) <= 2 + 2 * 10
    assert dropped == {Reason.OVER_BUDGET: 40 - len(told)}


def test_a_budget_of_nothing_asks_nothing() -> None:
    questions = Questions(5, 0)
    assert questions.take("a", 0, 0) is Reason.OVER_BUDGET
    assert questions.next_at(IDLE) is None


TRAPS = st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 30), st.integers(-2_000, 12_000)), min_size=1, max_size=400)


@given(traps=TRAPS, pause_s=st.sampled_from([0.5, 2, 5]), per_s=st.sampled_from([0.5, 1, 3, 20]))
def test_a_storm_stays_within_the_budget_and_every_question_has_an_end(
    traps: list[tuple[int, int, int]], pause_s: float, per_s: float
) -> None:
    """Whatever comes: no device twice within the pause, no more in any time than the budget, and each question asked or dropped once."""
    questions = Questions(pause_s, per_s)
    told: list[tuple[int, str]] = []
    ends: Counter[Reason] = Counter()
    taken: Counter[Reason] = Counter()

    def look(now: int) -> None:
        ready = questions.ready(now, IDLE)
        told.extend((now, device) for device in ready.devices)
        ends.update(reason for _, reason in ready.dropped)

    def until(now: int) -> None:
        while (due := questions.next_at(IDLE)) is not None and due <= now:
            look(due)
        look(now)

    for at_ms, device, age_ms in sorted(traps):
        until(at_ms * 1_000_000)
        taken[questions.take(f"d{device}", age_ms * 1_000_000, at_ms * 1_000_000)] += 1
    until(200 * SECOND)
    assert len(told) + ends.total() == taken[Reason.ASKED]
    assert taken.total() == len(traps)
    last: dict[str, int] = {}
    for place, (now, device) in enumerate(told):
        assert now - last.get(device, -SECOND * 100) >= pause_s * SECOND
        last[device] = now
        for first, _ in told[: place + 1]:
            within = sum(first <= moment <= now for moment, _ in told)
            assert within <= max(1, per_s) + (now - first) / SECOND * per_s + 1e-6
