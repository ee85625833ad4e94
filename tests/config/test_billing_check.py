"""Settings of billing that cannot be meant are told, each at its place and with the remedy."""

from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.settings_file import read_settings

HEAD = "data_dir: data\ninventory_dir: inventory\nbilling:\n"


def told(folder: Path, text: str) -> str:
    path = folder / "assure.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(ConfigError) as problems:
        read_settings(path, {"KEY": "sk_live_1"})
    return str(problems.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  system: strype\n", "did you mean 'stripe'"),
        ("  system: stripe\n  url: https://api.stripe.com\n", "stripe wants secret"),
        ("  system: stripe\n  secret: env:KEY\n", "billing.url"),
        ("  system: lago\n  secret: env:KEY\n  url: http://10.0.0.1\n", "http is only for private receivers"),
        ("  system: kill-bill\n  secret: env:KEY\n  url: https://kb.example.net\n", "kill-bill wants api_key"),
        ("  system: csv\n  posting: true\n", "no currency has limits"),
        ("  limits: [{currency: EUR}, {currency: EUR}]\n", "'EUR' stands twice"),
        ("  limits: [{currency: EURO}]\n", "'EURO' is not a currency"),
        ("  limits: [{currency: JPY, per_day: 1.5}]\n", "more than 0 decimals"),
        ("  limits: [{currency: EUR, per_credit: -1}]\n", "less than nothing"),
        ("  confirm_after_s: 0\n", "not more than nothing"),
    ],
)
def test_each_mistake_is_told(tmp_path: Path, text: str, message: str) -> None:
    assert message in told(tmp_path, text)


def test_what_is_meant_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "assure.yaml"
    limits = "  limits: [{currency: EUR, two_people_over: 500.00, per_day: 10000}]\n"
    path.write_text(f"{HEAD}  posting: true\n  system: stripe\n  secret: env:KEY\n  url: https://api.stripe.com\n{limits}")
    settings, _ = read_settings(path, {"KEY": "sk_live_1"})
    own = settings.billing.limits_by_currency["EUR"]
    assert (own.two_people_over, own.per_credit, own.per_day) == (50_000, None, 1_000_000)
