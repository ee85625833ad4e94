"""The trap collector: sockets -> journal -> decode -> topic ``raw.traps``; an INFORM is answered when the journal has it."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client import REGISTRY, CollectorRegistry

from collectors.journal import Entry, Journal, JournalRecord
from collectors.keeping import Keeper, cancel, raise_first
from collectors.publish import Connect, Message, Publisher, PublishLimits, PublishMetrics, kafka_sender, pack
from collectors.trap.address import AllowList, networks
from collectors.trap.ber import DecodeError
from collectors.trap.decode import TrapDecoder
from collectors.trap.guarding import GuardedTransform, Known, nothing_known
from collectors.trap.inform import response
from collectors.trap.metric import TrapMetrics
from collectors.trap.quarantine import Quarantine
from collectors.trap.receiver import Datagram, listeners_of, readable
from collectors.trap.usm.message import is_v3
from collectors.trap.usm.security import UserSecurity
from collectors.trap.v3_answer import V3Answers
from pipeline import bus
from pipeline.config.settings import COMPONENTS, Settings, TrapSettings
from pipeline.core.raw import RawTrap
from pipeline.core.reason import Reason
from pipeline.telemetry import serve_health
from pipeline.wire import Topic

log = logging.getLogger(__name__)

BATCH_DATAGRAMS = 1_024
QUARANTINE_BYTES = 268_435_456
FINAL_DRAIN_S = 1.0
FINAL_FLUSH_S = 1.0
"""How long what the storm guard holds may take to be published at the end; after that it waits in the journal for the next start."""


_Refused = tuple[JournalRecord, DecodeError]


class TrapTransform:
    """Journal records -> notifications -> messages for ``raw.traps``; what is none goes to quarantine. It fails on no datagram."""

    def __init__(
        self,
        decoder: TrapDecoder,
        quarantine: Quarantine,
        metrics: TrapMetrics,
        partitions: int,
        security: UserSecurity | None = None,
    ) -> None:
        self._decoder = decoder
        self._security = security
        self._quarantine = quarantine
        self._metrics = metrics
        self._partitions = partitions
        self._places: dict[str, int] = {}

    def messages(self, traps: Iterable[RawTrap]) -> list[Message]:
        """Notifications in their order, packed by the partition of their source."""
        batches: dict[int, list[RawTrap]] = {}
        for trap in traps:
            batches.setdefault(self._partition(trap.source), []).append(trap)
        messages: list[Message] = []
        for partition, batch in batches.items():
            messages.extend(pack(partition, batch))
        return messages

    def decode(self, records: Sequence[JournalRecord]) -> list[RawTrap]:
        """The traps among records that come for the first time; the others are in quarantine, durably, when this returns."""
        if self._security is not None and records:
            self._security.begin(records[0].sequence)
        traps, refused = self._decode(records)
        self._metrics.relaxed.inc(sum(trap.relaxed_clock for trap in traps))
        self._put_aside(refused)
        return traps

    def decode_again(self, records: Sequence[JournalRecord]) -> list[RawTrap]:
        """The traps among records that were traps for an earlier process; what is none by now is in quarantine."""
        traps, refused = self._decode(records, again=True)
        self._put_aside(refused)
        return traps

    def peek(self, records: Sequence[JournalRecord]) -> list[RawTrap]:
        """The traps among records that are done with; nothing becomes of the others."""
        return self._decode(records, again=True)[0]

    def _decode(self, records: Sequence[JournalRecord], *, again: bool = False) -> tuple[list[RawTrap], list[_Refused]]:
        traps: list[RawTrap] = []
        refused: list[_Refused] = []
        decode = self._decoder.decode
        for record in records:
            try:
                traps.append(decode(record, again=again))
            except DecodeError as error:
                refused.append((record, error))
            except Exception as error:
                log.exception("decoding record %d failed; it goes to quarantine. Please report it with its bytes", record.sequence)
                refused.append((record, DecodeError(Reason.HANDLER_FAILED, repr(error))))
        return traps, refused

    def _put_aside(self, refused: Sequence[_Refused]) -> None:
        for known in self._quarantine.put(refused) if refused else ():
            self._metrics.quarantined.labels(known.reason.value).inc()

    def _partition(self, source: str) -> int:
        place = self._places.get(source)
        if place is None:
            if len(self._places) > 65_536:  # noqa: PLR2004  a bound on memory, whatever is sent
                self._places.clear()
            place = self._places[source] = bus.partition_of(source, self._partitions)
        return place


class TrapCollector:
    """One trap collector; an async context manager that opens journal, quarantine and sockets, and :meth:`run` that works.

    ``connect`` gives a connection to the broker, ``known`` rules and inventory by which the storm guard tells what a notification is about,
    ``clock`` UTC nanoseconds.
    """

    def __init__(
        self,
        settings: TrapSettings,
        journal_dir: Path,
        partitions: int,
        connect: Connect,
        *,
        registry: CollectorRegistry = REGISTRY,
        limits: PublishLimits | None = None,
        clock: Callable[[], int] = time.time_ns,
        known: Known = nothing_known,
    ) -> None:
        security = UserSecurity(settings.users, journal_dir) if settings.users else None
        communities = [text.encode() for text in settings.communities]
        decoder = TrapDecoder(settings.collector, communities, networks(settings.forwarders), security)
        self.metrics = TrapMetrics(registry)
        bounds = {"segment_bytes": settings.segment_bytes, "journal_bytes": settings.journal_bytes}
        self.journal = Journal(journal_dir, **bounds, keep_days=settings.journal_days)
        self._keeper = Keeper(self.journal, journaled=self.metrics.journaled, refused=self.metrics.refused, what="datagrams")
        self.quarantine = Quarantine(journal_dir, quarantine_bytes=QUARANTINE_BYTES, keep_days=settings.journal_days)
        self.listeners = listeners_of(settings.listen, receive_buffer_bytes=settings.receive_buffer_bytes, receivers=settings.processes)
        transform = TrapTransform(decoder, self.quarantine, self.metrics, partitions, security)
        self._guarded = GuardedTransform(settings, journal_dir, transform, self.metrics, partitions, known=known, clock=clock)
        self.publisher = Publisher(self.journal, self._guarded, connect, PublishMetrics("traps", registry), limits)
        self._decoder = decoder
        self._security = security
        self._v3_answers = V3Answers(decoder, security, self.metrics) if security else None
        self._allow = AllowList(networks(settings.allow))
        self._batch_s = settings.batch_ms / 1000
        self._clock = clock
        self._busy = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open everything. Raises ``ListenError``, ``JournalError`` or ``EngineError``, each naming the remedy."""
        async with AsyncExitStack() as stack:
            stack.enter_context(self._keeper)
            stack.enter_context(self.quarantine)
            self._guarded.open()
            if self._security is not None:
                self._start_security(self._security, stack)
            for listener in self.listeners:
                stack.enter_context(listener)
                self.metrics.buffer.labels(listener.listen).set(listener.granted_bytes)
                self.metrics.drops_known.labels(listener.listen).set(listener.drops_known)
                log.info("listening on %s:%d, receive buffer %d bytes", *listener.address, listener.granted_bytes)
            self._guarded.restore(self.journal)
            self.publisher.call_again()
            self.metrics.watch(self.journal)
            self.metrics.watch_guard(self._guarded.guard)
            self._stack = stack.pop_all()
        return self

    def _start_security(self, security: UserSecurity, stack: AsyncExitStack) -> None:
        security.start(self.journal, self._clock(), self._guarded.handled(self.journal))
        stack.callback(lambda: security.stop(self._guarded.handled(self.journal)))
        self.metrics.outside.set_function(lambda: len(security.outside))

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close everything, the journal last."""
        await self._stack.aclose()

    def trouble(self) -> str:
        """Why the collector is degraded; empty when it is not."""
        return self._keeper.trouble or self.publisher.trouble

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; what waits in the sockets by then is journaled still, and what the storm guard holds is published.

        Raises ``JournalError`` when the disk fails.
        """
        works = [asyncio.create_task(self._receive()), asyncio.create_task(self.publisher.run())]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *works], return_when=asyncio.FIRST_COMPLETED)
        finally:
            async with self._busy:
                works[0].cancel()
            if not works[1].done():
                await self._let_go()
            await cancel(stopping, *works)
        raise_first(works)
        await self._final_drain()

    async def _receive(self) -> None:
        while True:
            await readable(self.listeners)
            async with self._busy:
                await self.take_batch()

    async def _let_go(self) -> None:
        """Publish what the storm guard holds, if the broker takes it."""
        self._guarded.closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(FINAL_FLUSH_S):
                await self.publisher.flush()

    async def _final_drain(self) -> None:
        deadline = time.monotonic() + FINAL_DRAIN_S
        while time.monotonic() < deadline and await self.take_batch():
            pass

    async def take_batch(self) -> int:
        """Read what waits, journal it, make it durable, answer its INFORMs, hand it on. Gives how many datagrams were read."""
        datagrams: list[Datagram] = []
        until = time.monotonic() + self._batch_s
        for listener in self.listeners:
            listener.drain(datagrams, BATCH_DATAGRAMS, until)
            self.metrics.dropped.inc(listener.new_drops())
        self.metrics.received.inc(len(datagrams))
        heard, entries = self._admitted(datagrams)
        records = await self._keeper.keep(entries) if entries else []
        if records:
            self._answer_informs(heard, records)
            self.publisher.offer(records)
        return len(datagrams)

    def _admitted(self, datagrams: list[Datagram]) -> tuple[list[Datagram], list[Entry]]:
        """The datagrams of allowed senders, as they were and as journal entries."""
        received_at = self._clock()
        if self._security is not None:
            self._security.follow(self.journal, received_at)
        source_of = self._allow.source
        heard: list[Datagram] = []
        entries: list[Entry] = []
        for datagram in datagrams:
            source = source_of(datagram.peer[0])
            if source is not None:
                heard.append(datagram)
                entries.append((received_at, source, datagram.payload))
        if len(heard) < len(datagrams):
            self.metrics.refused.labels(Reason.NOT_ALLOWED.value).inc(len(datagrams) - len(heard))
        return heard, entries

    def _answer_informs(self, heard: list[Datagram], records: list[JournalRecord]) -> None:
        for datagram, record in zip(heard, records, strict=True):
            try:
                self._answer(datagram, record)
            except Exception:
                log.exception("answering record %d failed; its sender gets no answer. Please report it with its bytes", record.sequence)

    def _answer(self, datagram: Datagram, record: JournalRecord) -> None:
        payload, peer, listener = datagram
        if self._v3_answers is not None and is_v3(payload):
            answer = self._v3_answers.answer(record)
            if answer is not None and listener.answer(answer.payload, peer):
                answer.counted_by.inc()
            return
        inform = response(payload, self._decoder)
        if inform is not None and listener.answer(inform, peer):
            self.metrics.answered.inc()


async def run(settings: Settings, stop: asyncio.Event, known: Known = nothing_known) -> None:
    """The component ``traps``: collect until ``stop``, serving metrics and health. Raises as :class:`TrapCollector`."""
    traps = settings.traps
    collector = TrapCollector(
        traps,
        settings.journal_dir(traps.collector),
        settings.broker.partitions,
        lambda: kafka_sender(settings.broker.bootstrap, Topic.RAW_TRAPS),
        known=known,
    )
    port = settings.metrics_port + COMPONENTS.index("traps")
    async with collector, serve_health(settings.metrics_host, port, collector.trouble):
        await collector.run(stop)
