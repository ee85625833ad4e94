"""Is anything lost? The sums of the design that must hold, from live counters, the journal and the store; and each part's health."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from pipeline.config.settings import COMPONENTS, Settings

WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it holds, and what was seen."""

    name: str
    holds: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """What the sums are made of; counters are since the trap collector started, the rest since its journal began."""

    received: int
    refused: int
    journaled_here: int
    dropped: int
    journaled: int
    published: int
    quarantined: int
    waiting: int
    stored: int
    dead_letters: int
    double_tickets: int


def judge(sums: Sums) -> tuple[Finding, ...]:
    """The sums of the design's section 7, in the order of the path: the first that does not hold names the stage that loses."""
    return (
        Finding(
            "nothing dropped by the kernel",
            sums.dropped == 0,
            f"{sums.dropped} datagrams dropped before they were read",
            "raise net.core.rmem_max and traps.receive_buffer_bytes",
        ),
        Finding(
            "received = journaled + refused",
            sums.received == sums.journaled_here + sums.refused,
            f"{sums.received} = {sums.journaled_here} + {sums.refused}",
            "look into the log of the traps part",
        ),
        Finding(
            "journaled = published + quarantined + waiting",
            sums.journaled == sums.published + sums.quarantined + sums.waiting,
            f"{sums.journaled} = {sums.published} + {sums.quarantined} + {sums.waiting}",
            "look into the log of the traps part",
        ),
        Finding(
            "published = unique rows in the store",
            sums.published == sums.stored,
            f"{sums.published} published, {sums.stored} stored",
            "if this stays, look into the log of the sink; it catches up by itself after an outage of the store",
        ),
        Finding(
            "nothing undelivered inside",
            sums.dead_letters == 0,
            f"{sums.dead_letters} dead letters",
            "assure topic tail dead.letters --from-start",
        ),
        Finding(
            "one ticket per incident", sums.double_tickets == 0, f"{sums.double_tickets} incidents with two tickets", "tell the maintainers"
        ),
    )


def health(settings: Settings) -> tuple[Finding, ...]:
    """Whether each part answers, and is ready."""
    return tuple(_part(name, f"http://{_host(settings)}:{settings.metrics_port + place}") for place, name in enumerate(COMPONENTS))


def _part(name: str, base: str) -> Finding:
    try:
        with urllib.request.urlopen(f"{base}/readyz", timeout=WAIT_S) as answer:  # noqa: S310  # always http
            return Finding(name, holds=True, detail=answer.read().decode().strip())
    except urllib.error.HTTPError as error:
        return Finding(name, holds=False, detail=error.read().decode().strip(), remedy=f"look into the log of {name}")
    except OSError as error:
        return Finding(name, holds=False, detail=f"{base} does not answer ({error})", remedy="start it: `assure up`")


def counters(settings: Settings, part: str) -> Mapping[str, float]:
    """A part's counters by name, summed over labels; empty when it does not answer."""
    url = f"http://{_host(settings)}:{settings.metrics_port + COMPONENTS.index(part)}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:  # always http
            text = answer.read().decode()
    except OSError:
        return {}
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def _host(settings: Settings) -> str:
    return "127.0.0.1" if settings.metrics_host == "0.0.0.0" else settings.metrics_host  # noqa: S104  # asked, not bound
