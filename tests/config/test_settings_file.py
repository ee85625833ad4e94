"""Settings are read with every mistake told at once; warnings are logged and never hold a secret."""

import logging
import re
from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.settings_file import is_host_port, load_settings
from pipeline.core.raw import SecurityLevel


def _write(folder: Path, text: str) -> Path:
    path = folder / "assure.yaml"
    path.write_text(text)
    return path


def test_paths_begin_at_the_file(tmp_path: Path) -> None:
    settings = load_settings(_write(tmp_path, "data_dir: var\ninventory_dir: ../inv\n"), {})
    assert settings.data_dir == tmp_path / "var"
    assert settings.inventory_dir == (tmp_path / "../inv").resolve()
    assert settings.rules_dir is None


def test_what_cannot_be_meant_is_told_all_at_once(tmp_path: Path) -> None:
    text = """\
data_dir: d
inventory_dir: i
metrics_port: 99999
traps:
  listen: ["127.0.0.1"]
  allow: [127.0.0.0/33, 10.0.0.0/8]
  batch_ms: 0
  processes: 0
  journal_days: -1
api: {listen: "nowhere:80"}
webhooks: [{name: a, url: "http://x"}, {name: a, url: "http://y"}]
"""
    with pytest.raises(ConfigError) as caught:
        load_settings(_write(tmp_path, text), {})
    told = [f"{problem.line}: {problem.path}: {problem.message}" for problem in caught.value.problems]
    assert told == [
        "3: $.metrics_port: 99999 is not a port",
        "5: $.traps.listen[0]: '127.0.0.1' is not an address and a port",
        "6: $.traps.allow[0]: '127.0.0.0/33' is not a network",
        "7: $.traps.batch_ms: 0 is not more than nothing",
        "8: $.traps.processes: 0 processes",
        "9: $.traps.journal_days: -1 is less than nothing",
        "10: $.api.listen: 'nowhere:80' is not an address and a port",
        "11: $.webhooks[1].name: 'a' stands twice",
    ]
    assert all(problem.remedy for problem in caught.value.problems)


def test_tokens_of_callers_are_named_once_and_are_secrets(tmp_path: Path) -> None:
    """Short ones can be guessed, and of two alike nobody could say whose act it was."""
    environ = {"SHORT": "hunter2", "LONG": "a-token-of-sixteen-characters-or-more"}
    tokens = "[{name: noc, role: operator, secret: env:LONG}, {name: noc, secret: env:SHORT}, {name: wall, secret: env:LONG}, {name: bot}]"
    with pytest.raises(ConfigError) as caught:
        load_settings(_write(tmp_path, f"data_dir: d\ninventory_dir: i\napi: {{tokens: {tokens}}}\n"), environ)
    told = [f"{problem.path}: {problem.message}" for problem in caught.value.problems]
    assert told == [
        "$.api.tokens[1].name: 'noc' stands twice",
        "$.api.tokens[1].secret: the token is too short to be a secret",
        "$.api.tokens[2].secret: another caller has the same token",
        "$.api.tokens[3].secret: the token is too short to be a secret",
    ]
    assert "hunter2" not in str(caught.value)


def test_a_customers_token_says_whose_and_never_stands_without_the_staffs(tmp_path: Path) -> None:
    """Where reading asks for no token, a customer who leaves theirs out would read everything."""
    environ = {"A": "a-token-of-sixteen-characters-or-more", "B": "another-token-of-sixteen-characters"}
    tokens = "[{name: acme, role: customer, secret: env:A}, {name: noc, role: operator, customer: acme, secret: env:B}]"
    with pytest.raises(ConfigError) as caught:
        load_settings(_write(tmp_path, f"data_dir: d\ninventory_dir: i\napi: {{tokens: {tokens}}}\n"), environ)
    assert [f"{problem.path}: {problem.message}" for problem in caught.value.problems] == [
        "$.api.tokens[0].role: a customer's token must say whose",
        "$.api.tokens[1].customer: the role operator sees every customer",
        "$.api.token: customers have tokens, and without this one whoever sends no token reads everything",
    ]
    assert all(problem.line and problem.remedy for problem in caught.value.problems)


def test_a_missing_file_and_text_that_is_no_utf8_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_settings(tmp_path / "nope.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"data_dir: \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 10; save the file as UTF-8"):
        load_settings(tmp_path / "latin.yaml")


def test_a_secret_in_clear_text_is_logged_as_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load_settings(_write(tmp_path, "data_dir: d\ninventory_dir: i\nhistory: {password: hunter2}\n"), {})
    assert "clear text" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("127.0.0.1:80", True),
        ("[::1]:162", True),
        ("localhost:1", True),
        ("::1:162", False),
        ("host:80", False),
        ("1.2.3.4:", False),
        ("1.2.3.4:x", False),
    ],
)
def test_an_address_has_a_port(text: str, good: bool) -> None:
    assert is_host_port(text) is good


