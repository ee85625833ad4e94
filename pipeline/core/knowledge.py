"""Everything declared that the folds need, as one consistent set: swapped at once when files change."""

from dataclasses import dataclass, field
from typing import Protocol

from pipeline.core.correlation_rule import Correlating
from pipeline.core.directory import Directory
from pipeline.core.inventory import Inventory
from pipeline.core.measure import Measuring
from pipeline.core.mib import MibIndex
from pipeline.core.notice import Notices
from pipeline.core.plan import Plan
from pipeline.core.remedy import RemedyRule
from pipeline.core.routing import Routing
from pipeline.core.rule import RuleBook
from pipeline.core.threshold import Threshold
from pipeline.core.topology import Topology


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One set of inventory and rules with what is derived from them.

    ``inventory`` is what holds now. ``declared`` has as well what holds no more, or not yet: a month that is over is settled by it.
    """

    inventory: Inventory
    directory: Directory
    topology: Topology
    rules: RuleBook
    mibs: MibIndex
    plans: dict[str, Plan]
    thresholds: tuple[Threshold, ...]
    routing: Routing
    measuring: Measuring = field(default_factory=Measuring)
    declared: Inventory | None = None
    correlating: Correlating = field(default_factory=Correlating)
    notices: Notices = field(default_factory=Notices)
    remedies: tuple[RemedyRule, ...] = ()

    @property
    def version(self) -> tuple[str, str]:
        """The inventory's and the rules' versions."""
        return self.inventory.version, self.rules.version


class KnowledgeSource(Protocol):
    """Gives the present knowledge; a broken set of files leaves the one before in force."""

    def current(self) -> Knowledge:
        """The knowledge to use now; the same object until something changed."""
        ...
