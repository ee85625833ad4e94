"""Agreements, outages and instants for tests of money: short to write, plain to read."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pipeline.core.inventory import Contract, Customer, MaintenanceWindow, Service, Tier
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.plan import Band, Plan, Rating

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def ns(text: str, timezone: str = "UTC") -> int:
    """UTC nanoseconds of a local date and time: ``ns("2026-10-05 12:00", "Europe/London")``."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone))
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND


def bands(*steps: tuple[str, str | None, str]) -> tuple[Band, ...]:
    """Bands of decimal texts: lower, upper, credit in percent."""
    return tuple(Band(Decimal(lower), None if upper is None else Decimal(upper), Decimal(credit)) for lower, upper, credit in steps)


def plan_of(steps: tuple[Band, ...], rating: Rating = Rating.AVAILABILITY_PERCENT, target: str = "99.99", **parameters: object) -> Plan:
    """A plan with everything else at its default."""
    return Plan("plan", "1", rating, Decimal(target), steps, **parameters)  # type: ignore[arg-type]  # keyword pass-through of a test


def contract_of(charge: int = 100_000, currency: str = "EUR", **fields: int) -> Contract:
    """A contract for service ``s1`` at ``charge`` minor units a month."""
    return Contract("c1", "acme", "plan", currency, {"s1": charge}, **fields)


def service_of() -> Service:
    """The service ``s1`` of that contract."""
    return Service("s1", "acme", "c1", "l3vpn", ("device/pe1",))


def customer_of(timezone: str = "UTC") -> Customer:
    """The customer of that contract."""
    return Customer("acme", "Acme Trading", Tier.GOLD, timezone)


def outage_of(starts_at: int, ends_at: int, name: str = "o1", **fields: object) -> Outage:
    """A confirmed outage of ``s1``; give ``confirmed_by=""`` for one that only a trap saw."""
    values: dict[str, object] = {"state": ServiceState.DOWN, "confirmed_by": "alarm-1", "service": "s1"} | fields
    return Outage(  # type: ignore[misc]  # keyword pass-through of a test
        id=name,
        customer="acme",
        contract="c1",
        incident="i1",
        root_cause="device/pe1",
        started_at=starts_at,
        ended_at=ends_at,
        **values,  # type: ignore[arg-type]  # as above
    )


def window_of(starts_at: int, ends_at: int, noticed_at: int = 0) -> MaintenanceWindow:
    """Planned work ``mw-1``."""
    return MaintenanceWindow("mw-1", ("device/pe1",), starts_at, ends_at, noticed_at, "fibre splice")
