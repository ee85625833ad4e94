"""Which alarm types follow which, on the same or on neighbouring elements: counted in the history, held against chance.

For each pair of types and each relation (:class:`~pipeline.core.correlation_rule.Relation`) the cause's *episodes* are counted: its raises
on one device, each within a window of the one before. An episode is followed if an episode of the effect has a raise within the window
after one of its own, on an element so related; each effect follows one cause only, the nearest. So a storm of a device counts once.

Chance: the effects stay where they are, and the cause might have come at any time. An episode is followed by chance with the share of time
in which its window would catch an effect on its own related elements: of the whole history, or of the hours around it if that is more
(a busy evening, a bad week). The sum of such trials has an upper tail of at most that of a binomial distribution of the same mean
(Hoeffding, 1956); the p-value is that tail at the number of *occasions*, moments a window apart at which anything followed, so that one
coincidence of two storms is one. Of all pairs asked, those are kept whose false discovery rate (Benjamini and Hochberg, 1995) is below a
limit, that happened on some occasions at least, whose share and lift are beyond doubt, and that explain effects which no stronger pair
explains. A type beside its like is a storm, and no effect.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, lgamma, log, log1p, sqrt
from statistics import median
from typing import NamedTuple

from pipeline.core.correlation_rule import Relation, Relations, Spot
from pipeline.core.resource import ResourceId

NANOSECONDS = 1_000_000_000
AROUND_NS = 3 * 3600 * NANOSECONDS
"""How far around an episode chance is also looked at."""

Z95 = 1.959964
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Raise:
    """One raise of an alarm in the history. ``device`` is the reporter, ``at`` UTC nanoseconds."""

    at: int
    alarm_type: str
    resource: ResourceId
    device: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What is looked for: effects within ``window_s``; and what a finding must be.

    ``occasions``: followed at so many at least; ``share`` of the cause's episodes at least, by the lower end of its 95 % interval;
    ``lift`` over chance at least, likewise; false discovery rate at most ``rate``.
    """

    window_s: float = 300.0
    occasions: int = 5
    share: float = 0.1
    lift: float = 2.0
    rate: float = 0.01

    @property
    def window_ns(self) -> int:
        """The window in nanoseconds."""
        return int(self.window_s * NANOSECONDS)


@dataclass(frozen=True, slots=True)
class Example:
    """One time that it happened."""

    at: int
    cause: ResourceId
    effect: ResourceId
    lag_s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A pair that is no chance, with its evidence.

    ``followed`` of ``episodes`` of the cause had the effect after them, at ``occasions``; by chance ``expected`` would have. ``low`` and
    ``high`` bound the share with 95 % (Wilson), ``lift_low`` the lift. ``q`` is the false discovery rate at which it would just be kept.
    Lags are seconds: the median, and what 95 % are within. ``effects`` counts all episodes of the effect.
    """

    cause: str
    effect: str
    relation: Relation
    episodes: int
    followed: int
    occasions: int
    effects: int
    expected: float
    low: float
    high: float
    lift_low: float
    p: float
    q: float
    lag_s: float
    lag_95_s: float
    examples: tuple[Example, ...] = ()

    @property
    def share(self) -> float:
        """Which share of the cause's episodes was followed."""
        return self.followed / self.episodes

    @property
    def lift(self) -> float:
        """How many times as often as by chance."""
        return self.followed / max(self.expected, 1e-9)


@dataclass(frozen=True, slots=True)
class Study:
    """What a history gave. ``asked`` is how many pairs were held against chance."""

    findings: tuple[Finding, ...]
    raises: int
    asked: int
    starts_at: int
    ends_at: int


def study(raises: Iterable[Raise], relations: Relations, limits: Limits | None = None) -> Study:
    """Look through a history; findings in order of their strength. Deterministic."""
    return _Search(sorted(set(raises), key=lambda one: (one.at, one.alarm_type, one.resource)), relations, limits or Limits()).study()


@dataclass(slots=True)
class _Episode:
    """Raises of one type on one device, or on one resource that is no device's: when and where each was. ``number`` is its own."""

    number: int
    raises: list[tuple[int, Spot]]

    @property
    def at(self) -> int:
        return self.raises[0][0]

    @property
    def lasted(self) -> int:
        return self.raises[-1][0] - self.raises[0][0]

    @property
    def spots(self) -> frozenset[Spot]:
        return frozenset(spot for _, spot in self.raises)


