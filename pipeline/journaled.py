"""What the collectors' journals hold, found again and read anew: by sequence, by time, by sender; also what is in quarantine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collectors.journal import JournalCorruptError, JournalReader, JournalRecord
from collectors.journal.overview import Overview, overview
from collectors.journal.search import OnDamage, between
from collectors.trap import quarantine
from collectors.trap.address import networks
from collectors.trap.ber import OCTET_STRING, SEQUENCE, DecodeError
from collectors.trap.decode import TrapDecoder
from collectors.trap.usm.security import UserSecurity
from pipeline.auditing import left_behind, polls_left_behind
from pipeline.config.settings import Settings
from pipeline.core.raw import RawTrap
from pipeline.core.reason import Reason

MASK = "*"
"""What stands for each byte of a community where bytes are shown."""


@dataclass(frozen=True, slots=True)
class Stock:
    """One journal and, for a collector of traps, its quarantine; ``collects`` is ``traps`` or ``polls``."""

    collector: str
    collects: str
    journal: Overview
    quarantined: Overview | None


@dataclass(frozen=True, slots=True)
class Found:
    """One journaled record; ``refused`` is why it went to quarantine (reason, detail), if it did."""

    collector: str
    record: JournalRecord
    refused: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: received from ``starts_at`` on and before ``ends_at`` (UTC nanoseconds), and of one ``source`` unless it is empty."""

    starts_at: int
    ends_at: int
    source: str = ""

    def takes(self, record: JournalRecord) -> bool:
        """Whether the sender is the wanted one."""
        return not self.source or record.source == self.source


def collectors_of(settings: Settings) -> dict[str, str]:
    """Every collector of these settings, and what it collects; those that are no more are among them as long as their journals are."""
    traps = (*settings.trap_collectors.values(), *(folder.name for folder in left_behind(settings)))
    polls = (*settings.poll_collectors.values(), *(folder.name for folder in polls_left_behind(settings)))
    return dict.fromkeys(traps, "traps") | dict.fromkeys(polls, "polls")


def stock(settings: Settings) -> Iterator[Stock]:
    """The journals that exist here. Raises ``JournalError`` or ``OSError``."""
    for collector, collects in collectors_of(settings).items():
        folder = settings.journal_dir(collector)
        if folder.is_dir():
            aside = folder / quarantine.FOLDER
            yield Stock(collector, collects, overview(folder), overview(aside) if aside.is_dir() else None)


def find(folder: Path, collector: str, sequence: int) -> Found | None:
    """One record by its sequence; ``None`` when it is not, or no longer, kept."""
    record = JournalReader(folder).get(sequence)
    if record is None:
        return None
    aside = next((kept for kept in _aside(folder) if kept.sequence == sequence), None)
    return Found(collector, record, (aside.reason, aside.detail) if aside else None)


def select(folder: Path, collector: str, wanted: Wanted, on_damage: OnDamage) -> Iterator[Found]:
    """Records of a journal, those in quarantine with the reason why they are there."""
    refused = {kept.sequence: (kept.reason, kept.detail) for kept in _aside(folder)}
    for record in between(folder, wanted.starts_at, wanted.ends_at, on_damage):
        if wanted.takes(record):
            yield Found(collector, record, refused.get(record.sequence))


def select_quarantined(folder: Path, collector: str, wanted: Wanted) -> Iterator[Found]:
    """What is in quarantine, also what has left the journal since."""
    for kept in _aside(folder):
        record = JournalRecord(kept.sequence, kept.received_at, kept.source, kept.payload)
        if wanted.starts_at <= kept.received_at < wanted.ends_at and wanted.takes(record):
            yield Found(collector, record, (kept.reason, kept.detail))


def _aside(folder: Path) -> Iterator[quarantine.Quarantined]:
    """The quarantine up to its first damage."""
    try:
        yield from quarantine.read(folder)
    except (FileNotFoundError, JournalCorruptError):
        return


def decoder_of(settings: Settings, collector: str) -> TrapDecoder:
    """The decoder that this collector has by the present settings. Raises ``EngineError`` when what it keeps of SNMPv3 cannot be read."""
    traps = settings.traps
    security = UserSecurity(traps.users, settings.journal_dir(collector)) if traps.users else None
    if security is not None:
        security.engine.look()
    return TrapDecoder(collector, [text.encode() for text in traps.communities], networks(traps.forwarders), security)


def decoded(decoder: TrapDecoder, found: Found) -> RawTrap | DecodeError:
    """What the decoder makes of a record now. Fails on none.

    Of v3's time window nothing is asked, since it was judged when the record came; what was outside of it stays so, whatever changed since.
    """
    if found.refused and found.refused[0] == Reason.NOT_IN_TIME_WINDOW:
        return DecodeError(Reason.NOT_IN_TIME_WINDOW, found.refused[1])
    try:
        return decoder.decode(found.record, again=True)
    except DecodeError as error:
        return error


def masked(payload: bytes) -> str:
    """The bytes as hexadecimal text in pairs, those of a v1 or v2c community as ``**``, also in a datagram that does not decode."""
    pairs = [f"{byte:02x}" for byte in payload]
    start, stop = community_span(payload)
    pairs[start:stop] = [2 * MASK] * (stop - start)
    return " ".join(pairs)


def community_span(payload: bytes) -> tuple[int, int]:
    """Where the community lies, read as leniently as can be: ``SEQUENCE { INTEGER, OCTET STRING …``; nothing for other bytes."""
    if not payload or payload[0] != SEQUENCE:
        return 0, 0
    at = _content(payload, 0)
    version_end = _content(payload, at) + (payload[at + 1] if at + 1 < len(payload) else 0)
    if payload[at : at + 1] != b"\x02" or version_end >= len(payload) or payload[version_end] != OCTET_STRING:
        return 0, 0
    start = _content(payload, version_end)
    length = int.from_bytes(payload[version_end + 2 : start]) if payload[version_end + 1 : version_end + 2] >= b"\x80" else 0
    stop = start + (length or int.from_bytes(payload[version_end + 1 : version_end + 2]) & 0x7F)
    return min(start, len(payload)), min(stop, len(payload))


def _content(payload: bytes, at: int) -> int:
    """Where the content of the element at ``at`` begins (X.690 8.1.3): behind one byte of length, or behind those that it announces."""
    length = payload[at + 1] if at + 1 < len(payload) else 0
    return at + 2 + (length & 0x7F if length & 0x80 else 0)
