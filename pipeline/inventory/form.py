"""How inventory files are written: which sections there are, and the forms that differ from the values they become."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.moment import nanoseconds
from pipeline.core.inventory import (
    ChargeChange,
    Circuit,
    Contract,
    Customer,
    Dependency,
    Device,
    Duct,
    Fibre,
    Interface,
    Lag,
    Link,
    Lsp,
    MaintenanceWindow,
    Power,
    Service,
    Site,
    Tunnel,
)
from pipeline.core.money import to_minor


@dataclass(frozen=True, slots=True)
class InterfaceForm:
    """An interface told apart from its device, as tables do."""

    device: str
    name: str
    index: int
    speed_mbps: int
    description: str = ""
    card: str = ""

    def value(self) -> "PlacedInterface":
        """The interface, by the name that it has in the whole inventory."""
        interface = Interface(self.name, self.index, self.speed_mbps, self.description, self.card)
        return PlacedInterface(f"{self.device}/{self.name}", self.device, interface)


@dataclass(frozen=True, slots=True)
class PlacedInterface:
    """An interface that is still to join its device."""

    name: str
    device: str
    interface: Interface


@dataclass(frozen=True, slots=True)
class ChargeChangeForm:
    """A new monthly charge of a service, as decimal text, and from when on (RFC 3339)."""

    service: str
    valid_from: str
    charge: str


@dataclass(frozen=True, slots=True)
class ContractForm:
    """A contract as written: charges as decimal text, times as RFC 3339."""

    name: str
    customer: str
    plan: str
    currency: str
    charges: dict[str, str]
    valid_from: str = ""
    valid_until: str = ""
    charge_changes: tuple[ChargeChangeForm, ...] = ()
    access_charges: dict[str, str] = field(default_factory=dict)

    def value(self) -> Contract:
        """The contract, charges in minor units. Raises ``ValueError`` for a time or an amount that cannot be."""
        charges = {service: _minor(service, amount, self.currency) for service, amount in self.charges.items()}
        times = [nanoseconds(text) if text else 0 for text in (self.valid_from, self.valid_until)]
        access = {service: _minor(service, amount, self.currency) for service, amount in self.access_charges.items()}
        changes = tuple(
            ChargeChange(each.service, nanoseconds(each.valid_from), _minor(each.service, each.charge, self.currency))
            for each in self.charge_changes
        )
        return Contract(self.name, self.customer, self.plan, self.currency, charges, times[0], times[1], changes, access)


@dataclass(frozen=True, slots=True)
class WindowForm:
    """A maintenance window as written: times as RFC 3339."""

    name: str
    resources: tuple[str, ...]
    starts_at: str
    ends_at: str
    noticed_at: str = ""
    reason: str = ""

    def value(self) -> MaintenanceWindow:
        """The window. Raises ``ValueError`` for a time that cannot be, or an end that is not after the start."""
        starts_at, ends_at = nanoseconds(self.starts_at), nanoseconds(self.ends_at)
        if ends_at <= starts_at:
            raise ValueError(f"the window ends at {self.ends_at}, not after its start at {self.starts_at}")
        noticed_at = nanoseconds(self.noticed_at) if self.noticed_at else 0
        return MaintenanceWindow(self.name, self.resources, starts_at, ends_at, noticed_at, self.reason)


@dataclass(frozen=True, slots=True)
class Section:
    """One list of the files: its key, the form of an entry, and how an entry becomes the value that is kept."""

    key: str
    form: type[Any]
    finish: Callable[[Any], Any] = field(default=lambda entry: entry)


SECTIONS = {
    section.key: section
    for section in (
        Section("sites", Site),
        Section("power", Power),
        Section("devices", Device),
        Section("interfaces", InterfaceForm, InterfaceForm.value),
        Section("ducts", Duct),
        Section("fibres", Fibre),
        Section("links", Link),
        Section("lags", Lag),
        Section("lsps", Lsp),
        Section("tunnels", Tunnel),
        Section("circuits", Circuit),
        Section("dependencies", Dependency),
        Section("services", Service),
        Section("customers", Customer),
        Section("contracts", ContractForm, ContractForm.value),
        Section("windows", WindowForm, WindowForm.value),
    )
}
"""Every section by its key."""


def _minor(service: str, amount: str, currency: str) -> int:
    try:
        minor = to_minor(amount, currency)
    except ValueError as error:
        raise ValueError(f"the charge of {service}: {error}") from None
    if minor < 0:
        raise ValueError(f"the charge of {service} is negative")
    return minor
