"""Commands are read as people write them; a slip is answered with what would have been right."""

import pytest

from pipeline.lab.command import USAGES, Command, CommandError, Verb, parse, usage_text
from pipeline.lab.network import expand
from pipeline.lab.plant import Plant
from tests.support.lab import lab_inventory

PLANT = Plant.of(lab_inventory())


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("cut f-ams-rtm-1", Command(Verb.CUT, "f-ams-rtm-1")),
        ("  mend   d-rtm-bru ", Command(Verb.MEND, "d-rtm-bru")),
        ("fail-device lon-pe1", Command(Verb.FAIL_DEVICE, "lon-pe1")),
        ("fail-port ams-p1/et-0/0/0", Command(Verb.FAIL_PORT, "ams-p1/et-0/0/0")),
        ("flap ams-p1/et-0/0/0", Command(Verb.FLAP, "ams-p1/et-0/0/0", (5, 2))),
        ("flap ams-p1/et-0/0/0 3 0.5", Command(Verb.FLAP, "ams-p1/et-0/0/0", (3, 0.5))),
        ("congest ams-p1/et-0/0/0 97", Command(Verb.CONGEST, "ams-p1/et-0/0/0", (97,))),
        ("drop-clears lsp/ams-rtm-a", Command(Verb.DROP_CLEARS, "lsp/ams-rtm-a", (1,))),
        ("drop-raises peer/ams-p1/127.20.0.2 2", Command(Verb.DROP_RAISES, "peer/ams-p1/127.20.0.2", (2,))),
        ("mend-all", Command(Verb.MEND_ALL)),
    ],
)
def test_a_command_is_a_verb_a_target_and_numbers(text: str, command: Command) -> None:
    assert parse(PLANT, text) == command
    assert parse(PLANT, str(command)) == command


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty command"),
        ("cutt f-ams-rtm-1", "did you mean 'cut'?"),
        ("cut", "cut wants a fibre or duct"),
        ("cut f-ams-lon", "did you mean 'f-ams-lon-1'?"),
        ("fail-device ams-p9", "'ams-p9' is no device of the lab; did you mean 'ams-p1'?"),
        ("fail-port ams-p1", "is no interface of the lab"),
        ("congest ams-p1/et-0/0/0", "congest wants a number: percent"),
        ("congest ams-p1/et-0/0/0 full", "percent is 'full', not a number"),
        ("congest ams-p1/et-0/0/0 nan", "not between 0 and 1000"),
        ("flap ams-p1/et-0/0/0 0", "times is 0, not between 1 and 1000"),
        ("cut f-ams-rtm-1 now", "cut does not take 'now'"),
        ("mend-all please", "mend-all takes nothing after it"),
    ],
)
def test_a_slip_is_answered_with_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(CommandError) as refused:
        parse(PLANT, text)
    assert says in str(refused.value)


def test_every_verb_has_a_usage_and_is_listed() -> None:
    assert set(USAGES) == set(Verb)
    assert all(line.startswith(verb) for verb, line in zip(USAGES, usage_text().splitlines(), strict=True))


def test_a_flap_is_failures_and_restorations_half_a_period_apart() -> None:
    steps = expand(parse(PLANT, "flap ams-p1/et-0/0/0 2 4"))
    assert [(delay_s, step.verb) for delay_s, step in steps] == [
        (0.0, Verb.FAIL_PORT),
        (2.0, Verb.RESTORE_PORT),
        (4.0, Verb.FAIL_PORT),
        (6.0, Verb.RESTORE_PORT),
    ]
