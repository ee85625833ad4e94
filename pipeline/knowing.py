"""The present knowledge, read from files and swapped at once when they change; a broken set is refused whole."""

import asyncio
import logging
import time

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.config.reload import Reloading
from pipeline.config.rule_set import RuleSet, load_rule_set
from pipeline.config.settings import Settings
from pipeline.core.directory import Directory
from pipeline.core.inventory import Inventory
from pipeline.core.knowledge import Knowledge, KnowledgeSource
from pipeline.core.rollup import Groups
from pipeline.core.topology import Topology
from pipeline.inventory.files import load_inventory
from pipeline.resources import data_dir

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
TRY_AGAIN_S = 30.0
SUFFIXES = (".yaml", ".csv", ".json")


class FileKnowledge:
    """A :class:`pipeline.core.knowledge.KnowledgeSource` over the folders of the settings; looks for changes once a second at most."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        rules, mibs = settings.rules_dir or data_dir("rules"), settings.mibs_dir or data_dir("mibs")
        self._files = Reloading((settings.inventory_dir, rules, mibs), SUFFIXES, self.load, what="inventory or rules")
        self._rules, self._mibs = rules, mibs
        self._looked_at = 0.0
        self._known: Knowledge | None = None

    def current(self) -> Knowledge:
        """The newest good knowledge. Raises ``ConfigError`` only if there never was any."""
        now = time.monotonic()
        if self._known is None or now - self._looked_at > LOOK_EVERY_S:
            self._looked_at = now
            self._known = self._files.current()
        return self._known

    @property
    def problem(self) -> str:
        """Why the newest files are not in use; empty while they are."""
        return self._files.problem

    def load(self) -> Knowledge:
        """Read everything now. Raises ``ConfigError`` with every problem."""
        return knowledge_of(load_inventory(self._settings.inventory_dir), load_rule_set(self._rules, load_mib_index(self._mibs)))


def knowledge_of(inventory: Inventory, rules: RuleSet) -> Knowledge:
    """An inventory and rules, with what is derived from both."""
    topology = Topology.of(inventory)
    return Knowledge(
        inventory=inventory,
        directory=Directory.of(inventory),
        topology=topology,
        rules=rules.book,
        mibs=rules.mibs,
        plans=rules.plans,
        thresholds=rules.thresholds,
        routing=rules.routing,
        measuring=rules.measuring(Groups.of(inventory, topology)),
    )


class KnowledgeBeside:
    """The present knowledge for a part that must not wait for files: read in a thread, and at hand at once."""

    def __init__(self, source: KnowledgeSource) -> None:
        self._source = source
        self._known: Knowledge | None = None

    def current(self) -> Knowledge | None:
        """The newest good knowledge; ``None`` until it is read, and while there never was any."""
        return self._known

    async def follow(self) -> None:
        """Keep it up to date until cancelled. Files that cannot be read are logged and tried again."""
        while True:
            try:
                self._known = await asyncio.to_thread(self._source.current)
                await asyncio.sleep(LOOK_EVERY_S)
            except (ConfigError, OSError) as error:
                log.warning("inventory or rules cannot be read, so storms are told by variables alone: %s", error)
                await asyncio.sleep(TRY_AGAIN_S)