class _Coverage:
    """The times at which a window of ``width`` would catch one of some effects."""

    def __init__(self, times: Sequence[int], width: int) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []
        for at in sorted(times):
            if self._ends and at - width <= self._ends[-1]:
                self._ends[-1] = at
            else:
                self._begins.append(at - width)
                self._ends.append(at)
        self._before = [0]
        for begins, ends in zip(self._begins, self._ends, strict=True):
            self._before.append(self._before[-1] + ends - begins)

    def share(self, begins: int, ends: int, *, but_from: int = 0, but_until: int = 0) -> float:
        """The share of a stretch of time that it is, a part of which is left out."""
        but_from, but_until = max(but_from, begins), min(but_until, ends)
        left_out = max(but_until - but_from, 0)
        covered = self._until(ends) - self._until(begins) - (self._until(but_until) - self._until(but_from) if left_out else 0)
        return covered / max(ends - begins - left_out, 1)

    def _until(self, at: int) -> int:
        place = bisect_left(self._begins, at)
        return self._before[place] - (max(self._ends[place - 1] - at, 0) if place else 0)


class _Match(NamedTuple):
    """An episode of the cause and one of the effect that began ``lag`` nanoseconds after a raise of it; least lag first."""

    lag: int
    cause: int
    effect: int
    example: Example


@dataclass(slots=True)
class _Tally:
    """One pair: the probability by chance of each episode that could be followed, and what followed."""

    chances: list[float] = field(default_factory=list)
    matches: list[_Match] = field(default_factory=list)


_Pair = tuple[str, str, Relation]


