"""What each customer feels now: the declared customers and services, joined with the outages that last and the tickets opened for them."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.inventory import Inventory, Tier
from pipeline.core.outage import ServiceState

Json = dict[str, Any]

WORST_FIRST = (ServiceState.DOWN, ServiceState.DEGRADED, ServiceState.REDUNDANCY_LOST, ServiceState.UP)
_TIERS = tuple(Tier)
_NOTHING_FELT = {"since_at": 0, "outage": "", "incident": "", "root_cause": "", "confirmed": False, "excluded": "", "ticket": None}


def felt_by(inventory: Inventory, lasting: Iterable[Json], tickets: Mapping[str, Json]) -> list[Json]:
    """Every customer in order of tier, within a tier those worst off first.

    Args:
        inventory: who bought what.
        lasting: outages that have not ended, as the history tells them.
        tickets: ``{number, status}`` by incident.

    Returns:
        Customers with ``name, display_name, tier, timezone, state, services``; a service has ``name, kind, description, contract, state,
        since_at`` (UTC nanoseconds), ``outage, incident, root_cause, confirmed, excluded, ticket``, which are empty while it is up.
        What an outage names and the inventory no longer does is there too, without tier, last.
    """
    felt = _worst(lasting)
    owned: dict[str, dict[str, Json]] = {name: {} for name in inventory.customers}
    for service in inventory.services.values():
        about = {"name": service.name, "kind": service.kind, "description": service.description, "contract": service.contract}
        owned.setdefault(service.customer, {})[service.name] = about
    for outage in felt.values():
        about = {"name": outage["service"], "kind": "", "description": "", "contract": outage["contract"]}
        owned.setdefault(outage["customer"], {}).setdefault(outage["service"], about)
    customers = [_customer(inventory, name, services, felt, tickets) for name, services in owned.items()]
    return sorted(customers, key=_order)


def rank(state: str) -> int:
    """0 for down, the worst; a state of a later version counts as the worst."""
    return next((place for place, known in enumerate(WORST_FIRST) if known.value == state), 0)


def _worst(lasting: Iterable[Json]) -> dict[str, Json]:
    """Of each service the outage that is felt most; of equal ones the first."""
    worst: dict[str, Json] = {}
    for outage in sorted(lasting, key=lambda each: (rank(each["state"]), each["started_at"], each["id"])):
        worst.setdefault(outage["service"], outage)
    return worst


def _customer(inventory: Inventory, name: str, services: Mapping[str, Json], felt: Mapping[str, Json], tickets: Mapping[str, Json]) -> Json:
    known = inventory.customers.get(name)
    joined = [_service(about, felt.get(about["name"]), tickets) for about in services.values()]
    joined.sort(key=lambda service: (rank(service["state"]), service["name"]))
    return {
        "name": name,
        "display_name": known.display_name if known else name,
        "tier": known.tier.value if known else "",
        "timezone": known.timezone if known else "UTC",
        "state": joined[0]["state"] if joined else ServiceState.UP.value,
        "services": joined,
    }


def _service(about: Json, outage: Json | None, tickets: Mapping[str, Json]) -> Json:
    if outage is None:
        return {**about, "state": ServiceState.UP.value, **_NOTHING_FELT}
    return {
        **about,
        "state": outage["state"],
        "since_at": outage["started_at"],
        "outage": outage["id"],
        "incident": outage["incident"],
        "root_cause": outage["root_cause"],
        "confirmed": bool(outage["confirmed_by"]),
        "excluded": outage["excluded"],
        "ticket": tickets.get(outage["incident"]),
    }


def _order(customer: Json) -> tuple[int, int, str]:
    tier = customer["tier"]
    return _TIERS.index(Tier(tier)) if tier else len(_TIERS), rank(customer["state"]), customer["display_name"]
