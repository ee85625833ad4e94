"""What the customers of an incident would be told, and when: by the rules and the words in force, nobody being told anything."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.config.message_check import Messages
from pipeline.config.message_template import TemplateFailedError
from pipeline.core.event import Severity
from pipeline.core.incident import Impact, Incident, IncidentState
from pipeline.core.inventory import Customer, Inventory, Tier
from pipeline.core.notice import MINUTE_NS, NoticeRule, Stage, notices
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.routing import hidden_by
from pipeline.outputs.messaging.message import words

Json = dict[str, Any]
NANO = 1_000_000_000


def incident_of(row: Mapping[str, Any]) -> Incident:
    """An incident of :class:`pipeline.reading.Reader` as far as telling people of it goes."""
    impacts = tuple(
        Impact(
            each["service"],
            each["customer"],
            each.get("contract", ""),
            Tier(each["tier"]),
            ServiceState(each["state"]),
            each["since_at"],
            each.get("share", 0.0),
        )
        for each in row["impacts"]
    )
    return Incident(
        row["id"],
        row.get("domain", ""),
        ResourceId(row["root_cause"]),
        IncidentState(row["state"]),
        Severity[row["severity"].upper()],
        row["reason"],
        (),
        (),
        impacts,
        row["started_at"],
        row["started_at"],
        row["resolved_at"],
        planned=row["planned"],
        shelved=row["shelved"],
        acknowledged_by=row["acknowledged_by"],
    )


def foretold(incident: Incident, messages: Messages, inventory: Inventory, stage: Stage, at: int) -> list[Json]:
    """For each customer whom an incident reaches, in its order: what they would be told, or in ``reason`` why nothing; JSON-ready.

    ``at`` (UTC nanoseconds) is when it is looked at: a first notice is due when the rule says so after the incident's start, and not before
    ``at``; a restoration is worded as if all were well at ``at``.
    """
    names = dict.fromkeys(impact.customer for impact in incident.impacts)
    known = [inventory.customers[name] for name in names if name in inventory.customers]
    return [_of_customer(incident, messages, inventory, customer, stage, at) for customer in known]


def _of_customer(incident: Incident, messages: Messages, inventory: Inventory, customer: Customer, stage: Stage, at: int) -> Json:
    rule = messages.notices.rule_for(customer.tier)
    found = {
        "customer": customer.name,
        "name": customer.display_name,
        "tier": customer.tier.value,
        "rule": rule.name if rule else "",
        "reason": "",
        "stage": stage.value,
        "at": 0,
        "after_s": 0.0,
        "every_min": rule.progress_every_min if rule else 0.0,
        "language": customer.language,
        "contacts": [{"channel": one.channel.value, "address": one.address, "name": one.name} for one in customer.contacts],
        "services": [],
        "subject": "",
        "text": "",
    }
    decided = notices(incident, None, messages.notices, {customer.name: customer}, at)
    body = next((effect.body for effect in decided if effect.body["customer"] == customer.name), None)
    if body is None or rule is None:
        return {**found, "reason": _why_not(incident, customer, rule)}
    told = {**body, "stage": stage.value, "resolved_at": at if stage is Stage.RESTORED else 0}
    when = _when(incident, rule, stage, at)
    found |= {"at": when, "after_s": (when - incident.started_at) / NANO, "services": body["services"]}
    try:
        language, subject, text = words(messages, incident.id, told, customer, inventory)
    except TemplateFailedError as error:
        return {**found, "reason": str(error)}
    return {**found, "language": language, "subject": subject, "text": text}


def _when(incident: Incident, rule: NoticeRule, stage: Stage, at: int) -> int:
    """When a message of this stage would go out: the first progress follows the first notice."""
    first_at = max(at, incident.started_at + round(rule.after_min * MINUTE_NS))
    if stage is Stage.PROGRESS:
        return first_at + round(rule.progress_every_min * MINUTE_NS)
    return first_at if stage is Stage.FIRST else at


def _why_not(incident: Incident, customer: Customer, rule: NoticeRule | None) -> str:
    if incident.state is not IncidentState.OPEN:
        return "it is over"
    if hidden := hidden_by(incident):
        return f"nobody is told: {hidden.value}"
    if rule is None:
        return f"no rule of rules/notices.yaml is for {customer.tier.value}"
    felt = dict.fromkeys(_felt(incident, customer))
    if not set(felt) & {state.value for state in rule.states}:
        return f"{', '.join(felt)}: rule {rule.name} does not tell of it"
    return "the inventory has no contacts for it"


def _felt(incident: Incident, customer: Customer) -> Iterator[str]:
    return (impact.state.value for impact in incident.impacts if impact.customer == customer.name)
