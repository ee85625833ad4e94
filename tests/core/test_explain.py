"""A cause is explained in words that a tired person can act on: what it explains, what is missing and why, what else it could be."""

from dataclasses import replace

from pipeline.core.alarm import Alarm
from pipeline.core.correlation import Alternative, Hypothesis
from pipeline.core.event import Condition, Severity
from pipeline.core.explain import Finding, explanation_of, title
from pipeline.core.explanation import Attached, Explanation
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link
from pipeline.core.points import Point, called, points
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology

NETWORK = Inventory(
    version="0123456789abcdef",
    devices={
        "pe1": Device("pe1", "ams", "192.0.2.1", interfaces=(Interface("a", 1, 1000), Interface("b", 2, 1000))),
        "pe2": Device("pe2", "rtm", "192.0.2.2", interfaces=(Interface("a", 1, 1000),)),
        "acc": Device("acc", "ley", "192.0.2.3", interfaces=(Interface("up", 1, 1000),), uplinks=("up",)),
    },
    fibres={"f1": Fibre("f1", "d1"), "f2": Fibre("f2", "d1")},
    links={"l1": Link("l1", "pe1/a", "pe2/a", ("f1",)), "l2": Link("l2", "pe1/b", "acc/up", ("f2",))},
)
TOPOLOGY = Topology.of(NETWORK)
A, FAR, B = (ResourceId(f"interface/{name}") for name in ("pe1/a", "pe2/a", "pe1/b"))
F1, D1, PORT, PE2 = (ResourceId(name) for name in ("fibre/f1", "duct/d1", "port/pe1/a", "device/pe2"))
SURE = Hypothesis(F1, (A, FAR), (), 0, 0.97, (), 1.0)


def alarm(resource: ResourceId, rule: str = "if-link-down", confirmed_at: int = 0) -> Alarm:
    return Alarm(
        *("1", resource, "link-down", "", "default", "pe1", Severity.MAJOR, "down", False, 1, 1, 1),
        condition=Condition.DOWN,
        rule=rule,
        confirmed_at=confirmed_at,
    )


def explained(hypothesis: Hypothesis, *alarms: Alarm, attached: tuple[Attached, ...] = ()) -> Explanation:
    return explanation_of(Finding(TOPOLOGY, hypothesis, alarms or (alarm(A), alarm(FAR))), attached, "fedcba9876543210")


def told(hypothesis: Hypothesis, *alarms: Alarm, attached: tuple[Attached, ...] = ()) -> list[Point]:
    return list(points(explained(hypothesis, *alarms, attached=attached)))


def texts(label: str, said: list[Point]) -> list[str]:
    return [point.text for point in said if point.label == label]


def test_a_sure_cause_is_told_in_few_lines() -> None:
    assert told(SURE) == [
        ("explains", "It explains 2 alarms: 2 on interface."),
        ("confirmed", "Not yet confirmed by a poll."),
        ("rules", "Raised by rule if-link-down."),
        ("judged by", "Topology version 0123456789ab, rules fedcba987654."),
    ]


def test_what_is_missing_is_named_and_what_cannot_tell_is_excused_with_the_reason() -> None:
    """The reporter is cut off: its silence says nothing, and the text says why."""
    cut = Hypothesis(ResourceId("fibre/f2"), (B,), (FAR,), 1, 0.9, (), 1.0)
    said = told(cut)
    assert texts("missing", said) == ["Expected but missing: alarms of interface/pe2/a."]
    assert texts("excused", said) == ["Silence is expected from 1 more: acc is cut off by it and cannot tell."]


def test_what_speaks_against_it_is_told() -> None:
    said = told(replace(SURE, against=(FAR,), doubted=((F1, FAR),)))
    assert texts("against", said) == ["Against it: interface/pe2/a is known to be up, though it would take that down."]
    assert texts("doubtful", said) == ["The topology may be wrong: evidence speaks against interface a of pe2 needing fibre f1."]


def test_a_record_that_seems_to_be_missing_is_told() -> None:
    said = told(replace(SURE, supposed=((F1, FAR),)))
    lacks = "The topology may lack a record: what failed in the same seconds speaks for interface a of pe2 needing fibre f1."
    assert texts("supposed", said) == [lacks]


