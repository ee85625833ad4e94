"""When an effect is tried again and when it is given up; what Retry-After asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.http import retry_after_s
from pipeline.outputs.retry import RetryPolicy

SECOND = 1_000_000_000
NOW = 1_795_000_000 * SECOND
POLICY = RetryPolicy(first_s=1, cap_s=60, jitter=0.3, max_age_s=3600, max_attempts=20)


@pytest.mark.parametrize(("attempts", "wait_s"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (50, 60), (100_000, 60)])
def test_waits_double_up_to_the_cap(attempts: int, wait_s: int) -> None:
    assert POLICY.next_attempt_at(attempts, NOW, 0.0, 0.0) == NOW + wait_s * SECOND


@given(st.integers(1, 10_000), st.floats(0, 0.999), st.floats(0, 90_000))
def test_jitter_shortens_a_wait_by_at_most_its_part_and_never_below_what_was_asked(attempts: int, chance: float, asked_s: float) -> None:
    wait = POLICY.next_attempt_at(attempts, NOW, asked_s, chance) - NOW
    plain_wait = POLICY.next_attempt_at(attempts, NOW, 0.0, 0.0) - NOW
    assert wait >= int(asked_s * SECOND)
    assert wait >= int(plain_wait * 0.7) - 1
    assert wait <= max(plain_wait, int(asked_s * SECOND))


def test_it_gives_up_by_attempts_or_by_age_and_says_which() -> None:
    assert POLICY.given_up(19, NOW, NOW + SECOND) == ""
    assert POLICY.given_up(20, NOW, NOW + SECOND) == "given up after 20 attempts"
    assert "days" in POLICY.given_up(3, NOW, NOW + 3_601 * SECOND)


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("99999999", 86_400),
        ("-5", 0),
        ("soon", 0),
        ("Wed, 18 Nov 2026 11:07:40 GMT", 60),
        ("Wed, 18 Nov 2026 11:07:40 -0000", 60),
        ("Wed, 18 Nov 2020 11:07:40 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(header: str | None, wait_s: int) -> None:
    assert retry_after_s(header, NOW) == wait_s
