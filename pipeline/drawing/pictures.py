"""The topology as it is now with what is wrong in it, as pictures for the console; the latest are kept, as pages load again."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipeline.core.inventory import Inventory
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.drawing.incident import case_of
from pipeline.drawing.layers import layers
from pipeline.drawing.mark import Case, marks
from pipeline.drawing.network_map import network_map
from pipeline.drawing.svg import svg
from pipeline.drawing.wording import map_words, resource_words

Json = dict[str, Any]
MOST_DEVICES = 400
"""A map of more is no picture."""
KEPT = 32


class Pictures:
    """Draws what it is asked for, each picture once as long as nothing changed. Safe to use from several threads: the worst is twice."""

    def __init__(self) -> None:
        self._graph: Topology | None = None
        self._kept: OrderedDict[tuple[Any, ...], Json] = OrderedDict()

    def with_incidents(
        self, inventory: Inventory, incidents: Sequence[Json], alarms: Mapping[str, Json], resource: str | None = None
    ) -> Json | None:
        """A picture with ``incidents`` in it, their ``alarms`` by id; each incident says whether its root cause ``is_declared``."""
        cases = [case_of(each, [alarms[name] for name in each["alarms"] if name in alarms]) for each in incidents]
        drawn = self.of(inventory, cases, resource)
        if drawn is None or self._graph is None:
            return None
        known = self._graph
        told = [{**each, "is_declared": known.node(ResourceId(each["root_cause"])) is not None} for each in incidents]
        return {**drawn, "incidents": told}

    def of(self, inventory: Inventory, cases: Collection[Case], resource: str | None = None) -> Json | None:
        """The map, or with ``resource`` (an id) what it needs and what needs it; ``None`` for an unknown one.

        ``svg`` is the picture by itself, ``inline`` the same for a page; both are empty where there is too much for one.
        """
        key = (inventory.version, frozenset(cases), resource)
        found = self._kept.get(key)
        if found is None:
            found = self._drawn(inventory, cases, resource)
            if found is not None:
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found

    def _drawn(self, inventory: Inventory, cases: Collection[Case], resource: str | None) -> Json | None:
        graph = self._graph
        if graph is None or graph.version != inventory.version:
            graph = self._graph = Topology.of(inventory)
        if resource is not None:
            node = graph.node(ResourceId(resource))
            if node is None:
                return None
            title, subtitle = resource_words(graph, node, inventory, "")
            scene = layers(graph, node, marks(graph, cases), title, subtitle)
        else:
            title, subtitle = map_words(inventory, "")
            if len(inventory.devices) > MOST_DEVICES:
                return {"title": title, "version": inventory.version, "resource": "", "svg": "", "inline": ""}
            scene = network_map(inventory, marks(graph, cases), title, subtitle)
        return {
            "title": title,
            "version": inventory.version,
            "resource": resource or "",
            "svg": svg(scene),
            "inline": svg(scene, is_page=False),
        }
