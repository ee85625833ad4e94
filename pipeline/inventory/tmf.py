"""TMF639 resources as a part of the inventory. Pure. How two resources are connected follows from what they are, whichever names the other.

A port is of the device, or on the card, that it is related to; a link has the two ports, a fibre the ducts, an aggregation the ports, a
path the links. What no section connects becomes a dependency where the relationship says that one needs the other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.moment import nanoseconds
from pipeline.core.inventory_name import plain_name
from pipeline.core.text import shown
from pipeline.inventory.mapping import Notice, plain, value_of
from pipeline.inventory.tmf_row import Item, Ref
from pipeline.inventory.tmf_word import CARDS, CARRYING, CHARACTERISTICS, INTERFACES, KIND_OF, NEEDING, TYPES, folded, speed_mbps

Entries = dict[str, dict[str, dict[str, Any]]]
_ENDS_OF_A_LINK = 2
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Words:
    """What the settings add to the usual words: types by section, and where fields are taken from."""

    types: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def section_of(self, *words: str | None) -> str:
        """The section of a thing by what it is called, the first word that is known; empty for none."""
        own = {folded(word): section for word, section in self.types.items()}
        return next((section for word in map(folded, words) if (section := own.get(word) or TYPES.get(word))), "")

    def values(self, section: str, item: Item) -> dict[str, Any]:
        """The fields of a section that an item's characteristics state."""
        given = item.characteristics()
        by_word = {folded(name): plain(value) for name, value in given.items()}
        found: dict[str, Any] = {}
        for key, names in CHARACTERISTICS.items():
            head, _, name = key.partition(".")
            value = next((by_word[word] for word in names if by_word.get(word) is not None), None) if head == section else None
            if value is not None:
                found[name] = value
        attributes = {"id": item.key, "name": item.name or "", "category": item.category or "", "type": item.type or ""}
        for key, expression in self.fields.items():
            head, _, name = key.partition(".")
            value = value_of(expression, attributes, given, ()) if head == section and name != "name" else None
            if value is not None:
                found[name] = value
        if "speed_mbps" in found:
            found["speed_mbps"] = speed_mbps(found["speed_mbps"])
        return {name: shown(value) if isinstance(value, str) else value for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class Resources:
    """What became of resources: entries, and by their ids what a service may refer to (``interface/pe1/ge-0/0/1``)."""

    entries: Entries
    ids: dict[str, str]
    notices: tuple[Notice, ...]


def resources_of(items: Sequence[Item], words: Words) -> Resources:
    """Resources in the sections of an inventory, and what of them could not be said."""
    reader = _Reader(words)
    reader.read(items)
    return Resources({section: named for section, named in reader.entries.items() if named}, reader.ids, tuple(reader.notices))


@dataclass
class _Reader:
    """One reading of resources: what each is, what it is called, what it is related to."""

    words: Words
    entries: Entries = field(default_factory=lambda: defaultdict(dict))
    ids: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    section: dict[str, str] = field(default_factory=dict)
    name: dict[str, str] = field(default_factory=dict)
    related: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    needed: list[tuple[str, str]] = field(default_factory=list)

    def read(self, items: Sequence[Item]) -> None:
        strange: Counter[str] = Counter()
        for item in items:
            spec = item.specification.name if item.specification else None
            section = self.words.section_of(item.type, item.category, spec, item.base_type)
            if not section:
                strange[item.type or item.category or "?"] += 1
                continue
            self.items[item.key], self.section[item.key] = item, section
        for kind, count in sorted(strange.items()):
            remedy = f"give it a section: types: {{{shown(kind, 60)}: devices}}"
            self.notices.append(Notice("resources", "", f"{count} of type '{shown(kind, 60)}' are left out", remedy))
        self._relate()
        self._plain("sites", "power", "ducts", "fibres", "devices")
        self._places()
        self._ports()
        self._plain("links", "lsps", "tunnels", "circuits")
        self._lags()
        self._connect()
        self._depend()

    def _relate(self) -> None:
        unknown: list[str] = []
        for key, item in self.items.items():
            for relationship in item.resource_relationship or ():
                other = str(relationship.resource.id) if relationship.resource else ""
                if other not in self.items:
                    unknown.append(other or "?")
                    continue
                self.related[key][other] = None
                self.related[other][key] = None
                word = folded(relationship.kind)
                if word in NEEDING:
                    self.needed.append((key, other))
                elif word in CARRYING:
                    self.needed.append((other, key))
        if unknown:
            listed = ", ".join(shown(each, 40) for each in unknown[:_MOST_TOLD])
            message = f"{len(unknown)} relationships are with what is not there, or left out: {listed}"
            self.notices.append(Notice("resources", "", message, "mend them at the source, or widen the filter"))

    def _plain(self, *sections: str) -> None:
        """Entries that have a name of their own."""
        for section in sections:
            for key in self._of(section):
                item = self.items[key]
                name = self._called(section, item)
                self.name[key] = name
                self.ids[key] = f"{KIND_OF[section]}/{name}"
                self.entries[section][name] = {"name": name, **self.words.values(section, item), **times_of(item)}

    def _called(self, section: str, item: Item) -> str:
        expression = self.words.fields.get(f"{section}.name", "")
        given = (
            item.key if expression == "id" else str(item.characteristics().get(expression.removeprefix("cf:"), "")) if expression else ""
        )
        name = plain_name(given or item.name or "") or plain_name(item.key)
        if name not in self.entries[section]:
            return name
        self.notices.append(Notice(section, name, f"two resources are called {name}", "give each a name of its own"))
        return plain_name(f"{name}@{item.key}")

    def _of(self, section: str) -> Iterator[str]:
        yield from (key for key, own in self.section.items() if own == section)

    def _near(self, key: str, section: str) -> list[str]:
        """What of a section a resource is related to."""
        return [other for other in self.related.get(key, ()) if self.section[other] == section]

    def _places(self) -> None:
        """The site of what stands somewhere: a resource that is one, else the place's name."""
        for section in ("devices", "power"):
            for key in self._of(section):
                site = next((self.name[each] for each in self._near(key, "sites")), "")
                for place in self.items[key].places if not site else ():
                    where = place.place or place
                    known = self.ids.get(str(where.id), "")
                    site = known.partition("/")[2] if known.startswith("site/") else plain_name(where.name or "")
                    if site:
                        self.entries["sites"].setdefault(site, {"name": site})
                        break
                if site:
                    self.entries[section][self.name[key]]["site"] = site
                feeds = tuple(sorted(self.name[each] for each in self._near(key, "power"))) if section == "devices" else ()
                if feeds:
                    self.entries[section][self.name[key]]["power"] = feeds

    def _ports(self) -> None:
        """Interfaces of their devices, straight or on a card."""
        for key in self._of(CARDS):
            self.name[key] = plain_name(self.items[key].name or "") or plain_name(self.items[key].key)
            for device in self._near(key, "devices")[:1]:
                self.ids[key] = f"card/{self.name[device]}/{self.name[key]}"
        alone = [key for key in self._of(INTERFACES) if not self._port(key)]
        if alone:
            listed = ", ".join(shown(self.items[key].name or key, 60) for key in alone[:_MOST_TOLD])
            self.notices.append(Notice(INTERFACES, "", f"{len(alone)} are of no device: {listed}", "relate each to its device"))

    def _port(self, key: str) -> bool:
        card = next(iter(self._near(key, CARDS)), "")
        device = next(iter((*self._near(key, "devices"), *(self._near(card, "devices") if card else ()))), "")
        if not device:
            return False
        item, owner = self.items[key], self.name[device]
        name = self._port_name(item.name or key, owner)
        values = self.words.values(INTERFACES, item)
        made = {
            **values,
            **({"description": shown(item.description)} if item.description else {}),
            **({"card": self.name[card]} if card else {}),
        }
        self.entries["devices"][owner].setdefault("interfaces", {})[name] = made
        self.name[key] = f"{owner}/{name}"
        self.ids[key] = f"interface/{owner}/{name}"
        return True

    def _port_name(self, name: str, owner: str) -> str:
        """``pe1/ge-0/0/1`` or ``pe1:ge-0/0/1`` as ``ge-0/0/1`` of pe1."""
        for separator in "/: ":
            if name.casefold().startswith(f"{owner}{separator}".casefold()):
                return shown(name[len(owner) + 1 :])
        return shown(name)

    def _lags(self) -> None:
        for key in self._of("lags"):
            members = [self.name[each] for each in self._near(key, INTERFACES) if each in self.name]
            owner = next((self.name[each] for each in self._near(key, "devices")), members[0].partition("/")[0] if members else "")
            item = self.items[key]
            if not owner:
                remedy = "relate it to its device or its ports"
                self.notices.append(Notice("lags", shown(item.name or key), "the aggregation has no device", remedy))
                continue
            port = self._port_name(item.name or key, owner)
            self.name[key] = f"{owner}/{port}"
            self.ids[key] = f"interface/{owner}/{port}"
            self.entries["devices"][owner].setdefault("interfaces", {}).setdefault(port, {})
            values = {"name": self.name[key], "members": tuple(sorted(members)), **self.words.values("lags", item)}
            self.entries["lags"][self.name[key]] = values

    def _connect(self) -> None:
        for key in self._of("links"):
            ends = [self.name[each] for each in (*self._near(key, INTERFACES), *self._near(key, "lags")) if each in self.name]
            made = self.entries["links"][self.name[key]]
            if len(ends) == _ENDS_OF_A_LINK:
                made["a"], made["b"] = ends
            else:
                remedy = "relate it to the two ports that it connects"
                self.notices.append(Notice("links", self.name[key], f"the link has {len(ends)} ends", remedy))
            self._list(key, "links", "fibres", "fibres")
        for key in self._of("fibres"):
            self._list(key, "fibres", "ducts", "ducts")
        for key in self._of("lsps"):
            self._list(key, "lsps", "links", "links")
            for device in self._near(key, "devices")[:1]:
                self.entries["lsps"][self.name[key]]["head"] = self.name[device]
        for key in self._of("tunnels"):
            self._list(key, "tunnels", "lsps", "lsps")

    def _list(self, key: str, section: str, field_name: str, of: str) -> None:
        """The names of what an entry is related to, in the order in which its source tells of them."""
        names = tuple(self.name[each] for each in self._near(key, of))
        if names:
            self.entries[section][self.name[key]][field_name] = names

    def _depend(self) -> None:
        """What needs what, where no section has a field for it: a circuit's needs, else a dependency."""
        needs: dict[str, dict[str, None]] = defaultdict(dict)
        for key, other in self.needed:
            if {self.section[key], self.section[other]} not in _CONNECTED and key in self.ids and other in self.ids:
                needs[key][self.ids[other]] = None
        for key, found in needs.items():
            if self.section[key] == "circuits":
                self.entries["circuits"][self.name[key]]["needs"] = tuple(found)
            else:
                name = f"{KIND_OF[self.section[key]]}.{plain_name(self.name.get(key, key))}"
                self.entries["dependencies"][name] = {"name": name, "resource": self.ids[key], "needs": tuple(found)}


_CONNECTED: Iterable[set[str]] = (
    {"devices", INTERFACES},
    {CARDS, INTERFACES},
    {CARDS, "devices"},
    {"devices", "sites"},
    {"devices", "power"},
    {"power", "sites"},
    {"links", INTERFACES},
    {"links", "lags"},
    {"lags", INTERFACES},
    {"lags", "devices"},
    {"links", "fibres"},
    {"fibres", "ducts"},
    {"lsps", "links"},
    {"lsps", "devices"},
    {"tunnels", "lsps"},
)
"""Pairs that a section has a field for."""


def times_of(item: Item) -> dict[str, int]:
    """While when it holds, as far as that is told."""
    made = {}
    for key, text in (("valid_from", item.starts_at or item.start_date), ("valid_until", item.ends_at or item.end_date)):
        try:
            made[key] = nanoseconds(text) if text else 0
        except ValueError:
            made[key] = 0
    return {key: value for key, value in made.items() if value}


def ref_id(ref: Ref, words: Words) -> str:
    """What a reference means by its own words, ``device/pe1``; empty when they do not tell."""
    section = words.section_of(ref.referred_type, ref.type, ref.category)
    if section not in KIND_OF or not ref.name:
        return ""
    name = shown(ref.name) if section in {INTERFACES, CARDS, "lags"} else plain_name(ref.name)
    return f"{KIND_OF[section]}/{name}" if name and (section not in {INTERFACES, CARDS, "lags"} or "/" in name) else ""
