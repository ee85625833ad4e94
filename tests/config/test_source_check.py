"""Settings of sources that cannot be meant are told, each where it stands and with the remedy."""

from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.settings import Settings
from pipeline.config.settings_file import read_settings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings

BASE = "data_dir: d\ninventory_dir: i\ninventory:\n"


def load(tmp_path: Path, text: str) -> tuple[Settings, list[str]]:
    (tmp_path / "assure.yaml").write_text(BASE + text)
    settings, warnings = read_settings(tmp_path / "assure.yaml", {"TOKEN": "t0ken"})
    return settings, [str(warning).partition(": ")[2] for warning in warnings]


def test_sources_are_in_order_and_files_come_first_unless_they_are_listed(tmp_path: Path) -> None:
    line = "{name: netbox, kind: netbox, url: 'https://nb.example.net', token: env:TOKEN}"
    settings, warnings = load(tmp_path, f"  sources: [{line}]\n  precedence: {{devices.address: [netbox]}}\n")
    assert warnings == []
    assert settings.inventory.order == ("files", "netbox")
    assert settings.inventory.sources[0].token.reveal() == "t0ken"
    later, _ = load(tmp_path, f"  sources: [{line}, {{name: files, kind: files}}]\n")
    assert later.inventory.order == ("netbox", "files")
    assert [source.name for source in later.inventory.fetched] == ["netbox"]


def test_a_source_is_stale_after_three_fetches_unless_that_is_said() -> None:
    assert InventorySettings(fetch_every_s=60).stale_s == 180
    assert InventorySettings(fetch_every_s=60, stale_after_s=100).stale_s == 100
    assert InventorySettings(fetch_every_s=0).stale_s == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sources: [{name: A B, kind: discovery}]", "sources[0].name: 'A B' cannot be a source's name"),
        ("sources: [{name: x, kind: discovery}, {name: x, kind: discovery}]", "sources[1].name: 'x' stands twice"),
        ("sources: [{name: x, kind: netbx}]", "sources[0].kind: 'netbx' is not a source kind; did you mean 'netbox'?"),
        ("sources: [{name: x, kind: netbox}]", "sources[0]: the source 'x' has no url; add url: https://…"),
        ("sources: [{name: x, kind: netbox, url: 'http://nb.example.net'}]", "http is only for private receivers"),
        ("sources: [{name: x, kind: netbox, url: 'https://10.0.0.1'}]", "10.0.0.1 is not a public address: set allow_private: true"),
        ("sources: [{name: x, kind: netbox, url: 'https://u:p@nb.example.net'}]", "must not carry a password"),
        ("sources: [{name: x, kind: discovery, url: 'https://x'}]", "a source of kind discovery has no URL and no token"),
        ("sources: [{name: files, kind: discovery}]", "'files' is a source of kind discovery"),
        ("sources: [{name: x, kind: files}]", "'x' is a source of kind files"),
        ("sources: [{name: x, kind: discovery, timeout_s: 0}]", "0 is not more than nothing"),
        ("sources: [{name: x, kind: discovery, page: 0}]", "0 entries; write 1 to 10000"),
        ("sources: [{name: x, kind: discovery, confidence: 2}]", "2 is no confidence"),
        ("sources: [{name: x, kind: discovery, user: noc}]", "traps.users has no 'noc'"),
        ("precedence: {links: [ldp]}", "precedence.links[0]: 'ldp' is no source"),
        ("defaults: {tier: bronze}", "defaults.tier: 'tier' is no field of a section; write it as customers.tier"),
        ("fetch_every_s: -1", "fetch_every_s: -1 is less than nothing"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"  {line}\n")
    assert told in str(caught.value)


def test_secrets_in_clear_text_and_over_http_are_warned_of(tmp_path: Path) -> None:
    lines = "  sources:\n    - {name: x, kind: tmf639, url: 'http://oss.lan/api', token: env:TOKEN, allow_private: true}\n"
    lines += "    - {name: lldp, kind: discovery, communities: [public, env:C, hunter2]}\n"
    _, warnings = load(tmp_path, lines)
    assert [warning.partition(": warning: ")[2].partition(";")[0] for warning in warnings] == [
        "the token goes over the network in clear text",
        "a secret stands here in clear text",
    ]
    assert "hunter2" not in " ".join(warnings)


def test_a_token_is_never_shown() -> None:
    source = SourceSettings("x", SourceKind.NETBOX)
    assert "***" not in repr(source)
    assert "t0ken" not in repr(InventorySettings((source,)))
