"""Which addresses an outbound call may go to: the rules, for a URL that is written down and for an address that is connected to."""

import ipaddress

from yarl import URL

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefusedError(Exception):
    """A URL that leads where outbound calls must not go."""


def why_refused(address: str) -> str:
    """Why ``address`` (IPv4 or IPv6 text) is no public receiver: private, loopback, link-local (metadata), reserved; empty when it is one.

    IPv4 inside IPv6 (mapped, 6to4, Teredo, NAT64) is judged as the IPv4 address that it reaches.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _inner(ip)
        if inner is not None:
            return why_refused(str(inner))
    if ip.is_multicast or not ip.is_global:
        return f"{ip} is not a public address"
    return ""


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None


def check_url(url: str, *, allow_private: bool) -> URL:
    """The URL, when its scheme and a literal address in it may be called. Raises ``AddressRefusedError`` with the remedy.

    ``http`` is for private receivers only; a name is judged when it is resolved.
    """
    target = URL(url)
    if not target.host or target.scheme not in {"https", "http"}:
        raise AddressRefusedError("the URL wants https://HOST/…")
    if target.user or target.password:
        raise AddressRefusedError("the URL must not carry a password; it has a key of its own in the settings")
    if allow_private:
        return target
    if target.scheme == "http":
        raise AddressRefusedError("http is only for private receivers: use https, or set allow_private: true")
    if _is_address(target.host) and (why := why_refused(target.host)):
        raise AddressRefusedError(f"{why}: set allow_private: true if it is meant")
    return target


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
