"""What the importers share: which notification a number means, how its varbinds are called, and texts with others' placeholders."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.mib import MibIndex, MibNotification, MibObject
from pipeline.core.rule import RuleBook
from pipeline.core.text import shown
from pipeline.drafting.example import value_for, varbinds_of
from pipeline.drafting.naming import is_plain, object_of, written
from pipeline.drafting.place import columns_of

_OID = re.compile(r"[012](\.(0|[1-9][0-9]{0,9})){1,126}")
_TAG = re.compile(r"<[^<>]{0,200}>")
_PLACE = re.compile(r"#[1-9][0-9]{0,3}")
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"({_OPEN}[0-9]+{_CLOSE})")
"""Where a placeholder will stand; characters of private use, which no text keeps."""
STANDARD = "1.3.6.1.6.3.1.1.5"
"""Where the six generic traps of SNMPv1 stand as notifications (RFC 3584 section 3.1)."""
MAX_TEXT = 250


@dataclass(frozen=True, slots=True)
class Matching:
    """What a rule matches by, as it is written: a notification's name, an OID, or an enterprise and a specific number.

    ``oids`` are those that it means; ``known`` is the notification of the MIB index, where that has it.
    """

    oids: tuple[str, ...]
    known: MibNotification | None = None
    notification: str = ""
    oid: str = ""
    enterprise: str = ""
    specific: int | None = None


def matching_oid(oid: str, mibs: MibIndex) -> Matching:
    """The notification of exactly this OID."""
    known = mibs.notifications.get(oid)
    return Matching((oid,), known, notification=written(known, mibs)) if known else Matching((oid,), oid=oid)


def matching_specific(enterprise: str, specific: int, mibs: MibIndex) -> Matching:
    """The notification of an enterprise and a specific number: of its two OIDs (RFC 3584 section 3.2) the one that a MIB knows, or both."""
    oids = (f"{enterprise}.0.{specific}", f"{enterprise}.{specific}")
    known = [mibs.notifications[oid] for oid in oids if oid in mibs.notifications]
    if known:
        return Matching((known[0].oid,), known[0], notification=written(known[0], mibs))
    return Matching(oids, enterprise=enterprise, specific=specific)


def numeric(text: str) -> str:
    """An OID without its leading dot, or nothing when it is none."""
    bare = text.strip().lstrip(".")
    return bare if _OID.fullmatch(bare) else ""


def ruled_by(matching: Matching, book: RuleBook) -> str:
    """The name of a rule that reads the notification already, or nothing. A new one beside it could take its notifications away."""
    found = [rule.name for oid in matching.oids for rule in reversed(book.by_oid.get(oid, ()))]
    return found[0] if found else ""


def object_at(place: int, matching: Matching, mibs: MibIndex) -> str:
    """How the varbind at a place is called: as the notification's object where a MIB tells it, else ``#n``."""
    objects = matching.known.objects if matching.known else ()
    known = object_of(objects[place - 1], matching.known, mibs) if matching.known and place <= len(objects) else None
    return called(known, mibs) if known is not None else f"#{place}"


def called(known: MibObject, mibs: MibIndex) -> str:
    """How conditions, keys and texts call an object: by its name, or by its OID where another vendor has that name too."""
    return known.name if is_plain(known, mibs) else known.oid


def objects_of(matching: Matching, mibs: MibIndex) -> list[MibObject]:
    """The objects that a notification carries, as far as a MIB knows them."""
    names = matching.known.objects if matching.known else ()
    return [known for name in names if matching.known and (known := object_of(name, matching.known, mibs)) is not None]


def object_named(name: str, mibs: MibIndex) -> MibObject | None:
    """The object of a name, of an OID, or of an instance's OID; ``None`` for a place and for what no MIB knows."""
    if name[:1] == "#":
        return None
    oid = numeric(name) or mibs.oid_of(name) or ""
    return mibs.objects.get(oid) or (mibs.split(oid)[0] if oid else None)


def name_of(oid: str, mibs: MibIndex) -> str:
    """How an object is called that somebody names by its OID: by its name, or by the OID without the instance of a scalar."""
    known = object_named(oid, mibs)
    if known is not None and is_plain(known, mibs):
        return known.name
    return oid.removesuffix(".0")


def clean(text: str) -> str:
    """A text without markup, line ends and braces (a template's), escaped and cut."""
    return shown(_bare(text), MAX_TEXT)


def _bare(text: str) -> str:
    plain = html.unescape(_TAG.sub(" ", html.unescape(text[: 16 * MAX_TEXT])))
    return " ".join(_TAG.sub(" ", plain).replace("{", "(").replace("}", ")").split())


def filled(text: str, token: re.Pattern[str], put: Callable[[re.Match[str]], str | None]) -> tuple[str, tuple[str, ...]]:
    """A text, cleaned, with others' placeholders made ours; and those of them that have no counterpart, which are left out."""
    lost: list[str] = []
    ours: list[str] = []

    def mark(match: re.Match[str]) -> str:
        placeholder = put(match)
        if placeholder is None:
            lost.append(match[0])
            return ""
        ours.append(placeholder)
        return f"{_OPEN}{len(ours) - 1}{_CLOSE}"

    marked = token.sub(mark, text.replace(_OPEN, "").replace(_CLOSE, ""))
    said, room = "", MAX_TEXT
    for piece in _MARK.split(_bare(marked)):
        if room <= 0:
            break
        shown_piece = ours[int(piece[1:-1])] if piece.startswith(_OPEN) else shown(piece, room)
        said += shown_piece
        room -= len(shown_piece)
    return said.strip(), tuple(dict.fromkeys(lost))


def example_of(matching: Matching, when: Mapping[str, Any], used: Sequence[str], mibs: MibIndex) -> dict[str, Any]:
    """Varbinds of a notification that meets ``when`` and has every object in ``used`` (names, OIDs or places)."""
    names = list(dict.fromkeys([*(called(known, mibs) for known in objects_of(matching, mibs)), *when, *used]))
    named = [known for name in names if name[:1].isalpha() and (known := object_named(name, mibs))]
    places = sorted((name for name in names if _PLACE.fullmatch(name)), key=lambda name: int(name[1:]))
    first = {name: value_for(None, when.get(name)) for name in places} if not named else {}
    last = {name: value_for(None, when.get(name)) for name in places if name not in first}
    numbers = {f"{name}.1": value_for(object_named(name, mibs), when.get(name)) for name in names if name[:1].isdigit()}
    return first | varbinds_of(named, when, columns_of(named, mibs)) | last | numbers
