"""How right an answer is: roots with credit for what nobody can tell apart, clusters of alarms, time to the correct root."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median, quantiles

from sklearn.metrics import adjusted_rand_score, homogeneity_score

from pipeline.core.resource import ResourceKind, kind_of
from tests.bench.zoo.physics import Physics, Told
from tests.bench.zoo.play import Played

CAUSES = frozenset(
    {
        ResourceKind.SITE,
        ResourceKind.POWER,
        ResourceKind.DUCT,
        ResourceKind.FIBRE,
        ResourceKind.DEVICE,
        ResourceKind.CARD,
        ResourceKind.PORT,
    }
)
"""An incident on one of these names a cause; one on an interface, an LSP or a reachability says that an alarm stands for itself."""


@dataclass(frozen=True, slots=True)
class Count:
    """Causes that were named rightly, wrongly, and not."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)

    @property
    def is_exact(self) -> bool:
        return not self.wrong and not self.missed


def count(true: Iterable[Hashable], named: Iterable[Hashable]) -> Count:
    """Each named cause may stand for one true one of its class; a class is what it looks like."""
    wanted, found = Counter(true), Counter(named)
    right = (wanted & found).total()
    return Count(right, found.total() - right, wanted.total() - right)


def counted(physics: Physics, true: Iterable[str], named: Iterable[str], *, with_polls: bool) -> Count:
    """:func:`count` with credit for elements whose failure takes down the very same observables."""
    true_classes = [physics.looks_like(element, with_polls=with_polls) for element in true]
    return count(true_classes, [physics.looks_like(element, with_polls=with_polls) for element in named])


@dataclass(frozen=True, slots=True)
class Clustering:
    """Adjusted Rand index and homogeneity of the alarms' clusters."""

    ari: float
    homogeneity: float


def clustering(cause: dict[Told, int], cluster: dict[Told, Hashable]) -> Clustering:
    """Alarms by cluster against alarms by fault. One without a cluster, and a false one, is a cluster of its own."""
    alarms = sorted(cluster)
    true = _numbered(cause.get(alarm, alarm) for alarm in alarms)
    found = _numbered(cluster[alarm] or alarm for alarm in alarms)
    return Clustering(float(adjusted_rand_score(true, found)), float(homogeneity_score(true, found)))


def _numbered(labels: Iterable[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels]


@dataclass(frozen=True, slots=True)
class Trial:
    """One scenario's figures. ``strict`` also counts incidents that name no cause as wrong; ``by_name`` gives no credit.

    ``waits_s`` are the seconds from each fault that was named to when its root was named for good.
    """

    scenario: str
    graph: str
    roots: Count
    strict: Count
    by_name: Count
    clusters: Clustering
    waits_s: tuple[float, ...]
    raw: int
    alarms: int
    incidents: int
    moves: int
    revisions: int


def trial(physics: Physics, played: Played, *, with_polls: bool) -> Trial:
    """Judge one run."""
    true = [fault.element for fault in played.scenario.faults]
    causes = named(played)
    standing = [row.hypothesis.root if row.hypothesis.root in causes else f"nothing/{row.id}" for row in played.open]
    cluster = played.cluster
    return Trial(
        scenario=played.scenario.name,
        graph=played.scenario.graph,
        roots=counted(physics, true, causes, with_polls=with_polls),
        strict=counted(physics, true, standing, with_polls=with_polls),
        by_name=count(true, causes),
        clusters=clustering(played.scenario.cause, dict(cluster)),
        waits_s=tuple(_waits(physics, played, causes, with_polls=with_polls)),
        raw=played.raw,
        alarms=len(cluster),
        incidents=played.opened,
        moves=played.moves,
        revisions=played.revisions,
    )


def named(played: Played) -> list[str]:
    """The causes that open incidents name at the end."""
    return [row.hypothesis.root for row in played.open if not row.hypothesis.is_grouping and kind_of(row.hypothesis.root) in CAUSES]


def _waits(physics: Physics, played: Played, causes: Sequence[str], *, with_polls: bool) -> Iterable[float]:
    left = {}
    for root in causes:
        left.setdefault(physics.looks_like(root, with_polls=with_polls), []).append(played.naming.roots[root])
    for fault in played.scenario.faults:
        since = left.get(physics.looks_like(fault.element, with_polls=with_polls))
        if since:
            yield since.pop(0) - fault.at_s


@dataclass(frozen=True, slots=True)
class Summary:
    """Many trials together."""

    trials: int
    roots: Count
    strict: Count
    by_name: Count
    exact: float
    ari: float
    homogeneity: float
    wait_s: float
    late_wait_s: float
    raw: int
    alarms: int
    incidents: int
    moves: float
    revisions: float


def summary(trials: Sequence[Trial]) -> Summary:
    """Causes are counted over all trials; the exact sets, ARI and homogeneity are means of trials; waits are the median and one in ten."""
    waits = [wait for each in trials for wait in each.waits_s]
    incidents = max(sum(each.incidents for each in trials), 1)
    return Summary(
        trials=len(trials),
        roots=sum((each.roots for each in trials), Count()),
        strict=sum((each.strict for each in trials), Count()),
        by_name=sum((each.by_name for each in trials), Count()),
        exact=mean(each.roots.is_exact for each in trials),
        ari=mean(each.clusters.ari for each in trials),
        homogeneity=mean(each.clusters.homogeneity for each in trials),
        wait_s=median(waits) if waits else 0.0,
        late_wait_s=quantiles(waits, n=10)[-1] if len(waits) > 1 else 0.0,
        raw=sum(each.raw for each in trials),
        alarms=sum(each.alarms for each in trials),
        incidents=sum(each.incidents for each in trials),
        moves=sum(each.moves for each in trials) / incidents,
        revisions=sum(each.revisions for each in trials) / incidents,
    )
