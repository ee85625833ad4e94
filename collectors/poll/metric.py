"""The poll collector's counters.

due + on suspicion = polled + skipped; polled = journaled + refused; journaled = published + unreadable + waiting.
"""

from collections.abc import Set as AbstractSet

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from collectors.journal import Journal
from collectors.poll.poller import Polled

SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


class PollMetrics:
    """Prometheus series of one poll collector, registered in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"assure_{name}_total", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"assure_{name}", text, registry=registry)

        self.polls = counter("polls", "polls that ended, by outcome", "outcome")
        self.skipped = counter("polls_skipped", "turns lost because the device's last poll was still under way")
        self.refused = counter("polls_refused", "polls that could not be journaled", "reason")
        self.journaled = counter("polls_journaled", "polls durable in the journal")
        self.on_suspicion = counter("polls_on_suspicion", "polls that a trap's claim asked for, out of turn")
        self.questions = counter("questions", "questions that traps' claims gave rise to, by what became of them", "reason")
        self.hearing = gauge("questions_heard", "1 while the collector listens for questions; without the broker only the schedule polls")
        self.undecodable = counter("polls_undecodable", "journal records that this version cannot read; their bytes stay in the journal")
        self.values = counter("poll_values", "values taken from answers")
        self.values_refused = counter("poll_values_refused", "values of another type than their column's, or not asked for")
        self.seconds = Histogram("assure_poll_seconds", "how long one device's poll took", buckets=SECONDS, registry=registry)
        self.requests = counter("poll_requests", "SNMP requests sent")
        self.walks = counter("poll_walks", "walks of tables, by how they ended", "end")
        self.devices = gauge("poll_devices", "devices that this collector polls")
        self.partitions = gauge("poll_partitions", "partitions whose devices this collector polls")
        self.given_up = gauge("poll_devices_given_up", "devices silent for so long that they are asked one question a turn")
        self._given_up: set[str] = set()
        self.last = gauge("journal_last_sequence", "newest durable sequence")
        self.acknowledged = gauge("journal_acknowledged_sequence", "newest published sequence")
        self.bytes = gauge("journal_bytes", "size of the journal's segments")

    def count(self, polled: Polled) -> None:
        """Count one poll that ended."""
        self.polls.labels(polled.poll.outcome.value).inc()
        self.values.inc(polled.values)
        self.values_refused.inc(polled.refused)
        self.seconds.observe(polled.seconds)
        self.requests.inc(polled.requests)
        for end in polled.ends:
            self.walks.labels(end.value).inc()
        self._note(polled.poll.device, is_given_up=polled.is_given_up)

    def share(self, devices: AbstractSet[str], partitions: int) -> None:
        """Show what this collector polls."""
        self.devices.set(len(devices))
        self.partitions.set(partitions)
        self._given_up &= devices
        self.given_up.set(len(self._given_up))

    def _note(self, device: str, *, is_given_up: bool) -> None:
        if is_given_up != (device in self._given_up):
            self._given_up ^= {device}
            self.given_up.set(len(self._given_up))

    def watch(self, journal: Journal) -> None:
        """Let the journal's gauges show the open journal."""
        self.last.set_function(lambda: journal.synced_sequence)
        self.acknowledged.set_function(lambda: journal.acknowledged)
        self.bytes.set_function(lambda: journal.bytes)
