"""The settings of where the inventory comes from: its sources, their precedence, what nobody states."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pipeline.config.secret import Secret
from pipeline.core.inventory_merge import FILES


class SourceKind(StrEnum):
    """What a source of the inventory is: NetBox's REST API, TM Forum's resources (TMF639) or services (TMF638), files, or the network."""

    NETBOX = "netbox"
    TMF639 = "tmf639"
    TMF638 = "tmf638"
    DISCOVERY = "discovery"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One source of the inventory. ``confidence`` (0 to 1) is how sure its entries are that say nothing of it.

    ``url`` is the base of a NetBox, or of a TMF API with its path (``…/tmf-api/resourceInventoryManagement/v4``, or ``…/v5``); ``token``
    goes with each question. It is https on a public address, unless ``allow_private`` permits private addresses and http. ``ca_file``
    holds the certificates that are trusted instead of the public ones. Each answer takes at most ``timeout_s``, and has at most ``page``
    entries. ``filter`` narrows what is asked for (a NetBox's devices, a TMF API's collection), as its query parameters.

    ``fields`` says where a field is taken from, ``types`` which section a TMF ``@type``, category or service type belongs to; both add to
    what is usual (README of pipeline/inventory).

    A discovery asks ``targets``, as `assure discover` does (none: the declared devices), with ``communities`` (``env:NAME``,
    ``file:PATH`` beside the inventory, as at a device), or as ``user`` of ``traps.users``. ``folder`` holds the files of a further source
    of files; the one called ``files`` is ``inventory_dir``, and is listed only to give it a place other than the first.
    """

    name: str
    kind: SourceKind
    url: str = ""
    token: Secret = field(default_factory=Secret)
    allow_private: bool = False
    ca_file: Path | None = None
    timeout_s: float = 30.0
    page: int = 500
    filter: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    user: str = ""
    folder: Path | None = None
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class InventorySettings:
    """What tells of the network, besides ``inventory_dir``. ``sources`` are in order of precedence: the first that states a field has it.

    ``precedence`` puts other sources first for a section or one field of it: ``devices.address: [lldp]``. ``defaults`` are for what nobody
    states: ``customers.tier: bronze``. Sources are asked every ``fetch_every_s`` (0: only by `assure topology fetch`); one whose last good
    answer is older than ``stale_after_s`` is stale (0: three times ``fetch_every_s``).
    """

    sources: tuple[SourceSettings, ...] = ()
    precedence: dict[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    fetch_every_s: float = 3_600.0
    stale_after_s: float = 0.0

    @property
    def order(self) -> tuple[str, ...]:
        """Names of all sources, the first wins; ``files`` is first when it is not listed."""
        names = tuple(source.name for source in self.sources)
        return names if FILES in names else (FILES, *names)

    @property
    def fetched(self) -> tuple[SourceSettings, ...]:
        """The sources that are asked, rather than read in place."""
        return tuple(source for source in self.sources if source.kind is not SourceKind.FILES)

    @property
    def stale_s(self) -> float:
        """The age in seconds from which on a source is stale; 0 never."""
        return self.stale_after_s or 3 * self.fetch_every_s
