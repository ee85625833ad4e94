"""OpenNMS event configuration files, read as what they are: XML that a stranger may have written.

Entities, DTDs and external references are refused (defusedxml); size, depth and number of events are bounded. Nothing is looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import parse

from pipeline.drafting.draft import Refusal

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 32
MAX_EVENTS = 100_000
_PLACE_DIGITS = 4
NOT_CARRIED = {
    "autoaction": "it starts a command: no notification ever starts one here",
    "operaction": "it offers a command: no notification ever starts one here",
    "script": "it runs a script: no notification ever starts one here",
    "forward": "forwarding is not a rule's business",
    "tticket": "who gets a ticket stands in routing.yaml",
    "correlation": "the pipeline correlates by the topology",
    "filters": "values are not rewritten",
    "parameter": "a constant parameter has no place in an event",
}
"""Elements of an event that have no counterpart, each with the reason."""


@dataclass(frozen=True, slots=True)
class VarbindMask:
    """A condition on a varbind by ``place`` (from 1) or ``oid``; ``values`` are alternatives."""

    place: int
    oid: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlarmData:
    """What makes an event an alarm. ``alarm_type``: 1 a problem, 2 its end, 3 a problem that has none."""

    reduction_key: str
    alarm_type: str
    clear_key: str = ""
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class EventEntry:
    """One event definition. ``mask`` has the alternatives of each element; ``decodes`` the labels of a parameter's values."""

    file: str
    line: int
    uei: str
    label: str = ""
    text: str = ""
    destination: str = ""
    severity: str = ""
    instruction: str = ""
    mask: tuple[tuple[str, tuple[str, ...]], ...] = ()
    varbinds: tuple[VarbindMask, ...] = ()
    alarm: AlarmData | None = None
    decodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    extras: tuple[str, ...] = ()


@dataclass(slots=True)
class _Element:
    """An element of the file; only those of one event are kept at a time."""

    name: str
    line: int
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)
    children: list["_Element"] = field(default_factory=list)

    def all(self, name: str) -> list["_Element"]:
        return [child for child in self.children if child.name == name]

    def said(self, name: str) -> str:
        found = self.all(name)
        return "".join(found[0].text).strip() if found else ""


class _TooMuchError(Exception):
    """A file beyond a limit."""


class _Handler(ContentHandler):
    """Collects events; forgets the rest."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file
        self._stack: list[_Element] = []
        self.events: list[EventEntry] = []
        self.included: list[tuple[str, int]] = []
        self._locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802  # SAX's name
        self._locator = locator

    @property
    def line(self) -> int:
        return (self._locator.getLineNumber() or 0) if self._locator else 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  # SAX's name
        if len(self._stack) >= MAX_DEPTH:
            raise _TooMuchError(f"nested deeper than {MAX_DEPTH} levels")
        element = _Element(_local(name), self.line, {_local(key): str(value) for key, value in attrs.items()})
        if self._within_event():
            self._stack[-1].children.append(element)
        self._stack.append(element)

    def _within_event(self) -> bool:
        return any(each.name == "event" for each in self._stack)

    def characters(self, content: str) -> None:
        if self._stack and (self._within_event() or self._stack[-1].name == "event-file"):
            self._stack[-1].text.append(content)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802  # SAX's name and argument
        element = self._stack.pop()
        if element.name == "event-file":
            self.included.append(("".join(element.text).strip(), element.line))
        if element.name == "event" and not self._within_event():
            if len(self.events) >= MAX_EVENTS:
                raise _TooMuchError(f"more than {MAX_EVENTS} events")
            self.events.append(_entry(element, self._file))


def read_eventconf(path: Path) -> tuple[list[EventEntry], list[Refusal]]:
    """The event definitions of a file, and why the file could not be read whole."""
    name = str(path)
    handler = _Handler(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            return [], [Refusal(name, 0, "file", "unreadable", f"larger than {MAX_BYTES} bytes: split it")]
        with path.open("rb") as file:
            parse(file, handler, forbid_dtd=True)
    except DefusedXmlException as error:
        return [], [
            Refusal(name, handler.line, "file", "unreadable", f"{type(error).__name__}: entities and DTDs are refused; take them out")
        ]
    except (SAXException, _TooMuchError, UnicodeError) as error:
        message = error.getMessage() if isinstance(error, SAXException) else str(error)
        return [], [Refusal(name, handler.line, "file", "unreadable", f"not readable XML: {message}")]
    except OSError as error:
        return [], [Refusal(name, 0, "file", "unreadable", f"cannot be read: {error.strerror}")]
    refusals = [Refusal(name, line, f"event-file {file}", "included", "name this file too") for file, line in handler.included]
    if not handler.events and not refusals:
        refusals.append(Refusal(name, 0, "file", "unreadable", "no <event> in it"))
    return handler.events, refusals


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _entry(element: _Element, file: str) -> EventEntry:
    mask = element.all("mask")
    log = element.all("logmsg")
    return EventEntry(
        file=file,
        line=element.line,
        uei=element.said("uei"),
        label=element.said("event-label"),
        text=element.said("logmsg"),
        destination=log[0].attributes.get("dest", "") if log else "",
        severity=element.said("severity"),
        instruction=element.said("operinstruct"),
        mask=tuple((each.said("mename"), _texts(each, "mevalue")) for part in mask for each in part.all("maskelement")),
        varbinds=tuple(_varbind(each) for part in mask for each in part.all("varbind")),
        alarm=_alarm(element.all("alarm-data")),
        decodes=_decodes(element.all("varbindsdecode")),
        extras=tuple(dict.fromkeys(child.name for child in element.children if child.name in NOT_CARRIED)),
    )


def _texts(element: _Element, name: str) -> tuple[str, ...]:
    return tuple("".join(child.text).strip() for child in element.all(name))


def _varbind(element: _Element) -> VarbindMask:
    number = element.said("vbnumber")
    place = int(number) if number.isascii() and number.isdigit() and len(number) <= _PLACE_DIGITS else 0
    return VarbindMask(place, element.said("vboid"), _texts(element, "vbvalue"))


def _alarm(elements: Sequence[_Element]) -> AlarmData | None:
    if not elements:
        return None
    given = elements[0].attributes
    return AlarmData(
        given.get("reduction-key", ""), given.get("alarm-type", ""), given.get("clear-key", ""), given.get("x733-alarm-type", "")
    )


def _decodes(elements: Sequence[_Element]) -> dict[str, dict[str, str]]:
    return {
        element.said("parmid"): {
            each.attributes.get("varbindvalue", ""): each.attributes.get("varbinddecodedstring", "") for each in element.all("decode")
        }
        for element in elements
    }
