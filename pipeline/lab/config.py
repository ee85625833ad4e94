"""How a lab is set up, and where its operator is declared."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LabConfig:
    """A lab. Addresses are ``host:port``; port 0 takes a free one.

    ``trap_target`` is where the devices send notifications. ``control`` is where commands are taken over HTTP; empty for nowhere.
    ``seed`` decides all that looks random. ``haste`` divides the time that devices take to notice a change. ``port_override``
    replaces every device's declared UDP port, 0 by a free one each.
    """

    trap_target: str = "127.0.0.1:16200"
    control: str = "127.0.0.1:18161"
    community: str = "public"
    seed: int = 1
    haste: float = 1.0
    port_override: int | None = None


class LabError(RuntimeError):
    """The lab cannot start or cannot be spoken to; the message says what to do."""


def inventory_dir() -> Path:
    """The folder with the inventory of the lab's operator, in the format of a user's own."""
    return Path(__file__).resolve().parent / "inventory"


def split_address(address: str) -> tuple[str, int]:
    """Host and port of ``host:port``. Raises :class:`LabError` for anything else."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - the largest port
        raise LabError(f"'{address}' is not an address; write host:port, for example 127.0.0.1:16200")
    return host, int(port)


def numeric_address(address: str) -> tuple[str, int]:
    """As :func:`split_address`, of an IPv4 address in numbers: datagrams are sent there without asking a name server."""
    host, port = split_address(address)
    try:
        return str(IPv4Address(host)), port
    except ValueError as error:
        raise LabError(f"'{host}' in '{address}' is not an IPv4 address; write it in numbers, for example 127.0.0.1:16200") from error
