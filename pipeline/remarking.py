"""What a ticket says of agreements when it is written: how much downtime each service's month still bears."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.budgeting import Budgets, Lasting
from pipeline.config.settings import Settings
from pipeline.core.outage import ServiceState
from pipeline.inventory.present import PresentInventory
from pipeline.obligations import Obligations
from pipeline.outputs.tickets import Suffered
from pipeline.resources import data_dir
from pipeline.store.queries import Queries


@contextmanager
def agreements(settings: Settings, store: Obligations) -> Iterator[Callable[[Sequence[Suffered]], list[str]]]:
    """Lines on the agreements of services, from the inventory and the history; the function may be called in any thread."""
    inventory = PresentInventory(settings)
    with Queries.of(settings.history) as queries:
        budgets = Budgets(queries, store, inventory.current, settings.rules_dir or data_dir("rules"))
        yield lambda services: remarks(budgets, services)


def remarks(budgets: Budgets, services: Sequence[Suffered]) -> list[str]:
    """One line for each service that has an agreement, in the order given; what ended is told as it ended."""
    lasting = {each.service: Lasting(ServiceState(each.state), each.since_at, each.excluded) if each.lasts else None for each in services}
    found = budgets.of(lasting)
    return [f"SLA {budget['plan']} of {service}: {budget['told']}" for service in lasting if (budget := found.get(service))]
