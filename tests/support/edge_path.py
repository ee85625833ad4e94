"""A datagram's whole way at the edge, as the processes go it: decoded, over the wire, an event, over the wire, rows; in one call."""

from pathlib import Path

from collectors.journal import JournalRecord
from collectors.trap.address import networks
from collectors.trap.ber import DecodeError
from collectors.trap.decode import TrapDecoder
from collectors.trap.inform import response
from pipeline import wire
from pipeline.config.settings import Settings
from pipeline.core.event import Event
from pipeline.core.knowledge import Knowledge
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap
from pipeline.knowing import FileKnowledge
from pipeline.lab.config import inventory_dir
from pipeline.store.row import rows_of

FORWARDERS = ("192.0.2.0/24", "2001:db8::/32")
LONGEST_TEXT = 1_024
"""Characters. Of a rule's text with every placeholder filled, or of one attribute."""


def packaged_knowledge() -> Knowledge:
    """The packaged rules and MIBs, with the lab's inventory."""
    return FileKnowledge(Settings(Path(), inventory_dir=inventory_dir())).load()


def new_decoder() -> TrapDecoder:
    """The decoder as the collector makes it, with what it remembers empty; the senders of documentation networks are forwarders."""
    return TrapDecoder("trap-1", forwarders=networks(FORWARDERS))


class EdgePath:
    """Carries datagrams from the journal to the store's rows. Raises whatever any step raises but :class:`DecodeError`."""

    def __init__(self, known: Knowledge) -> None:
        self._known = known
        self._decoder = new_decoder()

    def forget(self) -> None:
        """Drop what was remembered of earlier datagrams, so that the next costs what it costs at first sight."""
        self._decoder = new_decoder()
        self._known.mibs._split.clear()

    def carry(self, record: JournalRecord) -> str:
        """``decoded``, or the reason of the refusal."""
        answer = response(record.payload, self._decoder)
        assert answer is None or len(answer) == len(record.payload)
        try:
            trap = self._decoder.decode(record)
        except DecodeError as error:
            wire.to_json((error.reason, error.detail))
            return error.reason.value
        (arrived,) = _over_the_wire(trap)
        assert arrived == trap
        events = normalize(arrived, self._known.rules, self._known.directory, self._known.mibs)
        for event in events:
            (again,) = _over_the_wire(event)
            assert again == event
            _assert_safe_to_show(event)
        for values in ([arrived], list(events)):
            wire.to_json(rows_of(values, 0))
        return "decoded"


def _over_the_wire(value: RawTrap | Event) -> list[RawTrap | Event]:
    return wire.decode(wire.encode([value]))


def _assert_safe_to_show(event: Event) -> None:
    """No control, format or direction character in anything that people see, and no text without end."""
    for text in (event.text, event.resource, event.qualifier, *event.attributes, *event.attributes.values()):
        assert text.isprintable(), text
        assert len(text) <= LONGEST_TEXT, len(text)
