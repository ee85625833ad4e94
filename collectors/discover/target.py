"""What to ask: addresses, ranges, hosts' names, and files that list such, become addresses, each once."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

MOST_ADDRESSES = 65_536
"""More than a /16 holds is a mistake rather than a wish."""

Resolve = Callable[[str], tuple[str, ...]]


class TargetError(ValueError):
    """A target that cannot be asked; the message says what to write instead."""


def resolve(host: str) -> tuple[str, ...]:
    """The addresses of a host's name. Raises :class:`TargetError`."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise TargetError(f"'{host}' is neither an address, nor a range, nor a file, nor a host that has an address") from None
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))[:1]


def addresses_of(targets: Iterable[str], resolve: Resolve = resolve) -> tuple[str, ...]:
    """Every address that the targets mean, in their order, each once. Raises :class:`TargetError`."""
    found: dict[str, None] = {}
    for target in targets:
        for address in _of(target, resolve):
            found[address] = None
            if len(found) > MOST_ADDRESSES:
                raise TargetError(f"more than {MOST_ADDRESSES} addresses; ask for smaller ranges, one after the other")
    return tuple(found)


def _of(target: str, resolve: Resolve) -> Iterator[str]:
    path = Path(target)
    if path.is_file():
        yield from _in_file(path, resolve)
    else:
        yield from _ranged(target, resolve)


def _ranged(target: str, resolve: Resolve) -> Iterator[str]:
    try:
        network = ipaddress.ip_network(target, strict=False)
    except ValueError:
        if "/" in target:
            raise TargetError(f"'{target}' is neither a range (write it as 192.0.2.0/24) nor a file that is there") from None
        yield from resolve(target)
        return
    yield from map(str, network.hosts())


def _in_file(path: Path, resolve: Resolve) -> Iterator[str]:
    """One target a line; what follows a # is a remark. A file in a file is not followed."""
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        target = line.partition("#")[0].strip()
        if not target:
            continue
        try:
            yield from _ranged(target, resolve)
        except TargetError as error:
            raise TargetError(f"{path}:{number}: {error}") from None
