"""Every Prometheus expression, of dashboards and of rules, asks for series and labels that the pipeline's processes have."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from collectors.poll.metric import PollMetrics
from collectors.publish import PublishMetrics
from collectors.trap.metric import TrapMetrics
from pipeline import fetching
from pipeline.api import server
from pipeline.config.settings import COMPONENTS, Settings
from pipeline.outputs.metrics import OutputMetrics
from pipeline.store import sink
from pipeline.stream import domain, guard
from tests.support.panels import ROOT, SERIES, queries

OF_SERIES = [(str(query), query.text) for query in queries(SERIES)]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "production" / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
EXPRESSIONS = {**dict(OF_SERIES), **{f"rule {rule['alert']}": rule["expr"] for rule in RULES}}
OF_THE_SCRAPE = {"job", "instance"}


def metrics() -> Iterator[MetricWrapperBase]:
    """Every metric of every process; those of a class are made in a registry of this test."""
    for module in (fetching, server, sink, domain, guard):
        yield from (each for each in vars(module).values() if isinstance(each, MetricWrapperBase))
    for made in (
        TrapMetrics(CollectorRegistry()),
        PollMetrics(CollectorRegistry()),
        PublishMetrics("traps", CollectorRegistry()),
        PublishMetrics("polls", CollectorRegistry()),
        OutputMetrics(CollectorRegistry()),
    ):
        yield from (each for each in vars(made).values() if isinstance(each, MetricWrapperBase))


def series() -> dict[str, set[str]]:
    """Name of each series as it is scraped -> its labels."""
    found = {"up": set(OF_THE_SCRAPE)}
    for metric in metrics():
        labels = set(metric._labelnames) | OF_THE_SCRAPE
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(metric._type, ("",))
        for suffix in suffixes:
            found[f"{metric._name}{suffix}"] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


SERIES_WITH_LABELS = series()


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_each_series_and_label_exists(name: str) -> None:
    """A renamed metric takes its panels along, or this fails."""
    expression = EXPRESSIONS[name]
    asked = re.findall(r"\b(assure_\w+|up)\b(?:\{([^}]*)\})?", expression)
    assert asked
    for metric, matchers in asked:
        assert metric in SERIES_WITH_LABELS
        assert set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)", matchers)) <= SERIES_WITH_LABELS[metric]
    known = set.union(*(SERIES_WITH_LABELS[metric] for metric, _ in asked))
    for labels in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {label.strip() for label in labels.split(",")} <= known


@pytest.mark.parametrize("query", list(queries(SERIES)), ids=lambda query: f"{query} {query.text[:30]}")
def test_each_legend_names_a_label_that_the_result_has(query: Any) -> None:
    """A legend of a label that was summed away shows nothing."""
    legends = {target["expr"]: target["legendFormat"] for target in query.panel["targets"]}
    shown = set(re.findall(r"\{\{(\w+)\}\}", legends[query.text]))
    kept = re.findall(r"\bby \(([^)]*)\)", query.text)
    result = {label.strip() for labels in kept for label in labels.split(",")}
    if not kept and not query.text.startswith("sum"):
        result = OF_THE_SCRAPE
    assert shown <= result


def test_counters_are_shown_as_rates_and_gauges_as_they_are() -> None:
    """The rate of a gauge means nothing; a counter alone is a matter of when its process started, except in a balance of counters."""
    for expression in EXPRESSIONS.values():
        for metric in re.findall(r"(?:rate|increase)\((assure_\w+)", expression):
            assert metric.endswith(("_total", "_bucket"))
        bare = re.findall(r"(?<!rate\()(?<!increase\()\b(assure_\w+_total)\b", expression)
        assert not bare or len(set(bare)) > 1


def test_a_sum_of_labelled_counters_in_a_balance_is_never_empty() -> None:
    """A counter with labels has no series before it first counts: a balance with it would have no value, and look well."""
    for name, expression in OF_SERIES:
        if " - " in expression:
            for metric in re.findall(r"sum\((assure_\w+_total)\)", expression):
                labelled = SERIES_WITH_LABELS[metric] - OF_THE_SCRAPE
                assert not labelled or f"(sum({metric}) or vector(0))" in expression, name


def test_each_part_is_scraped_where_it_serves() -> None:
    """Prometheus asks each part at the port that its settings give it; collectors share one address."""
    scraped = yaml.safe_load((ROOT / "production" / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    base = Settings.__dataclass_fields__["metrics_port"].default
    where = {"polls": "traps"}
    serving = {f"{where.get(name, name)}:{base + COMPONENTS.index(name)}" for name in COMPONENTS}
    assert set(scraped) <= serving
    assert {target.split(":")[0] for target in scraped} == {"traps", "worker", "sink", "outputs", "api", "detectors"}
    assert len(scraped) == 7
