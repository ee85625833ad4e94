"""What the outputs count."""

from collections.abc import Mapping
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


class OutputMetrics:
    """The series of effects, in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.effects = Counter("assure_effects_total", "Effects that ended, or came again", ["kind", "outcome"], registry=registry)
        self.attempts = Counter("assure_effect_attempts_total", "Attempts to carry an effect out", ["kind"], registry=registry)
        self.seconds = Histogram(
            "assure_effect_seconds",
            "From decision to delivery",
            ["kind"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86_400),
            registry=registry,
        )
        self.pending = Gauge("assure_effects_pending", "Effects that have not ended", ["route"], registry=registry)
        self.credits = Counter("assure_credit_steps_total", "Steps of credits on their way to billing", ["kind"], registry=registry)
        self._routes: set[str] = set()
        self.unreadable = Counter(
            "assure_effect_messages_refused_total", "Messages of effects that could not be kept", ["reason"], registry=registry
        )

    def set_pending(self, by_route: Mapping[str, int]) -> None:
        """Show how many effects wait; a route that has none any more shows 0."""
        self._routes |= by_route.keys()
        for route in self._routes:
            self.pending.labels(route).set(by_route.get(route, 0))


@cache
def process_metrics() -> OutputMetrics:
    """The series of this process, made at the first call."""
    return OutputMetrics(REGISTRY)
