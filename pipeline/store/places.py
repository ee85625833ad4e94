"""Where devices stand and what services need: written into the store when the inventory changes, for roll-ups by site, region and service.

The whole inventory is recorded then too (:mod:`pipeline.store.inventory_history`). The same knowledge says how precisely indicators are
kept.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping

from pipeline.config.problem import ConfigError
from pipeline.core.inventory import Inventory
from pipeline.core.knowledge import Knowledge, KnowledgeSource
from pipeline.core.kpi import DEFAULT_PRECISION
from pipeline.core.resource import ResourceId, ResourceKind, name_of, resource_id
from pipeline.core.topology import Topology
from pipeline.store.client import Columns, StoreClient
from pipeline.store.inventory_history import record

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
TRY_AGAIN_S = 30.0
_MEASURED = frozenset({ResourceKind.INTERFACE, ResourceKind.PORT, ResourceKind.DEVICE})
_WRITTEN = "SELECT inventory FROM place ORDER BY written_at DESC LIMIT 1"


def place_columns(inventory: Inventory, written_at_ms: int) -> Columns:
    """Table ``place``: one row for a device."""
    devices = list(inventory.devices.values())
    sites = inventory.sites
    columns: Columns = {name: [getattr(device, name) for device in devices] for name in ("site", "vendor", "role", "domain")}
    columns["device"] = [device.name for device in devices]
    columns["region"] = [sites[device.site].region if device.site in sites else "" for device in devices]
    return columns | _stamp(inventory, len(devices), written_at_ms)


def service_columns(inventory: Inventory, topology: Topology, written_at_ms: int) -> Columns:
    """Table ``service_resource``: a row for each interface, port and device that a service depends on, directly or not."""
    rows = [(resource, service) for service in inventory.services.values() for resource in _needed(inventory, topology, service.name)]
    tiers = {name: customer.tier.value for name, customer in inventory.customers.items()}
    columns: Columns = {
        "resource": [resource for resource, _ in rows],
        "service": [service.name for _, service in rows],
        "customer": [service.customer for _, service in rows],
        "contract": [service.contract for _, service in rows],
        "tier": [tiers.get(service.customer, "") for _, service in rows],
    }
    return columns | _stamp(inventory, len(rows), written_at_ms)


def _stamp(inventory: Inventory, rows: int, written_at_ms: int) -> Columns:
    return {"inventory": [inventory.version] * rows, "written_at": [written_at_ms] * rows}


def _needed(inventory: Inventory, topology: Topology, service: str) -> list[ResourceId]:
    """What can be measured of what a service depends on; of a link that is its two interfaces."""
    node = topology.node(resource_id(ResourceKind.SERVICE, service))
    if node is None:
        return []
    found: set[ResourceId] = set()
    for each in topology.ancestors(node):
        name, kind = topology.names[each], topology.kinds[each]
        if kind in _MEASURED:
            found.add(name)
        elif kind is ResourceKind.LINK and (link := inventory.links.get(name_of(name))):
            found |= {resource_id(ResourceKind.INTERFACE, end) for end in (link.a, link.b)}
    return sorted(found)


class Places:
    """Keeps the store's places those of the present knowledge; ``follow`` works until cancelled.

    ``clock_ms`` gives Unix milliseconds, the order of what is written. Without a source there is nothing to follow.
    """

    def __init__(
        self, source: KnowledgeSource | None, client: StoreClient, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._source = source
        self._client = client
        self._clock_ms = clock_ms
        self._known: Knowledge | None = None
        self._precision: Mapping[str, int] = {}

    def precision(self) -> Mapping[str, int]:
        """Indicator -> significant binary digits to keep where they are not twelve, as far as it is known."""
        return self._precision

    async def follow(self) -> None:
        """Look for changes and write them. What cannot be read or written is logged and tried again."""
        if self._source is None:
            return
        while True:
            try:
                await self.look(self._source)
                await asyncio.sleep(LOOK_EVERY_S)
            except (ConfigError, OSError) as error:
                log.warning("places of devices are not up to date: %s", error)
                await asyncio.sleep(TRY_AGAIN_S)

    async def look(self, source: KnowledgeSource) -> bool:
        """Take in the present knowledge, and write its places if the store's are those of another inventory; whether it did."""
        knowledge = await asyncio.to_thread(source.current)
        if knowledge is self._known:
            return False
        rules = knowledge.measuring.rules
        self._precision = {rule.name: rule.precision for rule in rules if rule.precision != DEFAULT_PRECISION}
        written = await self._client.rows(_WRITTEN)
        is_new = [row["inventory"] for row in written] != [knowledge.inventory.version]
        await self._record(knowledge.declared or knowledge.inventory)
        if is_new:
            await self._write(knowledge)
        self._known = knowledge
        return is_new

    async def _record(self, inventory: Inventory) -> None:
        """Put an inventory, also what of it holds not yet or no more, into the history if the last is another; given up when cancelled."""
        over = threading.Event()
        at = self._clock_ms() * 1_000_000
        try:
            await self._client.run(lambda connection: record(connection, inventory, at, over.is_set))
        finally:
            over.set()

    async def _write(self, knowledge: Knowledge) -> None:
        now_ms = self._clock_ms()
        services = service_columns(knowledge.inventory, knowledge.topology, now_ms)
        for table, columns in (("service_resource", services), ("place", place_columns(knowledge.inventory, now_ms))):
            if columns["inventory"]:
                await self._client.insert(table, columns)
        log.info("places of %d devices are written, as inventory %s says", len(knowledge.inventory.devices), knowledge.inventory.version)
