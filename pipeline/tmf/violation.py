"""A missed target as an SLA violation in the form of TMF623: which rule of which agreement, what was promised and what was delivered."""

from collections.abc import Mapping
from typing import Any

from pipeline.core.money import money_text
from pipeline.tmf.form import SLAS, Json, href, known, moment

UNITS = {"availability": "percent"}


def violation(row: Mapping[str, Any], customers: Mapping[str, str] | None = None) -> Json:
    """An evaluation of the history that missed its target, with the names of customers for people."""
    name, customer = row["id"], row["customer"]
    return known(
        type_="SLAViolation",
        id=name,
        href=href(SLAS, "slaViolation", name),
        date=moment(row["evaluated_at"]),
        period=known(startDateTime=moment(row["period_starts_at"]), endDateTime=moment(row["period_ends_at"])),
        sla=known(id=row["contract"], name=row["contract"], description=f"plan {row['plan']}, version {row['plan_version']}"),
        service=known(id=row["service"], name=row["service"], referred_type="Service"),
        relatedParty=[known(id=customer, name=(customers or {}).get(customer), role="customer", referred_type="Customer")],
        violation=known(
            rule=known(
                id=f"{row['service']}:{row['metric']}",
                metric=row["metric"],
                unit=UNITS.get(row["metric"]),
                referenceValue=str(row["target"]),
                operator=">=",
                consequence=_owed(row),
            ),
            actualValue=str(row["availability"]),
            comment="\n".join(row["arithmetic"]),
        ),
    )


def _owed(row: Mapping[str, Any]) -> str | None:
    if not row["credit_minor"]:
        return None
    try:
        return f"credit of {money_text(row['credit_minor'], row['currency'])}"
    except ValueError:  # a currency that is not known any more is told in its minor units rather than guessed at
        return f"credit of {row['credit_minor']} minor units of {row['currency']}"
