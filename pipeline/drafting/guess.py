"""From words to X.733: event type, probable cause, severity, and whether an alarm type that is known fits. Each answer has its reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.config.rule_form import AlarmTypeForm
from pipeline.core.event import AlarmType, Condition, Severity
from pipeline.core.resource import ResourceKind
from pipeline.core.rule import EventType
from pipeline.drafting.word import words_of


@dataclass(frozen=True, slots=True)
class Cause:
    """An event type and probable cause, with the word that made it the guess; ``word`` is empty when nothing did."""

    event_type: EventType
    probable_cause: str
    word: str = ""

    @property
    def reason(self) -> str:
        """Why, for a comment."""
        if not self.word:
            return "event type and probable cause: no word says them, so other"
        return f"event type and probable cause from the word '{self.word}'"


_E = EventType
_CAUSES: tuple[tuple[str, EventType, str], ...] = (
    ("authentication authen auth login logon password unauthorized", _E.SECURITY_SERVICE_OR_MECHANISM, "x736/authentication-failure"),
    ("security intrusion attack violation", _E.SECURITY_SERVICE_OR_MECHANISM, "x736/unauthorized-access-attempt"),
    ("temperature temp thermal overheat overheated overtemp hot", _E.ENVIRONMENTAL, "x733/temperature-unacceptable"),
    ("humidity", _E.ENVIRONMENTAL, "x733/humidity-unacceptable"),
    ("door enclosure", _E.ENVIRONMENTAL, "x733/enclosure-door-open"),
    ("smoke fire", _E.ENVIRONMENTAL, "x733/fire-detected"),
    ("leak water", _E.ENVIRONMENTAL, "x733/leak-detected"),
    ("fan fans cooling", _E.EQUIPMENT, "x733/heating-or-ventilation-or-cooling-system-problem"),
    ("power psu voltage battery ups rectifier mains fuse", _E.EQUIPMENT, "x733/power-problem"),
    ("los", _E.COMMUNICATIONS, "x733/loss-of-signal"),
    ("lof", _E.COMMUNICATIONS, "x733/loss-of-frame"),
    ("optical laser sfp xfp transceiver rx tx light signal dom ber", _E.COMMUNICATIONS, "x733/degraded-signal"),
    ("bgp ospf isis ldp rsvp pim eigrp bfd protocol", _E.COMMUNICATIONS, "x733/communications-protocol-error"),
    ("peer neighbor neighbour nbr adjacency", _E.COMMUNICATIONS, "x733/communications-protocol-error"),
    ("lsp tunnel pseudowire vpn vrf circuit pw", _E.COMMUNICATIONS, "x733/underlying-resource-unavailable"),
    ("link interface port ethernet trunk lag lacp line carrier", _E.COMMUNICATIONS, "x733/communications-subsystem-failure"),
    ("cpu processor load", _E.PROCESSING_ERROR, "x733/cpu-cycles-limit-exceeded"),
    ("memory mem heap swap", _E.PROCESSING_ERROR, "x733/out-of-memory"),
    ("disk storage filesystem flash volume raid drive", _E.PROCESSING_ERROR, "x733/storage-capacity-problem"),
    ("clock sync ntp ptp timing gps synce", _E.EQUIPMENT, "x733/timing-problem"),
    ("license licence software process daemon application image crash", _E.PROCESSING_ERROR, "x733/software-error"),
    ("congestion buffer queue drops", _E.QUALITY_OF_SERVICE, "x733/congestion"),
    ("threshold utilization utilisation exceeded rising usage", _E.QUALITY_OF_SERVICE, "x733/threshold-crossed"),
    ("bandwidth delay jitter latency", _E.QUALITY_OF_SERVICE, "x733/threshold-crossed"),
    ("config configuration configure commit change changed", _E.EQUIPMENT, "x733/configuration-or-customization-error"),
    ("card module board slot linecard fru hardware chassis blade sensor device", _E.EQUIPMENT, "x733/equipment-malfunction"),
    ("session connection server host node", _E.COMMUNICATIONS, "x733/communications-subsystem-failure"),
    ("restart restarted reboot reload reset start started shutdown", _E.EQUIPMENT, "x733/equipment-malfunction"),
)  # fmt: skip
"""Words, most telling first, and what they are in X.733 (sections 8.1.1 and 8.1.2.1) and X.736."""
_BY_WORD: dict[str, tuple[int, EventType, str]] = {
    word: (rank, event_type, cause) for rank, (words, event_type, cause) in enumerate(_CAUSES) for word in words.split()
}


def cause_of(words: Sequence[str]) -> Cause:
    """The event type and probable cause that the words of a name speak of."""
    known = sorted((_BY_WORD[word][0], word) for word in words if word in _BY_WORD)
    if not known:
        return Cause(EventType.OTHER, "x733/other")
    word = known[0][1]
    return Cause(_BY_WORD[word][1], _BY_WORD[word][2], word)


_SEVERITIES: tuple[tuple[Severity, str], ...] = (
    (Severity.CRITICAL, "critical fatal emergency catastrophic"),
    (Severity.MAJOR, "major down failed failure fail fails fault faulty lost loss dead unreachable unavailable crash severe los lof"),
    (Severity.MINOR, "minor degraded exceeded exceeds high low error errors threshold removed over missing overheat alarm"),
    (Severity.WARNING, "warning nearing approaching authentication unauthorized denied expired changed change restarted"),
)
_BY_SEVERITY = {word: severity for severity, words in _SEVERITIES for word in words.split()}


def severity_of(name: Sequence[str], description: str = "") -> tuple[Severity, str]:
    """A severity for what the words of a name, or else its description, speak of; and the reason."""
    for words, where in ((name, "its name"), (words_of(description), "its description")):
        known = [(_BY_SEVERITY[word], word) for word in words if word in _BY_SEVERITY]
        if known:
            severity, word = max(known)
            return severity, f"severity from the word '{word}' in {where}"
    return Severity.INDETERMINATE, "no word says a severity"


_LABELS: dict[str, Severity | None] = {
    **dict.fromkeys(("critical", "crit", "fatal", "emergency", "severe", "disaster"), Severity.CRITICAL),
    **dict.fromkeys(("major", "error", "err", "serious"), Severity.MAJOR),
    "minor": Severity.MINOR,
    **dict.fromkeys(("warning", "warn"), Severity.WARNING),
    **dict.fromkeys(("indeterminate", "unknown", "info", "informational", "information", "notice", "debug"), Severity.INDETERMINATE),
    **dict.fromkeys(("cleared", "clear", "normal", "ok", "none", "resolved"), None),
}
"""What severities are called, ``None`` for cleared, which is none."""


def severity_of_label(label: str) -> Severity | None:
    """The severity that a label means, ``None`` for cleared or normal. Raises ``KeyError`` for a word that is no severity."""
    return _LABELS[label.lower()]


def severities_of(labels: Iterable[str]) -> dict[str, Severity | None]:
    """The labels that are severities, when enough of them are for the enumeration to be one of severities; else nothing."""
    found = {label: _LABELS[label.lower()] for label in labels if label.lower() in _LABELS}
    grades = {severity for severity in found.values() if severity in {Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING}}
    return found if len(grades) > 1 else {}


@dataclass(frozen=True, slots=True)
class _Known:
    """A type of the catalogue that comes along, and the words and kinds of resource that make it fit."""

    name: str
    words: frozenset[str]
    also: frozenset[str] = frozenset()
    kinds: frozenset[ResourceKind] = frozenset()


_DOWN = frozenset({"down", "failed", "failure", "fail", "lost", "loss"})
_PEERS = frozenset({"peer", "neighbor", "neighbour", "nbr", "bgp", "ospf", "adjacency"})
_HOT = frozenset({"temperature", "temp", "overheat", "overtemp"})
_CHANGED = frozenset({"change", "changed", "modified", "saved"})
_HARDWARE = frozenset({ResourceKind.DEVICE, ResourceKind.CARD})
_PORTS = frozenset({ResourceKind.PORT, ResourceKind.INTERFACE})
_KNOWN = (
    _Known("authentication-failure", frozenset({"authentication", "authen"}), frozenset({"failure", "failed", "fail"})),
    _Known("cold-start", frozenset({"cold"}), frozenset({"start"})),
    _Known("warm-start", frozenset({"warm"}), frozenset({"start"})),
    _Known("link-down", frozenset({"link"}), _DOWN, frozenset({ResourceKind.INTERFACE})),
    _Known("lsp-down", frozenset({"lsp"}), _DOWN, frozenset({ResourceKind.LSP})),
    _Known("peer-down", _PEERS, frozenset(), frozenset({ResourceKind.PEER})),
    _Known("optical-loss-of-signal", frozenset({"los"}), frozenset(), _PORTS),
    _Known("power-failure", frozenset({"power", "psu"}), _DOWN | {"fault"}, _HARDWARE),
    _Known("temperature-high", _HOT, frozenset(), _HARDWARE),
    _Known("configuration-changed", frozenset({"config", "configuration"}), _CHANGED),
)


def known_type(words: Sequence[str], kind: ResourceKind, *, will_clear: bool, catalogue: Mapping[str, AlarmType]) -> str:
    """The alarm type of the catalogue that fits, or nothing. One that raises must clear, one that does not is only notified."""
    said = frozenset(words)
    for known in _KNOWN:
        fits = said & known.words and (not known.also or said & known.also) and (not known.kinds or kind in known.kinds)
        if fits and known.name in catalogue and catalogue[known.name].will_clear == will_clear:
            return known.name
    return ""


def new_type(name: str, words: Sequence[str], severity: Severity, description: str, *, will_clear: bool) -> tuple[AlarmTypeForm, str]:
    """A type for the catalogue, and the reason of what is guessed in it.

    Its condition is none: only a person knows whether the resource still serves while the alarm stands.
    """
    cause = cause_of(words)
    form = AlarmTypeForm(name, cause.event_type, cause.probable_cause, severity, description, will_clear, Condition.NONE)
    return form, cause.reason
