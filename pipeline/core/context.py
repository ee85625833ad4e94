"""What one correlation domain is folded against: what is declared, and when things are decided; replaced as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.correlation_rule import Correlating
from pipeline.core.event import AlarmType
from pipeline.core.inventory import Inventory
from pipeline.core.routing import Routing
from pipeline.core.topology import Topology


@dataclass(frozen=True, slots=True)
class Timing:
    """When things are decided. Seconds; see the settings of correlation for the first five.

    ``retain_s`` is how long cleared alarms and resolved incidents are remembered.
    """

    settle_s: float = 1.5
    settle_cap_s: float = 5.0
    flap_changes: int = 5
    flap_window_s: float = 60.0
    clear_hold_s: float = 10.0
    retain_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a domain is folded against: the topology, who bought what, the alarm types, who is told.

    Replaced as a whole when any of it changes.
    """

    topology: Topology
    inventory: Inventory
    alarm_types: Mapping[str, AlarmType]
    timing: Timing = field(default_factory=Timing)
    rules_version: str = ""
    routing: Routing = field(default_factory=Routing)
    correlating: Correlating = field(default_factory=Correlating)

    @classmethod
    def of(
        cls, inventory: Inventory, alarm_types: Mapping[str, AlarmType], timing: Timing | None = None, rules_version: str = ""
    ) -> "Context":
        """The context of an inventory, its topology built from it."""
        return cls(Topology.of(inventory), inventory, alarm_types, timing or Timing(), rules_version)