USERS = """\
data_dir: d
inventory_dir: i
traps:
  users:
    - {name: good, auth_password: env:LONG, priv_password: env:LONG}
    - {name: good, auth_password: env:LONG}
    - {name: old, auth: md5, auth_password: env:LONG, priv: des, priv_password: env:LONG}
    - {name: admitted, auth: sha1, auth_password: env:LONG, allow_weak: true}
    - {name: short, auth_password: env:SHORT}
    - {name: nobody}
    - {name: anybody, level: no-auth-no-priv}
    - {name: half, priv_password: env:LONG}
    - {name: high, auth_password: env:LONG, level: auth-priv}
    - name: narrow
      auth_password: env:LONG
      engine_ids: ["80001f88041234", "0x80:00:1f:88:04", xyz, 8000]
      relaxed_clock: [192.0.2.7, 192.0.2.0/24, pe1]
    - {name: "", auth_password: env:LONG}
    - {name: odd, auth: sha257, auth_password: env:LONG, relaxd_clock: []}
"""
SECRETS = {"LONG": "correct horse", "SHORT": "hunter2"}


def test_every_problem_of_the_snmp_users_is_told_with_its_line_and_its_remedy(tmp_path: Path) -> None:
    text = USERS.replace("    - {name: odd, auth: sha257, auth_password: env:LONG, relaxd_clock: []}\n", "")
    with pytest.raises(ConfigError) as caught:
        load_settings(_write(tmp_path, text), SECRETS)
    assert [f"{problem.line}: {problem.path}: {problem.message}" for problem in caught.value.problems] == [
        "6: $.traps.users[1].name: 'good' stands twice",
        "7: $.traps.users[2].auth: md5 protects little",
        "7: $.traps.users[2].priv: des protects little",
        "9: $.traps.users[4].auth_password: a password of 7 characters",
        "10: $.traps.users[5]: the user 'nobody' has no password",
        "12: $.traps.users[7].priv_password: encryption without authentication",
        "13: $.traps.users[8].level: 'auth-priv' cannot be reached without priv_password",
        "16: $.traps.users[9].engine_ids[2]: 'xyz' is no engineID",
        "16: $.traps.users[9].engine_ids[3]: '8000' is no engineID",
        "17: $.traps.users[9].relaxed_clock[2]: 'pe1' is not an address",
        "18: $.traps.users[10].name: a user name of 0 bytes",
    ]
    assert all(problem.remedy for problem in caught.value.problems)
    assert "hunter2" not in str(caught.value)


def test_words_that_no_user_has_are_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(_write(tmp_path, USERS), SECRETS)
    assert [problem.remedy for problem in caught.value.problems] == ["did you mean 'relaxed_clock'?", "did you mean 'sha256'?"]


def test_a_weak_protocol_that_is_allowed_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    user = "{name: admitted, auth: sha1, auth_password: env:LONG, priv: des, priv_password: env:LONG, allow_weak: true}"
    with caplog.at_level(logging.WARNING):
        settings = load_settings(_write(tmp_path, f"data_dir: d\ninventory_dir: i\ntraps: {{users: [{user}]}}\n"), SECRETS)
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "$.traps.users[0].auth: warning: sha1 protects little; plan to replace it: sha256 and aes128, where the device knows them",
        "$.traps.users[0].priv: warning: des protects little; plan to replace it: sha256 and aes128, where the device knows them",
    ]
    assert settings.traps.users[0].least is SecurityLevel.AUTH_PRIV


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rare: 0", "0 is no such share; write a number above 0 and up to 0.1"),
        ("rare: 0.5", "0.5 is no such share"),
        ("forecast_threshold: 80", "80 is no such share; write a number above 0 and up to 1"),
        ("odd_samples: 0", "0 is not more than nothing"),
        ("train_every_hours: -1", "-1 is less than nothing; write hours, or 0 for never"),
    ],
)
def test_detectors_settings_that_cannot_be_meant_are_told(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as told:
        load_settings(_write(tmp_path, f"data_dir: d\ninventory_dir: i\ndetectors: {{{line}}}\n"), {})
    assert f"$.detectors.{line.partition(':')[0]}" in str(told.value)


def test_nothing_by_schedule_is_a_choice(tmp_path: Path) -> None:
    text = "data_dir: d\ninventory_dir: i\ndetectors: {train_every_hours: 0, forecast_every_hours: 0}\n"
    assert load_settings(_write(tmp_path, text), {}).detectors.train_every_hours == 0
