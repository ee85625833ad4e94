"""What was agreed for a service as a service level objective in the form of TMF657."""

from collections.abc import Iterator, Mapping

from pipeline.core.inventory import Contract, Customer, Inventory, Service
from pipeline.core.period import Period, month_of
from pipeline.core.plan import Band, Plan, Rating
from pipeline.core.sla import METRIC
from pipeline.tmf.form import OBJECTIVES, Json, href, known, moment

_UNITS = {Rating.AVAILABILITY_PERCENT: "percent", Rating.CUMULATIVE_SECONDS: "seconds"}


def objectives(inventory: Inventory, plans: Mapping[str, Plan], at: int) -> Iterator[Json]:
    """Every service under a contract whose plan and customer are known, by name; ``at`` (UTC nanoseconds) tells which month it is."""
    for name in sorted(inventory.services):
        service = inventory.services[name]
        contract = inventory.contracts.get(service.contract)
        customer = inventory.customers.get(contract.customer) if contract else None
        plan = plans.get(contract.plan) if contract else None
        if contract and customer and plan:
            yield objective(service, contract, customer, plan, month_of(at, customer.timezone))


def objective(service: Service, contract: Contract, customer: Customer, plan: Plan, month: Period) -> Json:
    """One service's target for its customer's present month, and what is owed when it is missed."""
    name = f"{service.name}:{METRIC}"
    return known(
        type_="ServiceLevelObjective",
        id=name,
        href=href(OBJECTIVES, "serviceLevelObjective", name),
        name=f"{METRIC} of {service.name}",
        conformanceTarget=str(plan.target),
        conformanceComparator=">=",
        conformancePeriod=known(startDateTime=moment(month.starts_at), endDateTime=moment(month.ends_at)),
        validFor=known(startDateTime=moment(contract.valid_from), endDateTime=moment(contract.valid_until)),
        serviceLevelObjectiveParameter=[known(name=METRIC, unit="percent")],
        serviceLevelObjectiveConsequence=[_consequence(band, plan) for band in plan.bands if band.credit_percent],
        service=known(id=service.name, name=service.description or service.name, referred_type="Service"),
        agreement=known(id=contract.name, name=contract.name, referred_type="Agreement"),
        serviceLevelSpecification=known(id=plan.name, name=plan.description or plan.name, version=plan.version),
        relatedParty=[known(id=customer.name, name=customer.display_name, role="customer", referred_type="Customer")],
    )


def _consequence(band: Band, plan: Plan) -> Json:
    until = f" up to {band.upper}" if band.upper is not None else ""
    return {
        "name": f"from {band.lower}{until} {_UNITS[plan.rating]}",
        "prescribeAction": f"credit of {band.credit_percent} % of the monthly charge",
    }
