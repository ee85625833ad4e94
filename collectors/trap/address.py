"""Addresses and who may speak: ``host:port`` texts, networks, the allow-list."""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def endpoint(text: str) -> tuple[str, int]:
    """``127.0.0.1:162`` or ``[::1]:162`` as address and port. Raises ``ValueError`` that shows the text."""
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004  the highest UDP port
        raise ValueError(f"'{text}' is not address:port")
    return str(ip_address(host)), int(port)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """CIDR texts as networks. Raises ``ValueError`` that names the first that is none."""
    return tuple(ip_network(text) for text in texts)


def plain(host: str) -> str:
    """A sender's address without IPv6 zone, IPv4-mapped ones in IPv4 form (RFC 4291 section 2.5.5.2)."""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    return str(address.ipv4_mapped or address)


def within(host: str, among: Collection[Network]) -> bool:
    """Whether the address lies in one of the networks."""
    address: IPv4Address | IPv6Address = ip_address(host)
    return any(address in network for network in among)


class AllowList:
    """Which senders are heard: those in one of the networks, nobody else. Answers are remembered, at most ``capacity`` of them."""

    def __init__(self, among: Collection[Network], capacity: int = 65_536) -> None:
        self._networks = tuple(among)
        self._capacity = capacity
        self._known: dict[str, str | None] = {}

    def source(self, host: str) -> str | None:
        """The plain form of an allowed sender's address; ``None`` for a sender that is not allowed."""
        try:
            return self._known[host]
        except KeyError:
            return self._learn(host)

    def _learn(self, host: str) -> str | None:
        if len(self._known) >= self._capacity:
            self._known.clear()
        address = plain(host)
        verdict = address if within(address, self._networks) else None
        self._known[host] = verdict
        return verdict
