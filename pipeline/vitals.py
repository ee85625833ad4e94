"""What the doctor looks at: counters and readiness of each part, the journal, the stores, lags, dead letters, the disk."""

import asyncio
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from collectors.journal.overview import overview
from collectors.trap import quarantine
from collectors.trap.conservation import conservation
from pipeline import bus
from pipeline.auditing import beside_the_host, host_drops, left_behind, polls_left_behind, receive_buffers, span_kept
from pipeline.config.settings import Settings
from pipeline.core.inventory import Inventory
from pipeline.doctoring import Counted, Finding, Journaled, Kept, Look, Verdict, once_each, polls_stored
from pipeline.inventory.snapshot import Snapshots, age_text
from pipeline.obligations import Obligations
from pipeline.store.queries import Queries

WAIT_S = 2.0
LEAST_FREE_BYTES = 1_000_000_000
BEHIND_MESSAGES = 5_000
GROUPS = {"worker": "assure", "outputs": "outputs", "detectors": "assure-detectors"}
"""The consumer group of each part whose lag the broker knows; the sink commits no message without rows, and tells its lag itself."""

_TRAPS_KEPT_NS = 89 * 86_400 * 10**9
"""From this age on a notification may be gone from the store, which keeps them for 90 days."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """The samples of one process: (name, labels, value)."""

    samples: tuple[tuple[str, Mapping[str, str], float], ...]

    def total(self, name: str) -> int:
        """A counter summed over its labels; 0 when it is not there."""
        return round(sum(value for each, _, value in self.samples if each == name))

    def by(self, name: str, label: str) -> dict[str, int]:
        """A counter by one label, summed over the others."""
        found: dict[str, int] = {}
        for each, labels, value in self.samples:
            if each == name and label in labels:
                found[labels[label]] = found.get(labels[label], 0) + round(value)
        return found


def parse(text: str) -> Scrape:
    """Read the Prometheus text format."""
    families = text_string_to_metric_families(text)
    return Scrape(tuple((sample.name, sample.labels, sample.value) for family in families for sample in family.samples))


def counted(scrape: Scrape) -> Counted:
    """The trap collector's terms of the sums."""
    return Counted(
        received=scrape.total("assure_datagrams_received_total"),
        journaled=scrape.total("assure_datagrams_journaled_total"),
        refused=scrape.by("assure_datagrams_refused_total", "reason"),
        dropped=scrape.total("assure_datagrams_dropped_total"),
        drops_known=all(scrape.by("assure_receive_drops_known", "listen").values()),
    )


