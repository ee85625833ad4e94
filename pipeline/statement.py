"""A month's service levels as a document for a customer: a table for a spreadsheet, a page to print or send."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.core.claim import claim_word
from pipeline.core.evaluation import PERCENT, Evaluation
from pipeline.core.money import money_text
from pipeline.core.period import local_text

COLUMNS = (
    *("period", "timezone", "customer", "contract", "service", "plan", "plan_version", "metric", "figure", "unit", "target", "verdict"),
    *(
        "reason",
        "counted_s",
        "excluded_s",
        "stopped_s",
        "unconfirmed_s",
        "denominator_s",
        "credit",
        "in_ledger",
        "currency",
        "claim",
        "arithmetic",
        "observed",
    ),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One promise of a month: what was found now, and what the ledger has for it, in minor units.

    ``observed`` is for what share of the month it was measured, in words: ``99.98 %``, ``not measured``; empty where nobody asked.
    """

    evaluation: Evaluation
    customer_name: str
    in_ledger: int
    observed: str = ""

    @property
    def figure(self) -> str:
        """What was delivered, with its unit."""
        return _figure(self.evaluation.figure, self.evaluation.unit)

    @property
    def target(self) -> str:
        """What was promised, with its unit."""
        return _figure(self.evaluation.target, self.evaluation.unit)

    @property
    def verdict(self) -> str:
        """``missed`` or ``met``."""
        return "missed" if self.evaluation.violated else "met"

    @property
    def credit(self) -> str:
        """What is owed."""
        return money_text(self.evaluation.credit_minor, self.evaluation.currency)

    @property
    def claim(self) -> str:
        """Until when it may be claimed, or when it was; empty for what is paid by itself."""
        return claim_word(self.evaluation.arithmetic)

    @property
    def entered(self) -> str:
        """What the ledger has."""
        return money_text(self.in_ledger, self.evaluation.currency)


def lines_of(
    evaluations: Iterable[Evaluation],
    entered: Mapping[tuple[str, str, str, str], int],
    names: Mapping[str, str],
    observed: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> list[Line]:
    """Missed promises first, then by customer and service.

    ``entered`` are minor units by contract, service, metric and period; ``names`` are customers' names for people; ``observed`` is for what
    share it was measured, in words, by contract and service.
    """
    found = [
        Line(
            each,
            names.get(each.customer, each.customer),
            entered.get((each.contract, each.service, each.metric, each.period), 0),
            observed.get((each.contract, each.service), ""),
        )
        for each in evaluations
    ]
    return sorted(found, key=lambda line: (not line.evaluation.violated, line.evaluation.customer, line.evaluation.service))


def as_csv(lines: Iterable[Line]) -> str:
    """The table; cells that a spreadsheet would take for a formula are told apart by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        one = line.evaluation
        values = {
            "verdict": line.verdict,
            "credit": line.credit.split()[0],
            "in_ledger": line.entered.split()[0],
            "claim": line.claim,
            "arithmetic": " | ".join(one.arithmetic),
            "observed": line.observed,
        }
        writer.writerow([values[name] if name in values else _cell(str(getattr(one, name))) for name in COLUMNS])
    return out.getvalue()


def as_html(lines: Iterable[Line], month: str, provider: str, made_at: int) -> str:
    """The page: for each customer what was promised, what was delivered and how each credit comes about. Every text is escaped."""
    by_customer: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_customer[line.customer_name].append(line)
    customers = [(name, mine, _totals(mine)) for name, mine in sorted(by_customer.items())]
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("statement.html")
    return template.render(month=month, provider=provider, customers=customers, made_at=local_text(made_at, "UTC"))


def _totals(lines: Iterable[Line]) -> list[str]:
    """What is owed in all, in each currency."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.evaluation.currency] += line.evaluation.credit_minor
    return [money_text(minor, currency) for currency, minor in sorted(sums.items()) if minor]


def _figure(value: object, unit: str) -> str:
    return f"{value} %" if unit == PERCENT else f"{value} {unit}"


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
