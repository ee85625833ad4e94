"""What the doctor says of sockets and journals: buffers asked for and got, the host's own count of drops, how far back a journal goes."""

from collections.abc import Collection, Sequence
from pathlib import Path

from collectors.journal.overview import Overview
from pipeline.config.settings import Settings
from pipeline.doctoring import Finding, Verdict

PROC_NET = Path("/proc/net")
_LOST = frozenset({"RcvbufErrors", "MemErrors", "InCsumErrors"})
"""The buffer was full, the kernel had no memory, or the checksum was wrong: what a socket's own counter counts too."""
_SECOND_NS = 10**9
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def receive_buffers(granted: Sequence[int], asked: int) -> Finding:
    """The smallest receive buffer that was got, beside what the settings ask for.

    Linux counts its own bookkeeping in, so what is got may be twice what was asked for. A small buffer is no loss: the first sum tells of
    losses.
    """
    least = min(granted)
    got = f"{_size(asked)} asked for, {_size(least)} got" + (f" for each of {len(granted)} sockets" if len(granted) > 1 else "")
    remedy = f"sysctl -w net.core.rmem_max={asked}, then start traps again"
    return Finding("receive buffer", Verdict.HOLDS, got if least >= asked else f"{got}; for more: {remedy}", remedy)


def host_drops(folder: Path = PROC_NET) -> int | None:
    """Datagrams that reached this host since it started, but no reader: over all of its UDP sockets, IPv4 and IPv6 (:data:`_LOST`).

    ``None`` where the kernel does not tell: ``/proc/net/snmp`` and ``snmp6`` are Linux's.
    """
    try:
        lines = (folder / "snmp").read_text().splitlines()
    except OSError:
        return None
    names, values = ([line.split()[1:] for line in lines if line.startswith("Udp:")] + [[], []])[:2]
    ipv4 = {name: int(value) for name, value in zip(names, values, strict=False) if name in _LOST}
    return sum(ipv4.values()) + _ipv6_drops(folder) if ipv4 else None


def _ipv6_drops(folder: Path) -> int:
    try:
        lines = (folder / "snmp6").read_text().splitlines()
    except OSError:
        return 0  # this host has no IPv6
    return sum(int(value) for name, value in map(str.split, lines) if name.removeprefix("Udp6") in _LOST and name.startswith("Udp6"))


def beside_the_host(host: int, dropped: int) -> Finding:
    """The host's count is a second witness: it has our drops and those of every other socket, so it may be more and never be less."""
    detail = f"{host} lost by all UDP sockets of this host since it started; {dropped} by ours since they did"
    remedy = "the receivers count more drops than the host does: do they run on another host, or in another network namespace?"
    return Finding("the host's count", Verdict.HOLDS if host >= dropped else Verdict.BROKEN, detail, remedy)


def span_kept(found: Overview, bound: int) -> Finding:
    """How far back a journal goes, and how full it is; what waits is told by the sums."""
    name = f"journal {found.directory.name}"
    if not found.records:
        return Finding(name, Verdict.HOLDS, "empty")
    stepped = "" if found.last_at >= found.first_at else "; the clock was set back meanwhile"
    detail = f"goes back {_span(abs(found.last_at - found.first_at))}: {_size(found.bytes)} of {_size(bound)}{stepped}"
    return Finding(name, Verdict.HOLDS, detail)


def left_behind(settings: Settings) -> list[Path]:
    """Journals of receivers that ``traps.processes`` no longer has."""
    return _no_more(settings, settings.traps.collector, settings.trap_collectors.values())


def polls_left_behind(settings: Settings) -> list[Path]:
    """Journals of pollers that ``polls.processes`` no longer has."""
    return _no_more(settings, settings.polls.collector, settings.poll_collectors.values())


def _no_more(settings: Settings, first: str, known: Collection[str]) -> list[Path]:
    folders = settings.journal_dir(first).parent.glob(f"{first}.*")
    return sorted(folder for folder in folders if folder.name not in known and folder.name.rpartition(".")[2].isdigit())


def _span(nanoseconds: int) -> str:
    seconds = nanoseconds // _SECOND_NS
    for unit, size, bound in (("s", 1, 2 * _MINUTE), ("min", _MINUTE, 2 * _HOUR), ("h", _HOUR, 2 * _DAY)):
        if seconds < bound:
            return f"{seconds // size} {unit}"
    return f"{seconds // _DAY} days"


def _size(count: int) -> str:
    """Bytes for people: ``64.0 MB``."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