def test_each_alternative_says_why_it_is_less_likely() -> None:
    """It explains fewer, misses more, is contradicted; or differs in nothing that was seen. One that was not counted says nothing."""
    others = (
        Alternative(PORT, 0.2, explained=1),
        Alternative(D1, 0.1, explained=2, missing=2, against=1),
        Alternative(PE2, 0.05, explained=2),
        Alternative(A, 0.02),
        Alternative(FAR, 0.001, explained=1),
    )
    said = told(replace(SURE, probability=0.63, alternatives=others))
    assert texts("probability", said) == ["Probability 63%."]
    assert texts("instead", said) == [
        "It could be port a of pe1, 20%: it explains only 1 of 2.",
        "It could be duct d1, 10%: 2 alarms that it would cause are missing; 1 that it would take down is known to be up.",
        "It could be device pe2, 5%: it explains the same, but fails more rarely or would take more down.",
        "It could be interface a of pe1, 2%.",
    ]


def test_an_unsure_cause_says_so_and_which_poll_would_settle_it() -> None:
    """A dead device or a cut fibre: the device answers or it does not."""
    dead = Hypothesis(PE2, (A,), (), 1, 0.5, (Alternative(F1, 0.4, 1, 1),), 1.0)
    value = explained(dead)
    assert value.unsure
    said = list(points(value))
    assert texts("probability", said) == ["Probability 50%. This is unsure."]
    assert texts("to settle it", said) == ["Poll pe2: if it answers, the cause is fibre f1; if not, device pe2."]


def test_an_interface_that_answers_settles_what_no_device_does() -> None:
    """Duct or fibre: the other fibre's end tells, asked where somebody can answer."""
    unsure = Hypothesis(F1, (A, FAR), (), 0, 0.55, (Alternative(PORT, 0.45, 2),), 1.0)
    value = explained(unsure)
    assert value.settling is not None
    assert value.settling.resource == ""
    assert texts("to settle it", list(points(value))) == ["No poll tells fibre f1 from port a of pe1: have someone look at fibre f1 first."]
    one_end = explained(replace(unsure, explained=(A,), alternatives=(Alternative(A, 0.45, 1),)), alarm(A))
    assert texts("to settle it", list(points(one_end))) == [
        "Poll pe2: if interface a of pe2 is up, the cause is interface a of pe1; if not, fibre f1."
    ]


def test_a_sure_cause_asks_for_nothing() -> None:
    assert explained(replace(SURE, probability=0.61, alternatives=(Alternative(PORT, 0.39),))).settling is None


def test_symptoms_and_rules_are_named() -> None:
    beside = (Attached("bgp-after-link", 3, ("peer-down on peer/a, 2 s after it began", "peer-down on peer/b, 3 s after it began")),)
    said = told(SURE, alarm(A, "optical-los"), alarm(FAR, confirmed_at=5), attached=beside)
    [attached] = texts("attached", said)
    assert attached.startswith(
        "Told beside it: peer-down on peer/a, 2 s after it began; peer-down on peer/b, 3 s after it began; and 1 more. "
    )
    assert attached.endswith("Laid to it by the correlation rule bgp-after-link; nothing proves that they have the same cause.")
    assert texts("rules", said) == ["Raised by rules if-link-down and optical-los."]
    assert texts("confirmed", said) == ["1 of them confirmed by a poll or an authenticated trap."]


def test_alarms_that_are_only_grouped_are_not_weighed() -> None:
    """No probability is told of what was not compared with anything."""
    grouped = Hypothesis(ResourceId("device/x"), (A,), (), 0, 1.0, (), 0.0, is_grouping=True)
    assert texts("probability", told(grouped)) == []
    assert not explained(grouped).unsure


def test_an_incident_of_an_earlier_version_has_no_points() -> None:
    assert points(Explanation()) == ()


def test_a_storm_keeps_a_bounded_explanation() -> None:
    """A thousand resources are counted, and the first few named."""
    many = tuple(ResourceId(f"interface/pe1/{number}") for number in range(1000))
    value = explained(replace(SURE, explained=many, missing=many, against=many))
    assert (len(value.explained.first), value.explained.total) == (24, 1000)
    [missing] = texts("missing", list(points(value)))
    assert missing.endswith("interface/pe1/4, interface/pe1/5 and 994 more.")


def test_resources_are_called_as_people_call_them() -> None:
    names = ("port/pe1/ge-0/0/1", "lsp/l1", "device/pe1", "unknown/x", "odd")
    assert [called(ResourceId(name)) for name in names] == ["port ge-0/0/1 of pe1", "LSP l1", "device pe1", "unknown x", "odd"]
    assert [title(ResourceId(name)) for name in names] == ["Port ge-0/0/1 of pe1", "LSP l1", "Device pe1", "Unknown x", "odd"]
