"""Every part of routing.yaml and of the receivers' settings that could not work is told at its place, with the remedy."""

from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.rule_set import load_routing
from pipeline.config.settings_file import read_settings
from tests.cli.test_route import RULES


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("people: [alice, bob]", "people: [alice, bop]", "$.on_call[0]: 'bop' is none of the people; did you mean 'bob'?"),
        ("people: [alice, bob]", "people: []", "nobody takes turns; name at least one of the people"),
        ("holidays: nl}", "holidays: nll}", "$.hours[0].holidays: 'nll' are no holidays; did you mean 'nl'?"),
        ("during: office", "during: ofice", "$.routes[0].routes[0].during: 'ofice' are no hours; did you mean 'office'?"),
        ("on_call: core, min", "on_call: cor, min", "$.routes[0].routes[1].on_call: 'cor' is no schedule; did you mean 'core'?"),
        ("hold_down_s: 60", "hold_down_s: -1", "-1 is less than nothing; write 0 or more"),
        ("name: gold,", "name: night,", "$.routes[1].name: the route 'night' stands twice"),
        ("webhook: on-call, ", "", "$.routes[1]: the route 'gold' tells nobody; add receivers or on_call, or say silent: true"),
        ("webhook: on-call, ", "webhook: on-call, silent: true, ", "a silent route tells nobody"),
        ("group_by: [site]", "group_by: [sight]", "'sight' is not a group by; did you mean 'site'?"),
        ('starts: "08:00"', 'starts: "8:00"', "'8:00' is no time of day; write it as 08:30"),
        ("timezone: Europe/Amsterdam, days", "timezone: Europe/Amsterdm, days", "'Europe/Amsterdm' is not an IANA time zone"),
        ("days: [mon, tue", "days: [monday, tue", "'monday' is not a day"),
        ("12-25]", "25-12]", "'2028-25-12' is no day"),
        ("starts_on: 2026-01-05", "starts_on: 2026-01-35", "'2026-01-35' is no day"),
        ("ends_at: 2026-11-29", "ends_at: 2026-11-27", "it ends before it begins"),
        ("route: night}", "route: nigth}", "'nigth' is not a route; did you mean 'night'?"),
        ("name: bob, ", "name: alice, ", "the person 'alice' stands twice"),
    ],
)
def test_a_mistake_in_the_routing_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in RULES
    (tmp_path / "routing.yaml").write_text(RULES.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_routing(tmp_path)
    assert says in str(error.value)


def test_it_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "routing.yaml").write_text(RULES)
    routing = load_routing(tmp_path)
    assert list(routing.by_name) == ["noc", "day", "night", "gold"]
    assert routing.by_name["day"].named == ("noc-channel",)
    assert routing.by_name["night"].hold_down_s == 60


GOOD = """\
data_dir: data
inventory_dir: inventory
receivers:
  - {name: pd, kind: pagerduty, secret: env:KEY}
  - {name: am, kind: alertmanager, url: "http://127.0.0.1:9093", allow_private: true}
  - {name: channel, kind: slack, secret: env:HOOK}
  - {name: mail, kind: email, url: "smtps://mail.example.net", sender: noc@example.net, to: [a@example.net]}
webhooks:
  - {name: hook, url: "https://hook.example.net", secret: env:KEY}
"""
ENVIRON = {"KEY": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "HOOK": "https://hooks.slack.com/services/T0/B0/s3cr3t"}


def test_receivers_are_read(tmp_path: Path) -> None:
    (tmp_path / "assure.yaml").write_text(GOOD)
    settings, warnings = read_settings(tmp_path / "assure.yaml", ENVIRON)
    assert (settings.receiver_names, warnings) == (("hook", "pd", "am", "channel", "mail"), ())
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name: am", "name: pd", "$.receivers[1].name: 'pd' stands twice"),
        ("name: am", "name: hook", "$.receivers[1].name: 'hook' stands twice"),
        ("name: am", "name: a m", "'a m' is no name"),
        (", secret: env:KEY}\n  - {name: am", "}\n  - {name: am", "$.receivers[0]: 'pd' has no secret"),
        (", allow_private: true", "", "$.receivers[1].url: 'am' cannot be told"),
        ("secret: env:HOOK", 'url: "https://hooks.slack.com/services/x"', "a Slack webhook's URL is a secret"),
        ("secret: env:HOOK", "secret: env:KEY", "it is no URL that may be called"),
        ("smtps://mail", "https://mail", "a mail server is wanted; write it as smtps://mail.example.net"),
        ("sender: noc@example.net", "sender: noc", "'noc' is no mail address"),
        ("to: [a@example.net]", "to: []", "nobody is written to"),
        ("kind: slack", "kind: slak", "'slak' is not a receiver kind; did you mean 'slack'?"),
    ],
)
def test_a_mistake_in_a_receiver_is_told_and_no_secret_with_it(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    (tmp_path / "assure.yaml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        read_settings(tmp_path / "assure.yaml", ENVIRON)
    assert says in str(error.value)
    assert not any(secret in str(error.value) for secret in ENVIRON.values())
