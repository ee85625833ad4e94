"""What may be asked: addresses, ranges, hosts, files of these."""

from pathlib import Path

import pytest

from collectors.discover.target import TargetError, addresses_of, resolve


def hosts(name: str) -> tuple[str, ...]:
    return {"pe1.example.net": ("192.0.2.9",)}.get(name) or resolve("no such host.invalid")


def test_each_address_once_in_order() -> None:
    found = addresses_of(["192.0.2.4/30", "192.0.2.6", "pe1.example.net", "2001:db8::/127", "198.51.100.7/32"], hosts)
    assert found == ("192.0.2.5", "192.0.2.6", "192.0.2.9", "2001:db8::", "2001:db8::1", "198.51.100.7")


def test_a_range_may_be_named_by_an_address_in_it() -> None:
    assert addresses_of(["10.0.0.6/31"]) == ("10.0.0.6", "10.0.0.7") == addresses_of(["10.0.0.7/31"])


def test_a_file_lists_targets_one_a_line(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("# core\n192.0.2.1   # first\n\n198.51.100.0/31\n")
    assert addresses_of([str(seeds)]) == ("192.0.2.1", "198.51.100.0", "198.51.100.1")


def test_a_mistake_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("192.0.2.1\n192.0.2.0/40\n")
    with pytest.raises(TargetError, match=r"seeds\.txt:2: '192\.0\.2\.0/40' is neither a range"):
        addresses_of([str(seeds)])


@pytest.mark.parametrize("target", ["10.0.0.0/8", "2001:db8::/64"])
def test_what_is_too_much_is_refused_before_it_takes_long(target: str) -> None:
    with pytest.raises(TargetError, match="more than 65536"):
        addresses_of([target])


@pytest.mark.parametrize("target", ["no such host.invalid", "", "\N{SNOWMAN}" * 80])
def test_a_host_that_is_none_is_told(target: str) -> None:
    with pytest.raises(TargetError, match="neither an address"):
        addresses_of([target])
