"""Outbound calls go to public addresses, over https, to the address that was checked; anything else only when it is allowed."""

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from pipeline.outputs.address import AddressRefusedError, PublicResolver, check_url, why_refused


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert "not a public address" in why_refused(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_not_refused(address: str) -> None:
    assert why_refused(address) == ""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://hooks.example.com/x", "http is only for private receivers"),
        ("https://127.0.0.1/x", "allow_private"),
        ("https://[::1]/x", "allow_private"),
        ("https://[fe80::1%25eth0]/x", "allow_private"),
        ("ftp://hooks.example.com/x", "https://HOST"),
        ("/x", "https://HOST"),
        ("https://user:pass@hooks.example.com/", "must not carry a password"),
    ],
)
def test_a_url_that_must_not_be_called_is_refused_with_the_remedy(url: str, told: str) -> None:
    with pytest.raises(AddressRefusedError, match=told):
        check_url(url, allow_private=False)


def test_a_private_receiver_may_be_allowed() -> None:
    assert check_url("http://127.0.0.1:8080/x", allow_private=True).port == 8080
    assert check_url("https://hooks.example.com/x", allow_private=False).host == "hooks.example.com"


class FixedResolver(AbstractResolver):
    """Answers the same addresses for every name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0) for address in self._addresses]

    async def close(self) -> None:
        return None


async def test_a_name_resolves_to_its_public_addresses_only() -> None:
    resolver = PublicResolver(FixedResolver("10.0.0.1", "8.8.8.8", "169.254.169.254"))
    assert [answer["host"] for answer in await resolver.resolve("x.example", 443)] == ["8.8.8.8"]
    await resolver.close()


async def test_a_name_that_leads_inside_is_refused() -> None:
    with pytest.raises(AddressRefusedError, match="no public address"):
        await PublicResolver(FixedResolver("127.0.0.1", "::1")).resolve("x.example", 443)
