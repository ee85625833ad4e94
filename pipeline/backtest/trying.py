"""What a replay tries, read from folders, journals and the history, and what came of it; what limits the answer is told beside it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.backtest import limit
from pipeline.backtest.dated import Dated
from pipeline.backtest.difference import Difference, difference
from pipeline.backtest.heard import Account, Heard, Kept, heard, in_stretches, kept
from pipeline.backtest.lean import lean, measures_alike
from pipeline.backtest.owed import owed
from pipeline.backtest.past import Past, Stretch
from pipeline.backtest.recorded import outages_beside, recorded, said_by_others
from pipeline.backtest.run import Trial, replay
from pipeline.config.mib_file import load_mib_index
from pipeline.config.rule_set import RuleSet, load_rule_set
from pipeline.config.settings import Settings
from pipeline.core.inventory import Inventory
from pipeline.core.knowledge import Knowledge
from pipeline.core.outage import Outage
from pipeline.core.settlement import PlannedWork
from pipeline.inventory.files import load_inventory
from pipeline.inventory.present import load_present
from pipeline.knowing import knowledge_of
from pipeline.resources import data_dir
from pipeline.store.client import StoreError
from pipeline.store.past import PastQueries

LONGEST_MONTH_NS = 33 * 86_400 * 10**9
"""So far back a month may begin that a moment has a part in, wherever it is."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be tried: a stretch, from when on things are read so that what stood is known, and by which rules and topology.

    ``rules`` and ``topology`` are folders, ``None`` the settings' own; ``topology`` may be an inventory as well, that was
    known at ``known_at``. ``against_history`` holds it against what was, instead of against a replay by the settings' own. ``all_kpis``
    measures also what only raises alarms that no incident comes of; that is done anyway where both sides differ in it.
    """

    stretch: Stretch
    warm_from: int
    rules: Path | None = None
    topology: Path | Inventory | None = None
    known_at: int = 0
    against_history: bool = False
    all_kpis: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Both accounts and what differs. ``known`` is by what they were made (as the warm-up began), ``None`` for the history.

    ``limits`` are sentences.

    ``is_lean`` says that alarms which no incident comes of were left out.
    """

    question: Question
    sides: tuple[Past, Past]
    known: tuple[Knowledge | None, Knowledge]
    difference: Difference
    journals: Sequence[Kept]
    account: Account
    limits: tuple[str, ...]
    is_lean: bool


@dataclass
class _History:
    """What the history adds, and why it does not if it is silent."""

    beside: list[Outage] = field(default_factory=list)
    others: list[Heard] = field(default_factory=list)
    silent: str = ""


def ask(settings: Settings, question: Question, progress: Callable[[int], None] = lambda _: None) -> Answer:
    """Try it. ``ConfigError`` tells of broken folders, ``StoreError`` that the history is needed and silent; ``JournalError``, ``OSError``.

    ``progress`` is told to which time (UTC nanoseconds) the replay has come.
    """
    stretch, journals, account = question.stretch, kept(settings), Account()
    present = declared(settings)
    is_other = question.rules is not None or question.topology is not None
    tried = declared(settings, question.rules, question.topology) if is_other else present
    is_lean = not question.all_kpis and measures_alike(present.rules, tried.rules)
    by = [tried.dated(question.warm_from, is_lean=is_lean)]
    if not question.against_history:
        by.insert(0, present.dated(question.warm_from, is_lean=is_lean, beside=by[0].current()))
    known = (None if question.against_history else by[0].current(), by[-1].current())
    with PastQueries.of(settings.history) as queries:
        history = _read_history(queries, question)
        came = in_stretches(heard(settings, journals, question.warm_from, stretch.ends_at, account), history.others)
        trials = replay(came, by, settings.correlation, stretch, question.warm_from, None if history.silent else history.beside, progress)
        was = trials[0].past
        if question.against_history:
            was = _as_it_was(queries, stretch, present, history.beside, trials[0].past.planned)
        limits = [*limit.gaps(journals, stretch, question.warm_from), *limit.unread(account)]
        limits += _of_history(queries, history, stretch, trials)
    found = difference(was, trials[-1].past, is_lean=is_lean)
    if question.against_history:
        limits += [*limit.other_versions(was, known[1]), *([] if found.is_empty else [limit.other_moments()])]
    return Answer(
        question=question,
        sides=(was, trials[-1].past),
        known=known,
        difference=found,
        journals=journals,
        account=account,
        limits=tuple(limits),
        is_lean=is_lean,
    )


@dataclass(frozen=True, slots=True)
class Declared:
    """An inventory and rules as they are declared, whenever they hold."""

    inventory: Inventory
    rules: RuleSet

    def dated(self, at: int, *, is_lean: bool, beside: Knowledge | None = None) -> Dated:
        """A source that begins at a time; what ``beside`` derived from the same inventory is kept."""

        def build(holds: Inventory) -> Knowledge:
            known = knowledge_of(holds, self.rules, before=beside)
            return lean(known) if is_lean else known

        return Dated(self.inventory, build, at)


def declared(settings: Settings, rules: Path | None = None, topology: Path | Inventory | None = None) -> Declared:
    """The settings' own, or with other rules or another inventory. Raises ``ConfigError`` with every problem."""
    mibs = load_mib_index(settings.mibs_dir or data_dir("mibs"))
    read = load_rule_set(rules or settings.rules_dir or data_dir("rules"), mibs)
    if not isinstance(topology, Inventory):
        topology = load_inventory(topology) if topology else load_present(settings)
    return Declared(topology, read)


def _read_history(queries: PastQueries, question: Question) -> _History:
    stretch = question.stretch
    try:
        return _History(
            outages_beside(queries, stretch, stretch.starts_at - LONGEST_MONTH_NS),
            said_by_others(queries, question.warm_from, stretch.ends_at),
        )
    except StoreError as error:
        if question.against_history:
            raise
        return _History(silent=str(error))


def _as_it_was(queries: PastQueries, stretch: Stretch, present: Declared, beside: Sequence[Outage], planned: PlannedWork) -> Past:
    """The history's account; what was owed is reckoned as in a replay, from the outages that it holds."""
    was = recorded(queries, stretch)
    was.owed = owed(present.inventory, present.rules.plans, (*beside, *was.outages.values()), stretch, planned)
    return was


def _of_history(queries: PastQueries, history: _History, stretch: Stretch, trials: Sequence[Trial]) -> Iterable[str]:
    if history.silent:
        yield limit.silent_history(history.silent)
        return
    yield from limit.unknown_at_start(queries.standing_at(stretch.starts_at), trials[-1].standing)
    yield from limit.thinned(
        trials[-1].past.counts["notifications"], queries.counts_between(stretch.starts_at, stretch.ends_at)["notifications"]
    )
