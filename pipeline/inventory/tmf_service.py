"""TMF638 services as a part of the inventory. Pure.

A service that somebody bought is an entry; one that only carries others is looked through, down to the resources that it stands on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.inventory_name import plain_name
from pipeline.core.text import shown
from pipeline.inventory.mapping import Notice
from pipeline.inventory.tmf import Entries, Words, ref_id, times_of
from pipeline.inventory.tmf_row import Item, Party
from pipeline.inventory.tmf_word import NEEDING, folded

_IN_USE = frozenset({"", "active"})
_MOST_TOLD = 5


def services_of(items: Sequence[Item], words: Words, ids: Mapping[str, str]) -> tuple[Entries, tuple[Notice, ...]]:
    """Services and their customers; ``ids`` says what resources' ids mean (``interface/pe1/ge-0/0/1``), from where these were fetched."""
    reader = _Reader(words, ids, {item.key: item for item in items})
    reader.read()
    return {section: named for section, named in reader.entries.items() if named}, tuple(reader.notices)


@dataclass
class _Reader:
    """One reading of services."""

    words: Words
    ids: Mapping[str, str]
    items: Mapping[str, Item]
    entries: Entries = field(default_factory=lambda: {"services": {}, "customers": {}})
    notices: list[Notice] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    def read(self) -> None:
        in_use = {key: item for key, item in self.items.items() if folded(item.state) in _IN_USE}
        if len(in_use) < len(self.items):
            states = Counter(shown(str(item.state), 40) for key, item in self.items.items() if key not in in_use)
            told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            self.notices.append(Notice("services", "", f"left out by their state: {told}", "none is needed: only active ones are watched"))
        bought = {key: party for key, item in in_use.items() if (party := _customer(item)) is not None}
        for key in bought:
            self.names[key] = self._called(in_use[key])
        for key, party in bought.items():
            self._service(in_use[key], party)
        if self.unknown:
            listed = ", ".join(shown(each, 60) for each in list(self.unknown)[:_MOST_TOLD])
            remedy = "fetch the resources first (a source of kind tmf639), or mend the references"
            self.notices.append(Notice("services", "", f"{len(self.unknown)} supporting resources are not known: {listed}", remedy))

    def _called(self, item: Item) -> str:
        wanted = item.key if self.words.fields.get("services.name") == "id" else item.name or item.key
        name = plain_name(wanted) or plain_name(item.key)
        if name not in self.names.values():
            return name
        self.notices.append(Notice("services", name, f"two services are called {name}", "take their ids: fields: {services.name: id}"))
        return plain_name(f"{name}@{item.key}")

    def _service(self, item: Item, party: Party) -> None:
        name = self.names[item.key]
        customer = self._bought_by(party)
        needs: dict[str, None] = {}
        self._gather(item, needs, {item.key})
        values: dict[str, Any] = {"kind": shown(item.service_type or item.category or item.type or "service")}
        values |= self.words.values("services", item)
        if needs:
            values["needs"] = tuple(needs)
        if item.description:
            values["description"] = shown(item.description)
        self.entries["services"][name] = {"name": name, "customer": customer, **values, **times_of(item)}
        tier = self.words.values("customers", item).get("tier")
        if tier is not None:
            self.entries["customers"][customer].setdefault("tier", str(tier).casefold())

    def _bought_by(self, party: Party) -> str:
        who = party.party or party
        by_name = self.words.fields.get("customers.name") == "name"
        name = plain_name((who.name or "") if by_name else str(who.id)) or plain_name(str(who.id) or str(who.name))
        self.entries["customers"].setdefault(name, {"name": name, "display_name": shown(who.name or name)})
        return name

    def _gather(self, item: Item, needs: dict[str, None], seen: set[str]) -> None:
        """What a service stands on: its resources, the services that others bought, and what is behind those that nobody did."""
        for supporting in item.supporting_resource or ():
            known = self.ids.get(str(supporting.ref.id)) or ref_id(supporting.ref, self.words)
            if known:
                needs[known] = None
            else:
                self.unknown[supporting.ref.name or str(supporting.ref.id)] = None
        below = [str(each.ref.id) for each in item.supporting_service or ()]
        below += [str(each.service.id) for each in item.service_relationship or () if each.service and folded(each.kind) in NEEDING]
        for key in below:
            if key in self.names:
                needs[f"service/{self.names[key]}"] = None
            elif key in self.items and key not in seen:
                seen.add(key)
                self._gather(self.items[key], needs, seen)


def _customer(item: Item) -> Party | None:
    """Who bought a service."""
    for party in item.related_party or ():
        kind = party.referred_type or (party.party.referred_type or party.party.type if party.party else "")
        if folded(party.role) in {"customer", "buyer", "subscriber"} or folded(kind) == "customer":
            return party
    return None
