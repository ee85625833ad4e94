"""A credit run: 100,000 services rated for a month, credits proposed, and each entered into the ledger."""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.config.rule_set import load_plans
from pipeline.core.effect import Effect
from pipeline.core.exclusion import Exclusion, ExclusionKind
from pipeline.core.inventory import Contract, Customer, Inventory, Service, Tier
from pipeline.core.ledger import Credit
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.period import NANOSECONDS, month_named
from pipeline.core.plan import Plan
from pipeline.core.settlement import ContractState, record, settle, terms_of
from pipeline.obligations import Obligations
from tests.bench.bar import Bar

BAR_S = 60
ZONES = ("Europe/Amsterdam", "Europe/London", "America/New_York", "Asia/Tokyo")
PLANS = ("lab-gold", "lab-silver", "example-internet-dedicated", "example-restore")
PER_CONTRACT = 20
CHUNK = 500
"""Credits of one transaction."""
OUTAGE_SHARE, MOST_OUTAGES = 0.3, 4
"""How many services had an outage, and how many at most: three in ten with up to four is a bad month."""
RULES = Path(__file__).parents[2] / "rules"


def bench(arguments: Sequence[str]) -> Iterator[Bar]:
    """Seconds for all of it, in one process; the same without the ledger beside it."""
    parser = argparse.ArgumentParser(prog="credit-run")
    parser.add_argument("--services", type=int, default=100_000)
    options = parser.parse_args(arguments)
    plans = load_plans(RULES)
    inventory, states, now = _month(options.services, plans)
    started, cpu = time.perf_counter(), time.process_time()
    effects, evaluations = _proposed(inventory, plans, states, now)
    rated_s = time.perf_counter() - started
    entered = _entered(effects, now)
    whole_s = time.perf_counter() - started
    print(f"{options.services} services, {sum(len(each.outages) for each in states)} outages, {evaluations} evaluations, {entered} credits")
    against: dict[str, float | str] = {
        "bar": BAR_S,
        "cpu-s": time.process_time() - cpu,
        "rated-only": rated_s,
        "us-per-service": whole_s / options.services * 1e6,
    }
    yield Bar("credit-run", whole_s, "s", against)


def _proposed(inventory: Inventory, plans: dict[str, Plan], states: Sequence[ContractState], now: int) -> tuple[list[Effect], int]:
    effects: list[Effect] = []
    evaluations = 0
    exclusions = [
        Exclusion(f"e{number}", ExclusionKind.NO_ACCESS, now - 9 * 10**14, now - 8 * 10**14, f"s{number * 100}") for number in range(50)
    ]
    terms = terms_of(inventory, plans, exclusions)
    at = month_named("2026-10", "UTC").starts_at + 10 * 86_400 * NANOSECONDS
    for state in states:
        settled = settle(state, terms[state.contract], at, now)
        effects += settled.effects
        evaluations += len(settled.evaluations)
    return effects, evaluations


def _entered(effects: Sequence[Effect], now: int) -> int:
    with tempfile.TemporaryDirectory() as folder, Obligations(f"sqlite:///{folder}/ledger.db") as store:
        for first in range(0, len(effects), CHUNK):
            store.enter_credits([_credit(effect) for effect in effects[first : first + CHUNK]], now)
        broken = store.verify()
        assert broken is None, broken
        return store.credit_count()


def _credit(effect: Effect) -> Credit:
    body = effect.body
    names = ("contract", "service", "metric", "period", "revision", "customer", "amount_minor", "currency")
    return Credit(effect.key, *(body[name] for name in names), effect.reason, dry_run=True, evidence=body)


def _month(services: int, plans: dict[str, Plan]) -> tuple[Inventory, list[ContractState], int]:
    """Contracts of twenty services in four time zones under four plans, and their outages of October 2026, seeded."""
    chance = random.Random(6)  # a made-up month, the same each time
    inventory = Inventory("bench")
    states = []
    month = month_named("2026-10", "UTC")
    for number in range(services // PER_CONTRACT):
        name = f"c{number}"
        customer = Customer(name, name, Tier.SILVER, ZONES[number % len(ZONES)])
        names = [f"s{number * PER_CONTRACT + place}" for place in range(PER_CONTRACT)]
        charges = {each: 50_000 + 1_700 * place for place, each in enumerate(names)}
        contract = Contract(name, name, PLANS[number // 7 % len(PLANS)], "EUR", charges)
        inventory.customers[name], inventory.contracts[name] = customer, contract
        inventory.services.update({each: Service(each, name, name, "l3vpn", ()) for each in names})
        outages = [outage for each in names if chance.random() < OUTAGE_SHARE for outage in _outages(each, name, month.starts_at, chance)]
        states.append(record(ContractState(name), outages))
    return inventory, states, month_named("2026-11", "UTC").ends_at


def _outages(service: str, contract: str, starts_at: int, chance: random.Random) -> Iterator[Outage]:
    for number in range(chance.randint(1, MOST_OUTAGES)):
        began = starts_at + chance.randrange(30 * 86_400) * NANOSECONDS
        ended = began + chance.choice((20, 200, 2_000, 20_000)) * NANOSECONDS
        one = Outage(f"{service}-{number}", service, contract, contract, ServiceState.DOWN, f"i-{service}-{number}", "link/x", began, ended)
        yield replace(one, confirmed_by="poll" if chance.random() < 0.9 else "", ticketed_at=began + 60 * NANOSECONDS)  # a share
