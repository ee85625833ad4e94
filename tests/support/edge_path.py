"""A datagram's whole way at the edge, as the processes go it, in one call.

It is answered, decoded, told apart by the storm guard, goes over the wire, becomes events, goes over the wire again, and becomes rows.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from collectors.journal import Journal, JournalRecord
from collectors.trap.address import networks
from collectors.trap.ber import DecodeError
from collectors.trap.decode import TrapDecoder
from collectors.trap.inform import RepeatedInforms, response
from collectors.trap.metric import TrapMetrics
from collectors.trap.usm.engine import FILE
from collectors.trap.usm.message import is_v3
from collectors.trap.usm.security import FOLDER, UserSecurity
from collectors.trap.v3_answer import V3Answers
from pipeline import wire
from pipeline.config.settings import Settings
from pipeline.core.event import Event
from pipeline.core.identity import by_rules, by_variables
from pipeline.core.knowledge import Knowledge
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap, SecurityLevel, SnmpVersion
from pipeline.knowing import FileKnowledge
from pipeline.lab.config import inventory_dir
from pipeline.store.row import rows_of
from tests.support.usm import NOW, user

FORWARDERS = ("192.0.2.0/24", "2001:db8::/32")
LONGEST_TEXT = 1_024
"""Characters. Of a rule's text with every placeholder filled, or of one attribute."""
LONGER_REPORT = 100
"""Bytes. A Report tells a counter and our engine where the question may tell nothing."""
OUR_ENGINE = bytes.fromhex("80001f88057472617031")
USERS = (user(level=SecurityLevel.NO_AUTH_NO_PRIV), user("old", "md5", "des"), user("long", "sha512", "aes256-cisco"))
"""One whose messages may come with any protection, and two with the other ways to encrypt."""


def packaged_knowledge() -> Knowledge:
    """The packaged rules and MIBs, with the lab's inventory."""
    return FileKnowledge(Settings(Path(), inventory_dir=inventory_dir())).load()


@dataclass(frozen=True, slots=True)
class Edge:
    """What a collector judges datagrams with."""

    decoder: TrapDecoder
    security: UserSecurity
    answers: V3Answers
    informs: RepeatedInforms


def new_edge(folder: Path) -> Edge:
    """As the collector makes it, with what it remembers empty; the senders of documentation networks are forwarders.

    Its engine is ``OUR_ENGINE``, booted once at ``NOW``. ``folder`` is where a journal and the engine's state lie.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / FILE).write_text(json.dumps({"engine_id": OUR_ENGINE.hex(), "starts": []}))
    security = UserSecurity(USERS, folder)
    with Journal(folder, segment_bytes=65_536, journal_bytes=1_048_576) as journal:
        security.start(journal, NOW)
    decoder = TrapDecoder("trap-1", forwarders=networks(FORWARDERS), security=security)
    return Edge(decoder, security, V3Answers(decoder, security, TrapMetrics(CollectorRegistry())), RepeatedInforms())


class EdgePath:
    """Carries datagrams from the journal to the store's rows. Raises whatever any step raises but :class:`DecodeError`."""

    def __init__(self, known: Knowledge, folder: Path) -> None:
        self._known = known
        self._folder = folder
        self._edge = new_edge(folder)

    def forget(self) -> None:
        """Drop what was remembered of earlier datagrams, so that the next costs what it costs at first sight."""
        self._edge = new_edge(self._folder)
        self._known.mibs._instances.clear()
        self._known.mibs._rows.clear()

    def carry(self, record: JournalRecord) -> str:
        """``decoded``, or the reason of the refusal. Sequences must not fall, or what v3 senders said of their time is learned anew."""
        self._answer(record)
        self._edge.security.begin(record.sequence)
        try:
            trap = self._edge.decoder.decode(record)
        except DecodeError as error:
            wire.to_json((error.reason, error.detail))
            return error.reason.value
        (arrived,) = _over_the_wire(trap)
        assert arrived == trap
        self._guard(record, trap)
        events = normalize(arrived, self._known.rules, self._known.directory, self._known.mibs)
        for event in events:
            (again,) = _over_the_wire(event)
            assert again == event
            _assert_safe_to_show(event)
        for values in ([arrived], list(events)):
            wire.to_json(rows_of(values, 0))
        return "decoded"

    def _guard(self, record: JournalRecord, trap: RawTrap) -> None:
        """What the storm guard asks of it, and a restart that takes it up again."""
        known = self._known
        by_variables(trap)
        by_rules(trap, known.rules, known.directory, known.mibs)
        self._edge.informs.is_repeated(trap)
        if trap.version is SnmpVersion.V3:
            assert self._edge.decoder.decode(record, again=True) == trap

    def _answer(self, record: JournalRecord) -> None:
        """What the sender is answered, never much longer than what it sent."""
        payload = record.payload
        if is_v3(payload):
            answer = self._edge.answers.answer(record)
            assert answer is None or len(answer.payload) <= len(payload) + LONGER_REPORT, answer
        else:
            answered = response(payload, self._edge.decoder)
            assert answered is None or len(answered) == len(payload)


def _over_the_wire(value: RawTrap | Event) -> list[RawTrap | Event]:
    return wire.decode(wire.encode([value]))


def _assert_safe_to_show(event: Event) -> None:
    """No control, format or direction character in anything that people see, and no text without end."""
    for text in (event.text, event.resource, event.qualifier, *event.attributes, *event.attributes.values()):
        assert text.isprintable(), text
        assert len(text) <= LONGEST_TEXT, len(text)