class _Search:
    def __init__(self, raises: Sequence[Raise], relations: Relations, limits: Limits) -> None:
        self._raises, self._relations, self._limits = raises, relations, limits
        self._starts_at = raises[0].at if raises else 0
        self._ends_at = max(raises[-1].at if raises else 0, self._starts_at + 1)
        self._episodes: dict[str, list[_Episode]] = {}
        self._at_spot: dict[Spot, list[tuple[int, str, int]]] = {}
        self._times: dict[Spot, dict[str, list[int]]] = {}
        self._related: dict[Spot, dict[Relation, list[Spot]]] = {}
        self._coverage: dict[tuple[frozenset[Spot], Relation, str, int], _Coverage] = {}
        self._tallies: dict[_Pair, _Tally] = {}

    def study(self) -> Study:
        self._gather()
        self._relate()
        for cause, episodes in self._episodes.items():
            for episode in episodes:
                self._weigh(cause, episode)
                self._follow(cause, episode)
        weighed = [self._finding(pair, tally) for pair, tally in sorted(self._tallies.items())]
        return Study(self._worthy(weighed), len(self._raises), len(weighed), self._starts_at, self._ends_at)

    def _gather(self) -> None:
        """Raises into episodes, by type and by device (by resource, for what is no device's)."""
        latest: dict[tuple[str, str], _Episode] = {}
        number = 0
        for one in self._raises:
            spot = Spot.of(one.resource, one.device)
            unit = (one.alarm_type, spot.device or spot.resource)
            episode = latest.get(unit)
            if episode is None or one.at - episode.raises[-1][0] > self._limits.window_ns:
                episode = latest[unit] = _Episode(number, [])
                self._episodes.setdefault(one.alarm_type, []).append(episode)
                number += 1
            episode.raises.append((one.at, spot))
            self._at_spot.setdefault(spot, []).append((one.at, one.alarm_type, episode.number))
            self._times.setdefault(spot, {}).setdefault(one.alarm_type, []).append(one.at)

    def _relate(self) -> None:
        """For each spot, those spots of the history that are related to it."""
        by_device: dict[str, list[Spot]] = {}
        by_node: dict[int, list[Spot]] = {}
        below: dict[int, list[Spot]] = {}
        nodes = {spot: self._relations.topology.node(spot.resource) for spot in self._at_spot}
        for spot, node in nodes.items():
            by_device.setdefault(spot.device, []).append(spot)
            if node is not None:
                by_node.setdefault(node, []).append(spot)
        above = {node: self._relations.topology.ancestors(node) & by_node.keys() for node in by_node}
        for node, here in by_node.items():
            for upper in above[node]:
                below.setdefault(upper, []).extend(here)
        for spot, node in nodes.items():
            near = [*(by_device[spot.device] if spot.device else [spot])]
            near += (other for device in self._relations.neighbours.get(spot.device, ()) for other in by_device.get(device, ()))
            if node is not None:
                near += (*by_node[node], *below.get(node, ()), *(one for upper in above[node] for one in by_node[upper]))
            found = self._related[spot] = {}
            for other in dict.fromkeys(near):
                relation = self._relations.between(spot, other)
                if relation is not None:
                    found.setdefault(relation, []).append(other)

    def _weigh(self, cause: str, episode: _Episode) -> None:
        """What chance gives this episode, for every pair that it could be of."""
        width = self._width(episode)
        spots = episode.spots
        for relation, others in self._others(spots).items():
            types = dict.fromkeys(alarm_type for other in others for alarm_type in self._times[other])
            for effect in types:
                if effect == cause:
                    continue
                coverage = self._covered(spots, others, relation, effect, width)
                self._tallies.setdefault((cause, effect, relation), _Tally()).chances.append(self._chance(coverage, episode, width))

    def _width(self, episode: _Episode) -> int:
        """The window with what the episode lasted, in steps of a quarter of the window, rounded up: never too short."""
        step = max(self._limits.window_ns // 4, 1)
        return self._limits.window_ns + -(-episode.lasted // step) * step

    def _others(self, spots: Iterable[Spot]) -> dict[Relation, list[Spot]]:
        found: dict[Relation, dict[Spot, None]] = {}
        for spot in spots:
            for relation, others in self._related[spot].items():
                found.setdefault(relation, {}).update(dict.fromkeys(others))
        return {relation: list(others) for relation, others in found.items()}

    def _covered(self, spots: frozenset[Spot], others: Iterable[Spot], relation: Relation, effect: str, width: int) -> _Coverage:
        key = (spots, relation, effect, width)
        coverage = self._coverage.get(key)
        if coverage is None:
            times = [at for other in others for at in self._times[other].get(effect, ())]
            coverage = self._coverage[key] = _Coverage(times, width)
        return coverage

    def _chance(self, coverage: _Coverage, episode: _Episode, width: int) -> float:
        """The greater share of the whole history and of the hours around, without the moments at which its own effect would count."""
        whole = coverage.share(self._starts_at, self._ends_at)
        begins, ends = max(episode.at - AROUND_NS, self._starts_at), min(episode.at + AROUND_NS, self._ends_at)
        around = coverage.share(begins, ends, but_from=episode.at - width, but_until=episode.at + width)
        return max(whole, around)

    def _follow(self, cause: str, episode: _Episode) -> None:
        """Every episode of whatever type that began after a raise of this one, on a related element."""
        found: dict[tuple[str, Relation, int], _Match] = {}
        for at, spot in episode.raises:
            for relation, others in self._related[spot].items():
                for other in others:
                    for effect_at, effect, number in self._after(other, at):
                        if number == episode.number:
                            continue
                        example = Example(at, spot.resource, other.resource, (effect_at - at) / NANOSECONDS)
                        match = _Match(effect_at - at, episode.number, number, example)
                        key = (effect, relation, number)
                        if key not in found or match.lag < found[key].lag:
                            found[key] = match
        for (effect, relation, _), match in found.items():
            tally = self._tallies.get((cause, effect, relation))
            if tally is not None:
                tally.matches.append(match)

    def _after(self, spot: Spot, at: int) -> Sequence[tuple[int, str, int]]:
        raises = self._at_spot[spot]
        return raises[bisect_left(raises, (at,)) : bisect_right(raises, (at + self._limits.window_ns + 1,))]

    def _finding(self, pair: _Pair, tally: _Tally) -> "_Weighed":
        """One pair's figures. Nearest first, each episode of the effect is laid to one of the cause; ``q`` is not known yet."""
        matches = _matched(tally.matches)
        cause, effect, relation = pair
        episodes, followed, expected = len(self._episodes[cause]), len(matches), sum(tally.chances)
        occasions = self._occasions(matches)
        low, high = wilson(followed, episodes)
        lags = sorted(match.lag / NANOSECONDS for match in matches)
        finding = Finding(
            cause=cause,
            effect=effect,
            relation=relation,
            episodes=episodes,
            followed=followed,
            occasions=occasions,
            effects=len(self._episodes[effect]),
            expected=expected,
            low=low,
            high=high,
            lift_low=low * episodes / max(expected, 1e-9),
            p=tail(occasions, len(tally.chances), expected),
            q=1.0,
            lag_s=median(lags) if lags else 0.0,
            lag_95_s=lags[min(int(0.95 * len(lags)), len(lags) - 1)] if lags else 0.0,
            examples=tuple(match.example for match in sorted(matches, key=lambda match: match.example.at)[-EXAMPLES:]),
        )
        return _Weighed(finding, matches, len(tally.chances))

    def _occasions(self, matches: Iterable[_Match]) -> int:
        return len({match.example.at // self._limits.window_ns for match in matches})

    def _worthy(self, weighed: Sequence["_Weighed"]) -> tuple[Finding, ...]:
        """Those that are no chance, strongest first; of two types that follow each other, the way that happened more often."""
        rates = false_discovery([each.finding.p for each in weighed])
        adjusted = (each._replace(finding=replace(each.finding, q=q)) for each, q in zip(weighed, rates, strict=True))
        sure = {each.pair: each for each in adjusted if self._is_sure(each.finding)}
        kept = (each for each in sure.values() if not _is_beaten(each.finding, sure))
        ranked = sorted(kept, key=lambda each: (each.finding.p, -each.finding.share, each.pair))
        return tuple(each.finding for each in self._explaining(ranked, len(weighed)))

    def _is_sure(self, finding: Finding) -> bool:
        limits = self._limits
        is_often = finding.occasions >= limits.occasions and finding.low >= limits.share
        return is_often and finding.q <= limits.rate and finding.lift_low >= limits.lift

    def _explaining(self, ranked: Iterable["_Weighed"], asked: int) -> Iterator["_Weighed"]:
        """Pairs that are no chance by those effects alone that no pair before explains."""
        explained: dict[str, set[int]] = {}
        for each in ranked:
            known = explained.setdefault(each.finding.effect, set())
            own = [match for match in each.matches if match.effect not in known]
            occasions = self._occasions(own)
            if occasions >= self._limits.occasions and tail(occasions, each.trials, each.finding.expected) * asked <= self._limits.rate:
                known.update(match.effect for match in own)
                yield each


class _Weighed(NamedTuple):
    """A pair with what followed, and how many of its episodes could have been followed."""

    finding: Finding
    matches: list[_Match]
    trials: int

    @property
    def pair(self) -> _Pair:
        return self.finding.cause, self.finding.effect, self.finding.relation


def _matched(matches: Iterable[_Match]) -> list[_Match]:
    """One effect to one cause, the nearest first."""
    causes, effects, kept = set[int](), set[int](), list[_Match]()
    for match in sorted(matches, key=lambda each: (each.lag, each.cause, each.effect)):
        if match.cause not in causes and match.effect not in effects:
            causes.add(match.cause)
            effects.add(match.effect)
            kept.append(match)
    return kept


_INVERSE = {Relation.DOWNSTREAM: Relation.UPSTREAM, Relation.UPSTREAM: Relation.DOWNSTREAM}


def _is_beaten(finding: Finding, sure: Mapping[_Pair, _Weighed]) -> bool:
    other = sure.get((finding.effect, finding.cause, _INVERSE.get(finding.relation, finding.relation)))
    if other is None:
        return False
    return (other.finding.followed, -other.finding.p, finding.effect) > (finding.followed, -finding.p, finding.cause)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    if not trials:
        return 0.0, 1.0
    share, spread = hits / trials, Z95 * Z95 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def tail(hits: int, trials: int, expected: float) -> float:
    """The probability of at least so many hits in independent trials that give ``expected`` together: never less than it is.

    A binomial distribution of the same mean bounds any such sum's tail from above, for more hits than the mean and one (Hoeffding, 1956).
    """
    if hits <= expected + 1 or not trials:
        return 1.0
    share = min(expected / trials, 1.0)
    if share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    term = lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1) + hits * log(share) + (trials - hits) * log1p(-share)
    total, ratio, odds = 0.0, 1.0, share / (1 - share)
    for count in range(hits, trials + 1):
        total += ratio
        ratio *= odds * (trials - count) / (count + 1)
        if ratio < total * 1e-16:
            break
    return min(exp(term) * total, 1.0)


def false_discovery(probabilities: Sequence[float]) -> list[float]:
    """For each p-value the false discovery rate at which it would just be kept (Benjamini and Hochberg, 1995)."""
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place], reverse=True)
    found, least = [1.0] * len(probabilities), 1.0
    for rank, place in enumerate(order):
        least = min(least, probabilities[place] * len(probabilities) / (len(probabilities) - rank))
        found[place] = least
    return found
