"""The trap collector's counters: one for each term of the sums that say that nothing is lost.

received = journaled + refused; journaled = published + absorbed + quarantined + waiting; sent = received + dropped by the kernel.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from collectors.journal import Journal
from collectors.trap.guard import Guard, Scope


class TrapMetrics:
    """Prometheus series of one trap collector, registered in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"assure_{name}_total", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"assure_{name}", text, labels, registry=registry)

        self.received = counter("datagrams_received", "datagrams read from the sockets")
        self.dropped = counter("datagrams_dropped", "datagrams that the kernel dropped because the receive buffer was full")
        self.refused = counter("datagrams_refused", "datagrams not journaled", "reason")
        self.journaled = counter("datagrams_journaled", "datagrams durable in the journal")
        self.quarantined = counter("traps_quarantined", "journaled datagrams that are no notification", "reason")
        self.absorbed = counter(
            "traps_absorbed", "notifications for which a newer one of the same object, or the same INFORM, was published", "reason"
        )
        self.passed = counter("traps_passed", "notifications that the storm guard let pass at once")
        self.delayed = counter("traps_delayed", "notifications that the storm guard held back to be published as the last of their object")
        self.held = gauge("traps_held", "notifications that the storm guard holds back now")
        self.storms = counter("trap_storms", "storms that began, by what exceeded its limit", "scope")
        self.storms_standing = gauge("trap_storms_standing", "storms that are not over, by what exceeded its limit", "scope")
        self.unidentified = counter("traps_unidentified", "notifications whose rule could not tell what they are about")
        self.answered = counter("informs_answered", "responses to INFORMs, each sent after the journal had the INFORM")
        self.reports = counter("v3_reports", "Reports by which v3 senders of INFORMs find our engine and its time", "reason")
        self.reports_withheld = counter("v3_reports_withheld", "Reports not sent, because their sender asked for too many")
        self.relaxed = counter(
            "traps_relaxed_clock", "traps taken outside of their time window, because the settings relax that sender's clock"
        )
        self.outside = gauge("v3_senders_outside_window", "sending engines whose traps are refused: their boots or time went wrong")
        self.buffer = gauge("receive_buffer_bytes", "what the kernel granted", "listen")
        self.drops_known = gauge("receive_drops_known", "1 when the kernel tells its drops, 0 when it cannot", "listen")
        self.last = gauge("journal_last_sequence", "newest durable sequence")
        self.acknowledged = gauge("journal_acknowledged_sequence", "newest published sequence")
        self.bytes = gauge("journal_bytes", "size of the journal's segments")

    def watch(self, journal: Journal) -> None:
        """Let the journal's gauges show the open journal."""
        self.last.set_function(lambda: journal.synced_sequence)
        self.acknowledged.set_function(lambda: journal.acknowledged)
        self.bytes.set_function(lambda: journal.bytes)

    def watch_guard(self, guard: Guard) -> None:
        """Let the guard's gauges show the guard at work."""
        self.held.set_function(lambda: guard.held_count)
        for scope in Scope:
            self.storms_standing.labels(scope.value).set_function(partial(_standing, guard, scope))


def _standing(guard: Guard, scope: Scope) -> int:
    return len(guard.storms(scope))
