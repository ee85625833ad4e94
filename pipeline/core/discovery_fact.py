"""Answers whose values are of the types of their objects, and how indexes and addresses in them are read."""

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.discovery import Answers, Finding, FindingKind
from pipeline.core.discovery_object import OBJECTS, TABLES, Wire, fits
from pipeline.core.text import shown

MAC_OCTETS = 6
IPV4_OCTETS, IPV6_OCTETS = 4, 16
_MAC_TEXT = re.compile(rb"([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}")


@dataclass(frozen=True)
class Facts:
    """Answers whose values are of the types of their objects, with what was odd about them."""

    address: str
    scalars: dict[str, Wire]
    columns: dict[str, dict[str, Wire]]
    findings: list[Finding] = field(default_factory=list)

    def tell(self, kind: FindingKind, about: str, detail: str) -> None:
        """Note something odd."""
        self.findings.append(Finding(self.address, kind, about, detail))

    def column(self, name: str) -> Mapping[str, Wire]:
        """The values of a column by index; nothing where it was not read."""
        return self.columns.get(name, {})

    def number(self, name: str, index: str | None = None) -> int | None:
        """A scalar, or a value of a column, that is a number."""
        value = self.scalars.get(name) if index is None else self.column(name).get(index)
        return value if isinstance(value, int) else None

    def octets(self, name: str, index: str | None = None) -> bytes:
        """The same for octets; empty where there are none."""
        value = self.scalars.get(name) if index is None else self.column(name).get(index)
        return value if isinstance(value, bytes) else b""

    def text(self, name: str, index: str | None = None) -> str:
        """The same octets, as text that is safe to show."""
        return shown(self.octets(name, index)).strip()

    def dotted(self, name: str, index: str | None = None) -> str:
        """The same for an object identifier or an IP address."""
        value = self.scalars.get(name) if index is None else self.column(name).get(index)
        return value if isinstance(value, str) else ""


def fitting(answers: Answers) -> Facts:
    """Leave out what is of another type than its object, and tell how much of each object that was."""
    wrong: Counter[str] = Counter()
    facts = Facts(answers.address, {}, {})
    for name, value in answers.scalars.items():
        if fits(OBJECTS[name].kind, value):
            facts.scalars[name] = value
        else:
            wrong[name] += 1
    for name, rows in answers.columns.items():
        facts.columns[name] = {index: value for index, value in rows.items() if fits(OBJECTS[name].kind, value)}
        wrong[name] += len(rows) - len(facts.columns[name])
    for name, count in wrong.items():
        if count:
            told = f"{count} value{'s' if count > 1 else ''} of {name} not of its type {OBJECTS[name].kind}; left out"
            facts.tell(FindingKind.WRONG_TYPE, name, told)
    _tell_half_tables(answers, facts)
    return facts


def _tell_half_tables(answers: Answers, facts: Facts) -> None:
    """A column that has fewer rows than another of its table, though it has some: the agent forgot, or was cut off."""
    for table in TABLES:
        rows = max(len(answers.columns.get(name, ())) for name in table.columns)
        for name in table.columns:
            found = len(answers.columns.get(name, ()))
            if 0 < found < rows:
                facts.tell(FindingKind.HALF_TABLE, name, f"{name} has {found} of the {rows} rows of {table.name}")
    interfaces = answers.columns.get("ifDescr", {}).keys() | answers.columns.get("ifType", {}).keys()
    names = answers.columns.get("ifName", {}).keys()
    if names and interfaces - names:
        facts.tell(FindingKind.HALF_TABLE, "ifXTable", f"ifXTable lacks {len(interfaces - names)} of the {len(interfaces)} rows of ifTable")


def mac_text(octets: bytes) -> str:
    """An address of six octets as ``02:00:5e:01:00:01``, also of an agent that gives it as text; empty for anything else."""
    if len(octets) != MAC_OCTETS and _MAC_TEXT.fullmatch(octets.rstrip(b"\0")):
        octets = bytes.fromhex(re.sub(rb"[:.-]", b"", octets.rstrip(b"\0")).decode())
    if len(octets) != MAC_OCTETS or octets in {bytes(MAC_OCTETS), b"\xff" * MAC_OCTETS}:
        return ""
    return octets.hex(":")


def arcs_of(index: str) -> tuple[int, ...]:
    """The numbers of an index or OID."""
    return tuple(int(arc) for arc in index.split(".") if arc.isdecimal())


def inet_address(arcs: tuple[int, ...]) -> str:
    """An address in an index: of InetAddressType and InetAddress (RFC 4001), zones left out, or the four numbers of an old table."""
    if len(arcs) == IPV4_OCTETS:
        return address_of(arcs)
    version, rest = (arcs[0], arcs[1:]) if arcs else (0, ())
    size = {1: IPV4_OCTETS, 2: IPV6_OCTETS, 3: IPV4_OCTETS, 4: IPV6_OCTETS}.get(version, 0)
    if size and rest and len(rest) == rest[0] + 1 and rest[0] >= size:  # behind its length, as the standard has it
        return address_of(rest[1 : size + 1])
    return address_of(rest) if size and len(rest) == size else ""  # some agents forget the length


def address_of(arcs: tuple[int, ...]) -> str:
    """The IP address of these octets, empty when they are none."""
    try:
        return str(ipaddress.ip_address(bytes(arcs)))
    except ValueError:
        return ""
