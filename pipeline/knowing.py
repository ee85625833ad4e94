"""The present knowledge, read from files and swapped at once when they change, or what they say does; a broken set is refused whole."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.config.mib_file import load_mib_index
from pipeline.config.problem import ConfigError
from pipeline.config.reload import Reloading, Stamp, stamp_of
from pipeline.config.rule_set import RuleSet, load_rule_set
from pipeline.config.settings import Settings
from pipeline.core.correlation_rule import Correlating, Relations
from pipeline.core.directory import Directory
from pipeline.core.inventory import Inventory
from pipeline.core.knowledge import Knowledge, KnowledgeSource
from pipeline.core.rollup import Groups
from pipeline.core.topology import Topology
from pipeline.core.validity import as_of, next_change
from pipeline.inventory.present import load_present, watched
from pipeline.resources import data_dir

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
TRY_AGAIN_S = 30.0
SUFFIXES = (".yaml", ".csv", ".json")


@dataclass(frozen=True, slots=True)
class _Declared:
    """What files say: the whole inventory, also what does not hold now, and the rules."""

    inventory: Inventory
    rules: RuleSet


class FileKnowledge:
    """A :class:`pipeline.core.knowledge.KnowledgeSource` over the folders of the settings.

    Looks once a second at most, for changed files and for entries that begin or end just now (by ``clock``, UTC nanoseconds). Only what
    changed is made anew: other rules leave inventory and topology as they are, and files that say the same do too.
    """

    def __init__(self, settings: Settings, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        rules, mibs = settings.rules_dir or data_dir("rules"), settings.mibs_dir or data_dir("mibs")
        self._files = Reloading((*watched(settings), rules, mibs), SUFFIXES, self._read, what="inventory or rules")
        self._rules, self._mibs = rules, mibs
        self._clock = clock
        self._looked_at = 0.0
        self._read_before: tuple[Stamp, Inventory] | None = None
        self._declared: _Declared | None = None
        self._known: Knowledge | None = None
        self._holds_until = 0

    def current(self) -> Knowledge:
        """The newest good knowledge. Raises ``ConfigError`` only if there never was any."""
        now = time.monotonic()
        if self._known is None or now - self._looked_at > LOOK_EVERY_S:
            self._looked_at = now
            self._known = self._look(self._known)
        return self._known

    @property
    def problem(self) -> str:
        """Why the newest files are not in use; empty while they are."""
        return self._files.problem

    def load(self) -> Knowledge:
        """Read everything now. Raises ``ConfigError`` with every problem."""
        return self._know(self._read(), self._clock(), None)

    def _look(self, known: Knowledge | None) -> Knowledge:
        declared, at = self._files.current(), self._clock()
        if known is not None and declared is self._declared and not 0 < self._holds_until <= at:
            return known
        known = self._know(declared, at, known)
        self._declared, self._holds_until = declared, next_change(declared.inventory, at)
        return known

    def _read(self) -> _Declared:
        stamp = stamp_of(watched(self._settings), SUFFIXES)
        if self._read_before is None or self._read_before[0] != stamp:
            self._read_before = stamp, load_present(self._settings)
        return _Declared(self._read_before[1], load_rule_set(self._rules, load_mib_index(self._mibs)))

    def _know(self, declared: _Declared, at: int, before: Knowledge | None) -> Knowledge:
        return knowledge_of(as_of(declared.inventory, at), declared.rules, declared.inventory, before)


def knowledge_of(inventory: Inventory, rules: RuleSet, declared: Inventory | None = None, before: Knowledge | None = None) -> Knowledge:
    """An inventory and rules, with what is derived from both; what ``before`` derived from the same inventory is kept.

    ``declared`` has as well what holds no more, or not yet, if that is more than ``inventory``.
    """
    if before is not None and before.inventory.version == inventory.version:
        inventory, directory, topology, groups = before.inventory, before.directory, before.topology, before.measuring.shares.groups
    else:
        directory, topology = Directory.of(inventory), Topology.of(inventory)
        groups = Groups.of(inventory, topology)
    return Knowledge(
        inventory=inventory,
        directory=directory,
        topology=topology,
        rules=rules.book,
        mibs=rules.mibs,
        plans=rules.plans,
        thresholds=rules.thresholds,
        routing=rules.routing,
        measuring=rules.measuring(groups),
        declared=declared,
        correlating=Correlating.of(rules.correlations, Relations.of(inventory, topology)),
        notices=rules.notices,
        remedies=rules.remedies,
    )


class KnowledgeAhead:
    """A source for a part that works all the time: read once at the start, then anew in a thread while work goes on, and swapped at once.

    A large inventory takes many seconds to read, in which a storm would pile up.
    """

    def __init__(self, source: KnowledgeSource) -> None:
        """Read it a first time. Raises ``ConfigError`` with every problem."""
        self._source = source
        self._known = source.current()

    def current(self) -> Knowledge:
        """The newest good knowledge, without a look at files."""
        return self._known

    async def follow(self) -> None:
        """Keep it up to date until cancelled; what cannot be read is logged and tried again."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._known = await asyncio.to_thread(self._source.current)
            except OSError as error:
                log.warning("inventory or rules cannot be read, the ones before stay in use: %s", error)


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
