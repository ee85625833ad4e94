"""Which open incident matters most: what it does to whom, to how many, and how soon a contract is missed."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.inventory import Tier
from pipeline.core.outage import ServiceState

Json = dict[str, Any]

_TIERS = {tier.value: place for place, tier in enumerate(Tier)}
_SUFFERING = frozenset({ServiceState.DOWN.value, ServiceState.DEGRADED.value})
_SEVERITIES = ("critical", "major", "minor", "warning", "indeterminate")
_NEVER = 2**63


def urgency(incident: Mapping[str, Any]) -> tuple[float, ...]:
    """The least is the most urgent, for sorting.

    Planned work, and what is shelved, come last. Before them come incidents in which services are down or degraded, then those that only
    cost redundancy, then those that no service feels. Within each: the dearest tier that is hit, then how much of that tier is lost (a
    degraded service counts by its share), then the instant at which the first contract is missed, then what is left of it, then severity.
    """
    suffering = [impact for impact in incident["impacts"] if impact["state"] in _SUFFERING]
    hit = suffering or list(incident["impacts"])
    tier = min((_place(impact) for impact in hit), default=len(_TIERS))
    lost = sum(_amount(impact) for impact in hit if _place(impact) == tier)
    tightest = incident["tightest"] or {}
    return (
        bool(incident["planned"] or incident["shelved"]),
        0 if suffering else 1 if hit else 2,
        tier,
        -round(lost, 6),
        tightest.get("missed_at") or _NEVER,
        tightest.get("left_s", _NEVER),
        _SEVERITIES.index(incident["severity"]) if incident["severity"] in _SEVERITIES else len(_SEVERITIES),
        incident["started_at"],
    )


def tightest(budgets: Iterable[Json | None]) -> Json | None:
    """Of several months' budgets the one that is missed first, or where least is left while none of them runs down."""
    known = [found for found in budgets if found is not None]
    return min(known, key=lambda found: (found["missed_at"] or _NEVER, found["left_s"], found["service"]), default=None)


def suffers(impact: Mapping[str, Any]) -> bool:
    """Whether a service is down or degraded, rather than at risk."""
    return impact["state"] in _SUFFERING


def _place(impact: Mapping[str, Any]) -> int:
    return _TIERS.get(impact["tier"], len(_TIERS))


def _amount(impact: Mapping[str, Any]) -> float:
    return float(impact["share"] or 1.0) if impact["state"] == ServiceState.DEGRADED else 1.0
