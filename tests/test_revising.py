"""The history of an incident says what each revision changed, in words, and nothing of what did not."""

from typing import Any

import pytest

from pipeline.revising import history

Json = dict[str, Any]


def impact(service: str, state: str = "down", share: float = 1.0) -> Json:
    return {"service": service, "state": state, "share": share}


def revision(number: int = 1, **changes: Any) -> Json:
    return {
        "revision": number,
        "recorded_at": number * 1000,
        "root_cause": "port/pe1/a",
        "probability": 0.55,
        "severity": "critical",
        "state": "open",
        "reason": "Port a of pe1 has failed.",
        "topology_version": "0123456789abcdef",
        "alarms": ["a1", "a2"],
        "impacts": [impact("line")],
        "confirmed_by": "",
        "planned": "",
        "flapping": False,
        "acknowledged_by": "",
        "comments": [],
        "escalation": 0,
        "shelved": "",
        **changes,
    }


FIRST = revision()
PROTECTED = [impact("line"), impact("vpn", "redundancy-lost", 0.0)]


def test_the_first_says_how_it_was_opened() -> None:
    [opened] = history([FIRST])
    assert opened["changed"] == ["opened: Port a of pe1 has failed", "2 alarms, critical, probability 55%", "line: down"]
    assert (opened["at"], opened["revision"], opened["root_cause"]) == (1000, 1, "port/pe1/a")


def test_a_history_that_has_lost_its_beginning_says_so() -> None:
    """Rows expire; the first that is left is not the first that was."""
    assert history([revision(3)])[0]["changed"][0] == "the history begins with revision 3; Port a of pe1 has failed"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"root_cause": "fibre/f1", "probability": 0.97, "alarms": ["a1", "a2", "a3"]},
            ["the cause is now fibre/f1, probability 97% (it was port/pe1/a)", "1 more alarm"],
        ),
        ({"probability": 0.9}, ["probability 55% → 90%"]),
        ({"probability": 0.57}, []),
        ({"alarms": ["a1", "a3", "a4"]}, ["2 more alarms", "1 alarm left it"]),
        ({"confirmed_by": "a1"}, ["confirmed by a poll or an authenticated trap"]),
        ({"impacts": PROTECTED}, ["vpn: without redundancy"]),
        ({"impacts": [impact("line", "degraded", 0.4)], "severity": "major"}, ["line: degraded, 40 % lost", "severity critical → major"]),
        ({"impacts": []}, ["line: not affected any more"]),
        ({"impacts": [impact(f"s{number}") for number in range(6)]}, ["s0, s1, s2, s3 and 2 more: down", "line: not affected any more"]),
        ({"state": "resolved"}, ["resolved"]),
        ({"state": "resolved", "reason": "It is one with incident x."}, ["resolved", "It is one with incident x."]),
        ({"planned": "mw-1", "flapping": True}, ["planned work mw-1", "it is flapping"]),
        ({"topology_version": "fedcba9876543210"}, ["judged by topology fedcba987654 (before, 0123456789ab)"]),
        (
            {"acknowledged_by": "bob", "comments": [{"at": 1, "operator": "bob", "text": "on my way"}]},
            ["acknowledged by bob", "bob says: on my way"],
        ),
        ({"escalation": 1}, ["told further (1), since nobody has acknowledged it"]),
        ({"shelved": "known fault"}, ["shelved: known fault"]),
        ({}, []),
    ],
)
def test_each_revision_says_what_it_changed(changes: Json, told: list[str]) -> None:
    assert history([FIRST, revision(2, **changes)])[1]["changed"] == told


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({"state": "resolved"}, ["open again"]),
        ({"planned": "mw-1"}, ["planned work mw-1 is over"]),
        ({"acknowledged_by": "bob"}, ["no longer acknowledged by bob"]),
        ({"shelved": "x"}, ["not shelved any more"]),
    ],
)
def test_what_is_over_is_told_too(before: Json, told: list[str]) -> None:
    assert history([revision(**before), revision(2)])[1]["changed"] == told
