"""Journal records -> messages, past the storm guard: repeated INFORMs and, in a storm, outdated states are absorbed, never lost unseen."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from prometheus_client import Counter

from collectors.journal import Journal, JournalCorruptError, JournalRecord
from collectors.publish import Message, Outgoing
from collectors.trap.guard import Guard, Scope, Storm
from collectors.trap.guarded import GuardedFile
from collectors.trap.inform import RepeatedInforms, may_be_inform
from collectors.trap.metric import TrapMetrics
from collectors.trap.storm import event_of
from collectors.trap.usm.message import is_v3
from pipeline import bus, wire
from pipeline.config.settings import TrapSettings
from pipeline.core.identity import Identity, by_rules, by_variables
from pipeline.core.knowledge import Knowledge
from pipeline.core.raw import RawTrap
from pipeline.core.reason import Reason

log = logging.getLogger(__name__)

Known = Callable[[], Knowledge | None]
"""Gives the rules and the inventory that are in force, at once; ``None`` while there are none."""

IDENTITIES_MAX = 65_536
TOLD = (Scope.SOURCE, Scope.OVERALL)
"""Storms that raise an alarm about themselves. One object's is what flapping is told of later; it is counted."""
UNTOLD_S = 0.5
"""How often it is looked whether rules and inventory are read, while a storm waits to be told of."""
INFORMS_READ_BACK = 20_000
"""Records that are looked through at the start for INFORMs whose repetition may still come."""


def nothing_known() -> None:
    """A collector without rules and inventory."""


class Identifier:
    """What a notification is about: by its rule where rules are known, by its variables otherwise. It remembers, and fails on none."""

    def __init__(self, known: Known, failed: Counter) -> None:
        self._known = known
        self._failed = failed
        self._used: Knowledge | None = None
        self._by_variables: dict[object, Identity] = {}

    def __call__(self, trap: RawTrap) -> Identity:
        """The identity of one notification."""
        plain = by_variables(trap)
        known = self._known()
        if known is None:
            return plain
        if known is not self._used or len(self._by_variables) > IDENTITIES_MAX:
            self._used = known
            self._by_variables.clear()
        found = self._by_variables.get(plain.subject)
        if found is None:
            found = self._by_variables[plain.subject] = self._ruled(trap, known, plain)
        return found

    def _ruled(self, trap: RawTrap, known: Knowledge, plain: Identity) -> Identity:
        try:
            return by_rules(trap, known.rules, known.directory, known.mibs)
        except Exception:
            self._failed.inc()
            log.exception("the rule for %s cannot tell what notification %d is about; its variables do", trap.trap_oid, trap.sequence)
            return plain


class Decodes(Protocol):
    """What is guarded: see ``collectors.trap.collector.TrapTransform``."""

    def decode(self, records: Sequence[JournalRecord]) -> list[RawTrap]:
        """The notifications among records that come for the first time."""
        ...

    def decode_again(self, records: Sequence[JournalRecord]) -> list[RawTrap]:
        """Those among records that were notifications for an earlier process."""
        ...

    def peek(self, records: Sequence[JournalRecord]) -> list[RawTrap]:
        """Those among records that are done with; nothing becomes of the others."""
        ...

    def messages(self, traps: Iterable[RawTrap]) -> list[Message]:
        """Notifications, packed by partition in their order."""
        ...


