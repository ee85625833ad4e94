"""When to try again, and when to give up: exponential back-off with jitter."""

from dataclasses import dataclass

_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Wait ``first_s``, then twice as long each time up to ``cap_s``, less a random part of up to ``jitter``.

    Give up after ``max_age_s`` or ``max_attempts``, whichever comes first. An attempt that fails in our own code counts against
    ``max_crashes``.
    """

    first_s: float = 1.0
    cap_s: float = 300.0
    jitter: float = 0.3
    max_age_s: float = 3 * 86_400.0
    max_attempts: int = 2_000
    max_crashes: int = 10

    def next_attempt_at(self, attempts: int, at: int, asked_s: float, chance: float) -> int:
        """When (UTC nanoseconds) to try after ``attempts`` failures; never earlier than the receiver asked (``asked_s``).

        ``chance`` in [0, 1) decides the jitter: receivers that come back are not hit by everybody at once.
        """
        wait_s = min(self.first_s * 2.0 ** min(attempts - 1, 30), self.cap_s) * (1 - self.jitter * chance)
        return at + int(max(wait_s, asked_s) * _NANO)

    def given_up(self, attempts: int, created_at: int, next_attempt_at: int) -> str:
        """Why there is no next attempt; empty when there is one."""
        if attempts >= self.max_attempts:
            return f"given up after {attempts} attempts"
        if next_attempt_at - created_at > self.max_age_s * _NANO:
            return f"given up after {self.max_age_s / 86_400:g} days and {attempts} attempts"
        return ""
