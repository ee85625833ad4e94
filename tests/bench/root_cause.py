"""Root cause: the streaming core on an operator's network on each Topology Zoo graph, one to five faults, beside what others answer.

The generator is frozen and its priors are not the solver's; README.md describes both. Polls are asked as production asks them; the same
scenarios without any poll stand beside. Constants may be tuned on the development half of the graphs; the held-out half is printed too.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import mean

from tests.bench.bar import Bar
from tests.bench.zoo.baseline import EPSILONS, View, all_uplinks, dbscan, nearest_ancestor, score, score_informed
from tests.bench.zoo.network import graphs, half_of
from tests.bench.zoo.physics import Physics, physics_of
from tests.bench.zoo.play import START, Played, play
from tests.bench.zoo.scenario import Rates, Scenario, scenario_of
from tests.bench.zoo.score import Count, Summary, Trial, clustering, counted, summary, trial

HALVES = ("development", "held-out")
EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: which faults on each graph, and how the alarms and the inventory are spoilt."""

    name: str
    faults: tuple[int, ...]
    rates: Rates = field(default_factory=Rates)

    def scenarios(self, names: Iterable[str]) -> Iterator[Scenario]:
        """Its scenarios, a graph after the other."""
        for graph in names:
            for turn, faults in enumerate(self.faults):
                yield scenario_of(self.name, graph, faults, turn, self.rates)


MANY = Row("1-5 faults", (1, 2, 3, 4, 5))
ONE = Row("one fault", (1, 1))
LOST = Row("30 % lost", (1, 2, 3, 4, 5), Rates(lost=0.3))
STALE = Row("10 % stale", (1, 2, 3, 4, 5), Rates(stale=0.1))


@dataclass(slots=True)
class Table:
    """A row's trials, and the baselines' counts beside them."""

    row: Row
    with_polls: bool
    trials: list[Trial] = field(default_factory=list)
    others: dict[str, dict[str, Count]] = field(default_factory=dict)
    clusters: dict[float, list[tuple[str, float]]] = field(default_factory=dict)
    spent_s: float = 0.0

    def of(self, half: str) -> Summary:
        """The figures of a half, or of everything."""
        return summary([each for each in self.trials if half in (EVERYTHING, half_of(each.graph))])

    def other(self, name: str) -> Count:
        """A baseline's count over everything."""
        return sum(self.others.get(name, {}).values(), Count())

    def dbscan(self) -> dict[str, float]:
        """DBSCAN's ARI over everything: with its own reach, and with the one that is best for the development half."""
        if not self.clusters:
            return {}
        tuned = {
            epsilon: mean([ari for graph, ari in found if half_of(graph) == HALVES[0]] or [0.0]) for epsilon, found in self.clusters.items()
        }
        best = max(tuned, key=lambda epsilon: tuned[epsilon])
        return {
            "dbscan-ari": mean(ari for _, ari in self.clusters[EPSILONS[0]]),
            "dbscan-tuned-ari": mean(ari for _, ari in self.clusters[best]),
        }


