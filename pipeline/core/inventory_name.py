"""What sources call the same things: long and short names of interfaces, and how a source's names are written another way throughout."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.resource import OF_A_DEVICE, ResourceId, ResourceKind, kind_of

_UNFIT = re.compile(r"[^\w.:@+-]+", re.ASCII)
_PORT = re.compile(r"([A-Za-z][A-Za-z -]*)\s*([0-9][0-9./:]*)")
_LEAST_LETTERS = 2
_OTHERWISE = {"be": "bundle-ether", "bagg": "bridge-aggregation", "xge": "ten-gigabitethernet", "fge": "fortygige", "hge": "hundredgige"}
"""Short names that are not the beginning of the long one."""
_REFERRING = frozenset({"needs", "resources", "resource"})
"""Fields of resource ids."""
_BY_DEVICE = frozenset({"members", "a", "b"})
"""Fields of ``device/interface``."""
_DERIVED = OF_A_DEVICE - {ResourceKind.DEVICE}


def same_interface(one: str, other: str) -> bool:
    """Whether two names are one interface's, long and short: ``GigabitEthernet0/0/1`` and ``Gi0/0/1``, ``Ethernet1`` and ``Et1``."""
    if one.casefold() == other.casefold():
        return True
    parts = _PORT.fullmatch(one), _PORT.fullmatch(other)
    if parts[0] is None or parts[1] is None or parts[0][2] != parts[1][2]:
        return False
    short, long = sorted((part[1].strip().casefold() for part in parts if part is not None), key=len)
    return len(short) >= _LEAST_LETTERS and (long.startswith(short) or long == _OTHERWISE.get(short))


def plain_name(text: str) -> str:
    """A text as a name that an entry may have: ``Site 1 (old)`` as ``Site-1-old``; empty when nothing of it can be in one."""
    return _UNFIT.sub("-", text).strip("-").lstrip("_.:@+-")


@dataclass(frozen=True, slots=True)
class Renames:
    """How a source's names are written instead: devices, links, and interfaces by what the source calls (the device, the interface)."""

    devices: dict[str, str] = field(default_factory=dict)
    interfaces: dict[tuple[str, str], str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.devices or self.interfaces or self.links)

    def entry(self, section: str, name: str) -> str:
        """What an entry is called."""
        if section == "devices":
            return self.devices.get(name, name)
        if section == "links":
            return self.links.get(name, name)
        return self.port(name) if section == "lags" else name

    def fields(self, section: str, name: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of an entry (by its source's name), with what they refer to under its names from now on."""
        return {key: self._value(section, name, key, value) for key, value in told.items()}

    def port(self, text: str) -> str:
        """``device/interface``."""
        device, slash, port = text.partition("/")
        return f"{self.devices.get(device, device)}{slash}{self.interfaces.get((device, port), port)}"

    def resource(self, text: str) -> str:
        """A resource id."""
        kind, name = kind_of(ResourceId(text)), text.partition("/")[2]
        if kind in _DERIVED:
            return f"{kind.value}/{self.port(name)}"
        if kind is ResourceKind.DEVICE:
            return f"{kind.value}/{self.devices.get(name, name)}"
        return f"{kind.value}/{self.links.get(name, name)}" if kind is ResourceKind.LINK else text

    def _value(self, section: str, name: str, key: str, value: Any) -> Any:
        if section == "devices":
            return self._of_device(name, key, value)
        if key in _REFERRING and section != "lags":  # a lag needs a number
            return _each(self.resource, value)
        if key in _BY_DEVICE:
            return _each(self.port, value)
        if key == "weights":
            return {self.resource(need): weight for need, weight in value.items()}
        return self._of_lsp(key, value) if section == "lsps" else value

    def _of_device(self, name: str, key: str, value: Any) -> Any:
        if key == "interfaces":
            return {self.interfaces.get((name, port), port): told for port, told in value.items()}
        return tuple(self.interfaces.get((name, port), port) for port in value) if key == "uplinks" else value

    def _of_lsp(self, key: str, value: Any) -> Any:
        if key == "head":
            return self.devices.get(value, value)
        return tuple(self.links.get(link, link) for link in value) if key == "links" else value


def _each(change: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(change(each) for each in value)
    return change(value) if isinstance(value, str) else value
