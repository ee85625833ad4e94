"""The present knowledge, read from files and swapped at once when they change; a broken set is refused whole."""

import time

from pipeline.config.mib_file import load_mib_index
from pipeline.config.reload import Reloading
from pipeline.config.rule_set import load_rule_set
from pipeline.config.settings import Settings
from pipeline.core.directory import Directory
from pipeline.core.knowledge import Knowledge
from pipeline.core.topology import Topology
from pipeline.inventory.files import load_inventory
from pipeline.resources import data_dir

LOOK_EVERY_S = 1.0
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
        inventory = load_inventory(self._settings.inventory_dir)
        rules = load_rule_set(self._rules, load_mib_index(self._mibs))
        return Knowledge(
            inventory=inventory,
            directory=Directory.of(inventory),
            topology=Topology.of(inventory),
            rules=rules.book,
            mibs=rules.mibs,
            plans=rules.plans,
            thresholds=rules.thresholds,
            routing=rules.routing,
        )