def arguments_of(name: str, arguments: Sequence[str]) -> argparse.Namespace:
    """What can be asked of both benchmarks."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--half", choices=HALVES, help="only these graphs; tuning may look at development alone")
    parser.add_argument("--graphs", nargs="+", help="only these graphs")
    parser.add_argument("--every", type=int, default=1, help="only every so many graphs, for a quick look")
    parser.add_argument("--misses", type=int, default=0, help="print so many scenarios whose causes were not named exactly")
    parser.add_argument("--polls", choices=("with", "without", "both"), default="both")
    options = parser.parse_args(arguments)
    names = options.graphs or [graph for graph in graphs() if options.half in (None, half_of(graph))]
    options.graphs = names[:: options.every]
    return options


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """The bars of a network whose inventory is right."""
    options = arguments_of("root-cause", arguments)
    for table in tables(MANY, options):
        found, name = table.of(EVERYTHING), "root-cause" if table.with_polls else "root-cause-no-polls"
        yield bar_of(name, table, 0.93 if table.with_polls else None)
        if table.with_polls:
            yield Bar("root-cause-ari", found.ari, "ARI", {"bar": 0.90, **halves(table, "ari"), **table.dbscan()})
            yield Bar("root-cause-exact", found.exact, "share-of-scenarios", {"bar": 0.75, **halves(table, "exact")})
    for table in tables(ONE, options):
        yield bar_of("root-cause-one" if table.with_polls else "root-cause-one-no-polls", table, 0.97 if table.with_polls else None)


def tables(row: Row, options: argparse.Namespace) -> Iterator[Table]:
    """A row with polls and without, its lines printed."""
    for with_polls in (True, False):
        if options.polls in ("both", "with" if with_polls else "without"):
            table = run(row, options, with_polls=with_polls)
            show(table)
            yield table


def run(row: Row, options: argparse.Namespace, *, with_polls: bool) -> Table:
    """Play every scenario of a row and judge it."""
    table, left = Table(row, with_polls), options.misses
    began = time.process_time()
    for place, scenario in enumerate(row.scenarios(options.graphs)):
        physics = physics_of(scenario.graph)
        at = time.process_time()
        played = play(scenario, with_polls=with_polls)
        table.spent_s += time.process_time() - at
        table.trials.append(trial(physics, played, with_polls=with_polls))
        _compare(table, physics, played)
        if left and not table.trials[-1].roots.is_exact:
            left -= 1
            _show_miss(played)
        if place % 100 == 99:
            print(f"… {place + 1} scenarios, {time.process_time() - began:.0f} s of CPU", file=sys.stderr, flush=True)
    return table


@cache
def _view(graph: str) -> View:
    return View(physics_of(graph))


def _compare(table: Table, physics: Physics, played: Played) -> None:
    scenario, standing = played.scenario, played.standing
    view = View(Physics(scenario.inventory)) if table.row.rates.stale else _view(scenario.graph)
    true = [fault.element for fault in scenario.faults]
    for baseline in (nearest_ancestor, all_uplinks, score, score_informed):
        found = baseline(view, standing, with_polls=table.with_polls)
        counts = table.others.setdefault(baseline.__name__.replace("_", "-"), {})
        counts[scenario.name] = counted(physics, true, found, with_polls=table.with_polls)
    if table.row is not MANY or not table.with_polls:
        return
    alarms = (row.alarm for row in played.state.alarms.values() if row.alarm.occurrences)
    raised_s = {(alarm.resource, alarm.alarm_type): (alarm.created_at - START) / 1e9 for alarm in alarms}
    for epsilon in EPSILONS:
        found_clusters = clustering(scenario.cause, dbscan(view, raised_s, epsilon))
        table.clusters.setdefault(epsilon, []).append((scenario.graph, found_clusters.ari))


def _show_miss(played: Played) -> None:
    scenario = played.scenario
    print(f"missed {scenario.name}: {', '.join(f'{fault.element}@{fault.at_s:.0f}s' for fault in scenario.faults)}")
    for row in played.open:
        said = row.hypothesis
        print(f"    named {said.root} ({said.probability:.2f}; {len(said.explained)} explained, {len(said.missing)} missing)")


def show(table: Table) -> None:
    """A row's lines: everything, then each half."""
    title = f"{table.row.name}, {'polls' if table.with_polls else 'no polls'}"
    for half in (EVERYTHING, *HALVES):
        if not any(half in (EVERYTHING, half_of(each.graph)) for each in table.trials):
            continue
        found = table.of(half)
        print(
            f"{title:22} {half:11} {found.trials:5} scenarios: F1 {found.roots.f1:.3f} (precision {found.roots.precision:.3f}, recall "
            f"{found.roots.recall:.3f}; strict {found.strict.f1:.3f}, by name {found.by_name.f1:.3f}), exact {found.exact:.3f}, "
            f"ARI {found.ari:.3f}, homogeneity {found.homogeneity:.3f}; {found.wait_s:.1f} s to the root, one in ten over "
            f"{found.late_wait_s:.1f}; {found.revisions:.2f} revisions and {found.moves:.2f} other roots an incident; "
            f"{found.raw} notifications, {found.alarms} alarms, {found.incidents} incidents",
            flush=True,
        )
    others = ", ".join(f"{name} F1 {table.other(name).f1:.3f}" for name in table.others)
    print(f"{title:22} others: {others}; {1e3 * table.spent_s / max(len(table.trials), 1):.0f} ms of CPU a scenario", flush=True)


def halves(table: Table, figure: str) -> dict[str, float | str]:
    """A figure of a summary for each half."""
    present = (half for half in HALVES if any(half_of(each.graph) == half for each in table.trials))
    return {half: getattr(table.of(half), figure) for half in present}


def bar_of(name: str, table: Table, goal: float | None) -> Bar:
    """The bar of a row's F1."""
    found = table.of(EVERYTHING)
    against: dict[str, float | str] = {"bar": goal} if goal is not None else {}
    present = (half for half in HALVES if any(half_of(each.graph) == half for each in table.trials))
    against |= {half: table.of(half).roots.f1 for half in present}
    against |= {
        "precision": found.roots.precision,
        "recall": found.roots.recall,
        "strict": found.strict.f1,
        "exact": found.exact,
        "ari": found.ari,
        "homogeneity": found.homogeneity,
        "root-after-s": found.wait_s,
        "revisions": found.revisions,
        "raw-to-alarms-to-incidents": f"{found.raw}:{found.alarms}:{found.incidents}",
    }
    return Bar(name, found.roots.f1, "F1", against | {other: table.other(other).f1 for other in table.others})