class GuardedTransform:
    """A publisher's transform that may hold records back and take them in again after a restart.

    ``clock`` is UTC nanoseconds: it moves time on while nothing comes; otherwise time is when the records were received, so that a
    backlog is judged by the rates of then. Set ``closing`` to let go of everything held with the next call.
    """

    def __init__(
        self,
        settings: TrapSettings,
        journal_dir: Path,
        inner: Decodes,
        metrics: TrapMetrics,
        partitions: int,
        *,
        known: Known = nothing_known,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._settings = settings
        self._inner = inner
        self._metrics = metrics
        self._partitions = partitions
        self._known = known
        self._clock = clock
        self._informs = RepeatedInforms()
        self._upto = 0
        self._held_before: dict[int, int] = {}
        self._absorbed = 0
        self._untold: list[Storm] = []
        self._file = GuardedFile(journal_dir)
        self.guard = Guard(settings.guard, Identifier(known, metrics.unidentified))
        self.closing = False

    def open(self) -> None:
        """Read what the process before left."""
        self._file.open()

    def handled(self, journal: Journal) -> int:
        """The sequence up to which every record is through, as the next process will know it; none of them is decoded anew."""
        return max(self._file.last.upto, journal.acknowledged)

    def restore(self, journal: Journal) -> None:
        """Go on where the process before stopped: what it held, what it had published beyond that, and the INFORMs it had."""
        left = self._file.last
        self._upto = self.handled(journal)
        self._absorbed = left.absorbed
        self._held_before = {sequence: repeats for sequence, repeats in left.held if sequence > journal.acknowledged}
        for scope, source in left.storms:
            self.guard.storm_again(Scope(scope), source)
        first = max(self._upto - INFORMS_READ_BACK + 1, 1)
        with suppress(JournalCorruptError):  # the publisher meets the damage again, and tells of it
            self._remember_informs(record for record in journal.read_from(first) if record.sequence <= self._upto)

    def _remember_informs(self, records: Iterable[JournalRecord]) -> None:
        for trap in self._inner.peek([record for record in records if may_be_inform(record.payload) or is_v3(record.payload)]):
            self._informs.is_repeated(trap)

    def __call__(self, records: Sequence[JournalRecord]) -> Outgoing:
        """What of these records, and of what was held, is published now. It fails on none."""
        before = [record for record in records if record.sequence in self._held_before]
        new = self._inner.decode([record for record in records if record.sequence > self._upto])
        for trap in self._inner.decode_again(before):
            self.guard.hold_again(replace(trap, repeats=self._held_before.pop(trap.sequence)))
        first_times = [trap for trap in new if not self._informs.is_repeated(trap)]
        out = self.guard.admit(first_times)
        out += self.guard.release_all() if self.closing else self.guard.due(records[-1].received_at if records else self._clock())
        if records:
            self._upto = max(self._upto, records[-1].sequence)
        return self._outgoing(out, repeated_informs=len(new) - len(first_times))

    def _outgoing(self, out: list[RawTrap], repeated_informs: int) -> Outgoing:
        guard = self.guard
        held = (*self._held_before.items(), *guard.held())
        absorbed, guard.absorbed = guard.absorbed, 0
        self._absorbed += absorbed + repeated_informs
        state = (self._upto, self._absorbed, held, tuple((scope.value, name) for scope in TOLD for name in guard.storms(scope)))
        messages = (*self._inner.messages(out), *self._told(guard.news()))

        def settled() -> None:
            self._file.write(*state)
            self._metrics.absorbed.labels(Reason.STORM.value).inc(absorbed)
            self._metrics.absorbed.labels(Reason.REPEATED_INFORM.value).inc(repeated_informs)

        floor = min(held)[0] - 1 if held else None
        wake_s = UNTOLD_S if self._untold else guard.wake_s()
        return Outgoing(messages, len(out), floor, wake_s, settled)

    def _told(self, storms: Iterable[Storm]) -> Iterator[Message]:
        """The storms that begin and end, counted; those of sources and overall as events as well.

        They wait until it is known who their source is: one that is told of an address and cleared of a device would stand for ever.
        """
        for storm in storms:
            if storm.began:
                self._metrics.storms.labels(storm.scope.value).inc()
            if storm.scope in TOLD:
                self._untold.append(storm)
        known = self._known()
        if known is not None or self._known is nothing_known or self.closing:
            told, self._untold = self._untold, []
            for storm in told:
                event = event_of(storm, self._settings.collector, self._settings.guard, known)
                log.warning("%s", event.text)
                yield Message(bus.partition_of(event.domain, self._partitions), wire.encode([event]), wire.Topic.EVENTS)
