"""The words that TMF APIs are free to choose, and what they usually mean: types of resources, names of characteristics, speeds."""

import re
from collections.abc import Mapping
from typing import Any

INTERFACES = "interfaces"
CARDS = "cards"

TYPES: Mapping[str, str] = {
    **dict.fromkeys(("site", "geographicsite", "building", "exchange", "pop"), "sites"),
    **dict.fromkeys(
        (
            "device",
            "networkelement",
            "networkdevice",
            "physicaldevice",
            "equipment",
            "router",
            "switch",
            "firewall",
            "node",
            "olt",
            "dslam",
            "basestation",
        ),
        "devices",
    ),
    **dict.fromkeys(("port", "physicalport", "logicalport", "interface", "networkinterface", "terminationpoint"), INTERFACES),
    **dict.fromkeys(("card", "linecard", "module", "board"), CARDS),
    **dict.fromkeys(("link", "physicallink", "networklink", "topologicallink", "connection"), "links"),
    **dict.fromkeys(("fibre", "fiber", "fibrecable", "fibercable", "cable", "opticalfiber"), "fibres"),
    **dict.fromkeys(("duct", "conduit"), "ducts"),
    **dict.fromkeys(("power", "powerfeed", "powersource", "powersupply", "rectifier"), "power"),
    **dict.fromkeys(("lag", "linkaggregation", "linkaggregationgroup", "aggregatedlink"), "lags"),
    **dict.fromkeys(("lsp", "labelswitchedpath"), "lsps"),
    **dict.fromkeys(("tunnel", "tetunnel"), "tunnels"),
    **dict.fromkeys(("circuit", "leasedline", "wavelength", "opticalchannel", "accessline"), "circuits"),
}
"""Which section a ``@type``, category or specification belongs to, in small letters and digits."""

KIND_OF: Mapping[str, str] = {
    "sites": "site",
    "devices": "device",
    INTERFACES: "interface",
    CARDS: "card",
    "links": "link",
    "fibres": "fibre",
    "ducts": "duct",
    "power": "power",
    "lags": "interface",
    "lsps": "lsp",
    "tunnels": "tunnel",
    "circuits": "circuit",
}
"""The kind of a resource of each section."""

CHARACTERISTICS: Mapping[str, tuple[str, ...]] = {
    "sites.region": ("region",),
    "sites.latitude": ("latitude",),
    "sites.longitude": ("longitude",),
    "devices.address": ("managementaddress", "managementip", "managementipaddress", "mgmtip", "ipaddress"),
    "devices.vendor": ("vendor", "manufacturer"),
    "devices.role": ("role", "devicerole", "function"),
    "devices.domain": ("domain", "correlationdomain"),
    "devices.community": ("snmpcommunity",),
    "interfaces.index": ("ifindex",),
    "interfaces.speed_mbps": ("speed", "speedmbps", "bandwidth", "capacity"),
    "interfaces.card": ("card", "linecard", "slot"),
    "lags.needs": ("minimumlinks", "minlinks"),
    "tunnels.needs": ("needs", "minimumpaths"),
    "fibres.duct": ("duct", "conduit"),
    "circuits.provider": ("provider", "carrier"),
    "circuits.id_at_provider": ("providercircuitid", "carriercircuitid", "idatprovider"),
    "services.contract": ("contract", "agreement", "contractid", "agreementid"),
    "services.kind": ("kind", "servicekind"),
    "services.keep": ("keep",),
    "customers.tier": ("tier", "customertier"),
}
"""Which characteristics a field is usually taken from, in small letters and digits; the first that there is."""

NEEDING = frozenset(
    {"reliesupon", "relieson", "dependson", "requires", "uses", "needs", "supportedby", "issupportedby", "carriedby", "hostedby"}
)
"""Relationships that say that this one needs the other, between things that no section of their own connects."""
CARRYING = frozenset({"supports", "carries", "hosts", "isrequiredby", "isusedby"})
"""Those that say it the other way round."""
_SPEED = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:bps|bits?/s|b/s|b)?", re.IGNORECASE)
_MBIT = {"k": 0.001, "m": 1.0, "g": 1_000.0, "t": 1_000_000.0, "": 1.0}


def folded(word: str | None) -> str:
    """A word in small letters and digits: ``Physical Port`` as ``physicalport``."""
    return re.sub(r"[^a-z0-9]+", "", (word or "").casefold())


def speed_mbps(value: Any) -> int:
    """A speed in Mbit/s of a number, or of text with a unit: ``10 Gbit/s``, ``10G``; 0 for what is none."""
    found = _SPEED.fullmatch(str(value).strip())
    return int(float(found[1]) * _MBIT[found[2].lower()]) if found else 0