class Vitals:
    """Looks at one installation, which the command ``start`` starts. What does not answer is a finding, never an exception."""

    def __init__(
        self, settings: Settings, queries: Queries, obligations: Obligations, inventory: Callable[[], Inventory], start: str = "assure up"
    ) -> None:
        self._settings = settings
        self._start = f"start it: {start}"
        self._queries = queries
        self._obligations = obligations
        self._inventory = inventory

    def looks(self) -> dict[str, Look]:
        """What the sums are made of, for each collector of traps: from the end of the path to its beginning."""
        return {collector: self._look(process, collector) for process, collector in self._settings.trap_collectors.items()}

    def _look(self, process: str, collector: str) -> Look:
        kept, journal = self._kept(collector), self._journal(collector)
        text = self._get(process, "/metrics")
        return Look(kept, journal, counted(parse(text)) if text is not None else None)

    def _kept(self, collector: str) -> Kept | None:
        try:
            stored = self._queries.unique_traps().get(collector, 0)
            oldest, received_at = self._queries.oldest_trap(collector)
        except OSError:
            return None
        if not oldest or time.time_ns() - received_at < _TRAPS_KEPT_NS:
            return Kept(stored)
        folder = self._settings.journal_dir(collector)
        replayed = quarantine.replayed(folder)
        kept_aside = sum(each.sequence < oldest and each.sequence not in replayed for each in quarantine.read(folder))
        return Kept(stored, expired=oldest - 1 - kept_aside)

    def _journal(self, collector: str) -> Journaled | None:
        folder = self._settings.journal_dir(collector)
        if not folder.is_dir():
            return None
        found = conservation(folder)
        return Journaled(found["journaled"], found["published"], found["quarantined"], found["waiting"], found["absorbed"])

    def obligations(self) -> tuple[Finding, ...]:
        """What must exist once: tickets, credits; and the ledger's chain."""
        try:
            tickets = [(link.incident, link.system) for link in self._obligations.tickets(100_000)]
            entries = [entry.credit for entry in self._obligations.credits(limit=100_000)]
            broken = self._obligations.verify()
        except OSError as error:
            return (Finding("obligations", Verdict.UNKNOWN, str(error)),)
        decisions = [(c.contract, c.service, c.metric, c.period, str(c.revision)) for c in entries]
        return once_each(tickets, decisions, f"entry {broken.sequence} ({broken.key}): {broken.why}" if broken else "")

    def polls(self) -> Finding:
        """Whether a poll was lost between journal and store."""
        try:
            return polls_stored(self._queries.polls_stored())
        except OSError as error:
            return Finding("polls journaled = polls stored", Verdict.UNKNOWN, str(error))

    def parts(self) -> tuple[Finding, ...]:
        """Whether each part answers and is ready, how far it is behind, what it gave up."""
        lags = asyncio.run(self._lags())
        return (
            self._broker(lags),
            self._history(),
            *(self._part(name, lags) for name in self._settings.processes),
            *self._receiving(),
            *self._journals(),
            *self._devices(),
            *self._sources(),
            *self._outbox(),
            self._disk(),
        )

    async def _lags(self) -> dict[str, dict[str, int]] | OSError:
        bootstrap = self._settings.broker.bootstrap
        try:
            return {part: await bus.lag(bootstrap, group) for part, group in GROUPS.items()}
        except OSError as error:
            return error

    def _broker(self, lags: dict[str, dict[str, int]] | OSError) -> Finding:
        if isinstance(lags, OSError):
            return Finding("broker", Verdict.BROKEN, str(lags), self._start)
        return Finding("broker", Verdict.HOLDS, f"answers at {self._settings.broker.bootstrap}")

    def _history(self) -> Finding:
        try:
            counts = self._queries.counts()
        except OSError as error:
            return Finding("history", Verdict.BROKEN, str(error), self._start)
        lost = counts["dead_letter"] + counts["quarantine_message"]
        detail = f"answers; {counts['dead_letter']} dead letters, {counts['quarantine_message']} unreadable messages"
        verdict = Verdict.BROKEN if lost else Verdict.HOLDS
        return Finding("history", verdict, detail, "see why: assure topic tail dead.letters --from-start")

    def _part(self, name: str, lags: dict[str, dict[str, int]] | OSError) -> Finding:
        answer = self._get(name, "/readyz", even_when_not_ready=True)
        if answer is None:
            return Finding(name, Verdict.BROKEN, f"does not answer at {self._base(name)}", f"{self._start}; or see {self._log(name)}")
        if answer != "ready":
            return Finding(name, Verdict.BROKEN, answer, f"see {self._log(name)}")
        behind = self._behind(name, lags)
        if behind is None:
            return Finding(name, Verdict.HOLDS, "ready")
        total = sum(behind.values())
        detail = f"ready; {total} messages behind"
        most = max(behind, key=behind.__getitem__, default="")
        remedy = f"most of them in {most}: if this grows, it is too slow or stuck; see {self._log(name)}"
        return Finding(name, Verdict.BROKEN if total > BEHIND_MESSAGES else Verdict.HOLDS, detail, remedy)

    def _behind(self, name: str, lags: dict[str, dict[str, int]] | OSError) -> dict[str, int] | None:
        """Topic -> messages that a part has not read; ``None`` for one that reads none, or when nobody tells."""
        if name == "sink":
            text = self._get(name, "/metrics")
            return None if text is None else parse(text).by("assure_sink_lag_messages", "topic")
        return None if isinstance(lags, OSError) else lags.get(name)

    def _receiving(self) -> Iterator[Finding]:
        """The receive buffers that were got, beside those asked for; and what the host counts for all of its UDP sockets together."""
        traps = self._settings.traps
        scrapes = [parse(text) for process in self._settings.trap_collectors if (text := self._get(process, "/metrics")) is not None]
        granted = [size for scrape in scrapes for size in scrape.by("assure_receive_buffer_bytes", "listen").values()]
        if granted:
            yield receive_buffers(granted, traps.receive_buffer_bytes)
        dropped = sum(scrape.total("assure_datagrams_dropped_total") for scrape in scrapes)
        host = host_drops()
        if host is not None and scrapes:
            yield beside_the_host(host, dropped)

    def _journals(self) -> Iterator[Finding]:
        """How far back each journal goes; and journals of receivers that are no more, which nobody publishes."""
        traps, polls = self._settings.traps, self._settings.polls
        bounds = dict.fromkeys(self._settings.trap_collectors.values(), traps.journal_bytes)
        bounds |= dict.fromkeys(self._settings.poll_collectors.values(), polls.journal_bytes)
        for collector, bound in bounds.items():
            folder = self._settings.journal_dir(collector)
            if folder.is_dir():
                yield span_kept(overview(folder), bound)
        gone = ((left_behind, "traps", "datagrams", "receiver"), (polls_left_behind, "polls", "polls", "poller"))
        for folders, section, what, who in gone:
            for folder in folders(self._settings):
                waiting = overview(folder).waiting
                remedy = f"nobody publishes them: raise {section}.processes to {folder.name.rpartition('.')[2]} until they have drained"
                if waiting:
                    yield Finding(f"journal {folder.name}", Verdict.BROKEN, f"{waiting} {what} wait, and it has no {who}", remedy)

    def _devices(self) -> Iterator[Finding]:
        try:
            declared, answering = len(self._inventory().devices), self._queries.answering()
        except (OSError, ValueError) as error:
            yield Finding("devices", Verdict.UNKNOWN, str(error).splitlines()[0])
            return
        verdict = Verdict.BROKEN if declared and not answering else Verdict.HOLDS  # some being down is the network's trouble, not ours
        remedy = "no device answers: check addresses, ports and communities in the inventory, and what stands between"
        yield Finding("devices", verdict, f"{answering} of {declared} answered their last poll", remedy)

    def _sources(self) -> Iterator[Finding]:
        """The sources of the inventory: broken is one whose last whole answer is too old."""
        own, snapshots, now = self._settings.inventory, Snapshots(self._settings.snapshot_dir), time.time_ns()
        for source in own.fetched:
            state = snapshots.state(source.name)
            age = now - state.fetched_at
            verdict = Verdict.BROKEN if not state.fetched_at or 0 < own.stale_s * 10**9 < age else Verdict.HOLDS
            told = f"its last whole answer is {age_text(age)} old" if state.fetched_at else "it never gave a whole answer"
            remedy = state.error or f"ask it: assure topology fetch {source.name}"
            yield Finding(f"source {source.name}", verdict, told, remedy if verdict is Verdict.BROKEN else "")

    def _outbox(self) -> Iterator[Finding]:
        try:
            dead, pending = self._obligations.dead_letters(1_000), self._obligations.pending()
            gone = {hook.name: self._obligations.endpoint_gone(hook.name, hook.url) for hook in self._settings.webhooks}
        except OSError as error:
            yield Finding("outbox", Verdict.UNKNOWN, str(error))
            return
        detail = f"{sum(pending.values())} effects to be sent, {len(dead)} given up"
        remedy = "see why, mend the receiver, and send them again: assure effects dead"
        yield Finding("outbox", Verdict.BROKEN if dead else Verdict.HOLDS, detail, remedy)
        for name, why in gone.items():
            if why is not None:
                yield Finding(f"webhook {name}", Verdict.BROKEN, f"switched off: {why}", f"once it is back: assure webhooks enable {name}")

    def _disk(self) -> Finding:
        free = shutil.disk_usage(self._settings.data_dir).free if self._settings.data_dir.exists() else 0
        verdict = Verdict.HOLDS if free >= LEAST_FREE_BYTES else Verdict.BROKEN
        remedy = "make room: a full disk makes the collectors refuse datagrams"
        return Finding("disk", verdict, f"{free / 1e9:.1f} GB free for {self._settings.data_dir}", remedy)

    def _get(self, part: str, path: str, *, even_when_not_ready: bool = False) -> str | None:
        try:
            with urllib.request.urlopen(self._base(part) + path, timeout=WAIT_S) as answer:  # noqa: S310  # always http
                return str(answer.read().decode()).strip()
        except urllib.error.HTTPError as error:
            return error.read().decode().strip() if even_when_not_ready else None
        except OSError:
            return None

    def _base(self, part: str) -> str:
        host = "127.0.0.1" if self._settings.metrics_host == "0.0.0.0" else self._settings.metrics_host  # noqa: S104  # asked, not bound
        return f"http://{host}:{self._settings.metrics_port_of(part)}"

    def _log(self, part: str) -> str:
        return str(self._settings.data_dir / "log" / f"{part}.log")
