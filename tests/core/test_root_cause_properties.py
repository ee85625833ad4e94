"""Root cause, whatever comes in whatever order: nothing is swallowed, nothing counts twice, and the search finds what there is to find."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.core.chain import Item, advance
from pipeline.core.consequence import Consequences
from pipeline.core.context import Context
from pipeline.core.correlation import Evidence, correlate
from pipeline.core.domain import ROW_TYPES, DomainState, IncidentRow, Row
from pipeline.core.event import Event, Tick
from pipeline.core.resource import ResourceKind
from pipeline.core.search import EXACT_CANDIDATES, Search
from pipeline.core.standing import Standing
from pipeline.core.topology import Topology
from pipeline.wire import pack, unpacker
from tests.support.network import TYPES, at, event, inventory_of, report

LINKS = ["a/1 b/1 f1 d1", "a/2 c/1 f2 d1", "b/2 c/2 f3", "b/3 e/1 f4 d2", "c/3 e/2 f5 d2", "a/3 e/3 f6 d2"]
CONTEXT = Context.of(inventory_of(LINKS, lsps={"ab": ["a-b"], "ac": ["a-c"], "be": ["b-e"], "abe": ["a-b", "b-e"]}), TYPES)
GRAPH = CONTEXT.topology
ENDS = tuple(f"interface/{end}" for link in LINKS for end in link.split()[:2])
PORTS = {device: tuple(sorted(end.rsplit("/", 1)[1] for end in ENDS if end.split("/")[1] == device)) for device in "abce"}
PATHS = {"lsp/ab": "a", "lsp/ac": "a", "lsp/be": "b", "lsp/abe": "a"}
ALARMING = tuple(node for node, kind in enumerate(GRAPH.kinds) if kind in (ResourceKind.INTERFACE, ResourceKind.LSP))
READERS = {prefix: unpacker(row_type) for prefix, row_type in ROW_TYPES.items()}


def raised(resource: str, when: float) -> Event:
    if resource in PATHS:
        return event(resource, when=when, alarm_type="lsp-down", device=PATHS[resource], sequence=_number(resource, when))
    return event(resource, when=when, sequence=_number(resource, when))


def _number(resource: str, when: float) -> int:
    return round(when * 1000) * 100 + (*ENDS, *PATHS).index(resource)


def played(batches: Iterable[Sequence[Item]]) -> DomainState:
    state = DomainState.from_rows(CONTEXT)
    for batch in batches:
        state, _ = advance(CONTEXT, state, batch)
    return state


def opened(state: DomainState) -> list[IncidentRow]:
    return [state.incidents[name] for name in state.open]


ALARMS = st.dictionaries(st.sampled_from((*ENDS, *PATHS)), st.integers(0, 12).map(lambda tenths: tenths / 10), min_size=1, max_size=8)


@settings(deadline=None)
@given(ALARMS, st.data())
def test_order_lateness_and_repetition_change_no_root(alarms: dict[str, float], data: st.DataObject) -> None:
    """What comes within the settle time, in any order, each some times over and late: the same roots with the same alarms."""
    events = [raised(resource, when) for resource, when in alarms.items()]
    straight = played([*([one] for one in sorted(events, key=lambda one: one.occurred_at)), [Tick(at(9))]])
    copies = [one for one in events for _ in range(data.draw(st.integers(1, 3)))]
    muddled = data.draw(st.permutations(copies))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(muddled)), max_size=3)))
    batches = [muddled[start:end] for start, end in zip([0, *cuts], [*cuts, len(muddled)], strict=True)]
    ticked = [[*batch, Tick(at(1.2 + place / 10))] for place, batch in enumerate(batches)]
    late = played([*ticked, [Tick(at(9))]])
    assert _laid(late) == _laid(straight)


def _laid(state: DomainState) -> set[tuple[str, frozenset[str]]]:
    return {(row.hypothesis.root, frozenset(key.resource for key in row.members)) for row in opened(state)}


STEP = st.one_of(
    st.tuples(st.just("raise"), st.sampled_from((*ENDS, *PATHS))),
    st.tuples(st.just("poll"), st.sampled_from(tuple("abce"))),
    st.tuples(st.just("wait"), st.sampled_from((1, 2, 8, 30))),
)


@st.composite
def stories(draw: st.DrawFn) -> list[list[Item]]:
    """Failures that stay, polls that see what has failed by then, and time between them."""
    now, down, batches = 0.0, set[str](), list[list[Item]]()
    for kind, what in draw(st.lists(STEP, min_size=1, max_size=14)):
        now += 1.5
        if kind == "wait":
            now += float(what)
        elif kind == "poll":
            lost = [port for port in PORTS[str(what)] if f"interface/{what}/{port}" in down]
            batches.append([report(str(what), now, [port for port in PORTS[str(what)] if port not in lost], lost)])
        elif what not in down:
            down.add(str(what))
            batches.append([raised(str(what), now)])
        batches.append([Tick(at(now + 0.25))])
    return [*batches, [Tick(at(now + 3))], [Tick(at(now + 9))]]


@settings(deadline=None, max_examples=150)
@given(stories())
def test_every_standing_alarm_is_in_exactly_one_incident(story: list[list[Item]]) -> None:
    """Whatever failed when, and whatever polls saw between: each alarm that stands has an incident, and no incident shares one."""
    state = played(story)
    laid = [key for row in opened(state) for key in row.members if not state.alarms[key].alarm.is_cleared]
    standing = [key for key, row in state.alarms.items() if not row.alarm.is_cleared]
    assert sorted(laid) == sorted(standing)
    assert all(state.alarms[key].incident == row.id for row in opened(state) for key in row.members)


@settings(deadline=None, max_examples=60)
@given(stories())
def test_a_domain_that_is_killed_after_any_step_goes_on_alike(story: list[list[Item]]) -> None:
    """Rebuilt from its stored rows before each step, it says the same at that step and comes to the same incidents."""
    straight = DomainState.from_rows(CONTEXT)
    stored: dict[str, bytes] = {}
    for batch in story:
        straight, wanted = advance(CONTEXT, straight, batch)
        rebuilt, found = advance(CONTEXT, DomainState.from_rows(CONTEXT, _rows(stored)), batch)
        assert (found.incidents, found.alarm_changes, found.counts) == (wanted.incidents, wanted.alarm_changes, wanted.counts)
        for key, row in found.rows:
            if row is None:
                stored.pop(key, None)
            else:
                stored[key] = pack(row)
        assert dict(rebuilt.incidents) == dict(straight.incidents)


def _rows(stored: dict[str, bytes]) -> Iterator[tuple[str, Row]]:
    return ((key, READERS[key.partition("|")[0]](row)) for key, row in stored.items())


@st.composite
def graphs(draw: st.DrawFn) -> Topology:
    """Three to four devices, up to five links in fibres that may share a duct, and paths over them."""
    names = "abcd"[: draw(st.integers(3, 4))]
    pairs = draw(st.lists(st.sampled_from(list(combinations(names, 2))), min_size=2, max_size=5, unique=True))
    links = [f"{a}/{number} {b}/{number} f{number} {draw(st.sampled_from(('', 'd1')))}" for number, (a, b) in enumerate(pairs)]
    paths = {f"p{number}": [f"{a}-{b}"] for number, (a, b) in enumerate(pairs) if draw(st.booleans())}
    return Topology.of(inventory_of(links, lsps=paths))


def searched(topology: Topology, evidence: Evidence) -> Search:
    consequences = Consequences(topology)
    search = Search(consequences, evidence, Standing(consequences, evidence))
    search.solve()
    return search


def evidence_of(topology: Topology, data: st.DataObject, most: int) -> Evidence:
    told = [node for node, kind in enumerate(topology.kinds) if kind in (ResourceKind.INTERFACE, ResourceKind.LSP)]
    alarmed = data.draw(st.sets(st.sampled_from(told), min_size=1, max_size=most))
    quiet = [node for node in told if node not in alarmed and topology.kinds[node] is ResourceKind.INTERFACE]
    up = data.draw(st.sets(st.sampled_from(quiet), max_size=2)) if quiet else set[int]()
    return Evidence(frozenset(alarmed), frozenset(up))


@settings(deadline=None)
@given(graphs(), st.data())
def test_the_search_never_ends_below_greedy(topology: Topology, data: st.DataObject) -> None:
    """What improves the greedy answer keeps it where nothing is better."""
    evidence = evidence_of(topology, data, 8)
    whole = searched(topology, evidence).standing.score
    with patch.object(Search, "_improve"), patch("pipeline.core.search._Trying.every_set"):
        greedy = searched(topology, evidence).standing.score
    assert whole >= greedy - 1e-6


@settings(deadline=None, max_examples=60)
@given(graphs(), st.data())
def test_few_candidates_are_solved_as_brute_force_would(topology: Topology, data: st.DataObject) -> None:
    """No set of up to three causes of all that there are scores better, and the score is what its roots are worth anew."""
    evidence = Evidence(evidence_of(topology, data, 4).alarmed)
    search = searched(topology, evidence)
    assume(len(search.leading) <= EXACT_CANDIDATES)
    consequences = search.consequences
    causes = sorted(set().union(*(consequences.causes(node) for node in evidence.alarmed)))
    fresh = Standing(consequences, evidence)
    fresh.become(search.standing.roots)
    assert fresh.score == pytest.approx(search.standing.score)
    for size in range(4):
        for roots in combinations(causes, size):
            fresh.become(roots)
            assert fresh.score <= search.standing.score + 1e-6, [topology.names[root] for root in roots]


@settings(deadline=None)
@given(st.data())
def test_pieces_in_order_of_time_swallow_nothing(data: st.DataObject) -> None:
    """However alarms fall into pieces, and whichever of them were seen up in between: each is explained by exactly one cause."""
    nodes = data.draw(st.lists(st.sampled_from(ALARMING), min_size=1, max_size=10, unique=True))
    places = [data.draw(st.integers(0, 2)) for _ in nodes]
    pieces = [frozenset(node for node, place in zip(nodes, places, strict=True) if place == number) for number in range(3)]
    anew = [frozenset(node for node in piece if data.draw(st.booleans())) for piece in pieces]
    later = frozenset(node for piece in anew[1:] for node in piece)
    evidence = [Evidence(piece, later, anew=new) for piece, new in zip(pieces, anew, strict=True)]
    answer = correlate(GRAPH, *evidence)
    explained = [name for hypothesis in answer for name in hypothesis.explained]
    assert sorted(explained) == sorted(GRAPH.names[node] for node in nodes)
