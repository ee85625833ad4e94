"""Runs a timeline: what the network says at which minute, and what must then be true. No clock, no sleep; see tests/scenarios/README.md."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.rule_files import load_rules
from pipeline.config.rule_set import load_rule_set
from pipeline.core.alarm import AlarmChange
from pipeline.core.chain import advance
from pipeline.core.context import Context
from pipeline.core.correlation_rule import Correlating, CorrelationRule, Relations
from pipeline.core.directory import Directory
from pipeline.core.domain import DomainState, Output
from pipeline.core.effect import EffectKind
from pipeline.core.escalation import Escalation, Level
from pipeline.core.event import Event, Severity, Tick
from pipeline.core.incident import Incident
from pipeline.core.inventory import Inventory, MaintenanceWindow, Tier
from pipeline.core.money import money_text
from pipeline.core.normalize import normalize
from pipeline.core.operation import Answer, Operation, OperationKind
from pipeline.core.outage import Outage
from pipeline.core.paging import effects_of
from pipeline.core.plan import Band, Plan, Rating
from pipeline.core.polling import PollState, fold
from pipeline.core.profile import BGP_PEERS, GENERIC_NAME
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTrap, SnmpVersion, ValueType, VarBind
from pipeline.core.roster import Hours, OnCall, Rotation
from pipeline.core.routing import GroupBy, Occasion, Person, Route, Routing
from pipeline.core.rule import RuleBook
from pipeline.core.settlement import ContractState, record, settle, terms_of
from pipeline.core.suspicion import suspect
from pipeline.core.ticket import decide
from pipeline.core.window import WindowRow, announced
from pipeline.inventory.files import load_inventory
from tests.support.polls import MEASURING, table_of

SECOND = 1_000_000_000
START = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * SECOND
MONTH_END = int(datetime(2026, 11, 30, 22, tzinfo=UTC).timestamp()) * SECOND
FINE_TICK, COARSE_TICK, FINE_FOR = SECOND // 2, 10 * SECOND, 30 * SECOND
ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "tests" / "scenarios" / "network"

LAB = "1.3.6.1.4.1.8072.9999.9999.42"
TRAPS = {
    "linkDown": "1.3.6.1.6.3.1.1.5.3",
    "linkUp": "1.3.6.1.6.3.1.1.5.4",
    "coldStart": "1.3.6.1.6.3.1.1.5.1",
    "bgpBackwardTransNotification": "1.3.6.1.2.1.15.0.2",
    "bgpEstablishedNotification": "1.3.6.1.2.1.15.0.1",
    "labLspDown": f"{LAB}.0.1",
    "labLspUp": f"{LAB}.0.2",
    "labOpticalLos": f"{LAB}.0.3",
    "labOpticalLosCleared": f"{LAB}.0.4",
    "labServiceDown": f"{LAB}.0.5",
    "labServiceUp": f"{LAB}.0.6",
    "labPowerFailed": f"{LAB}.0.7",
    "labPowerRestored": f"{LAB}.0.8",
}
DAY_TICKS = 8_640_000
BGP_PEER = "1.3.6.1.2.1.15.3.1"
PEER_STATES = {"stopped": (1, 1), "idle": (2, 1), "active": (2, 3), "established": (2, 6)}
"""bgpPeerAdminStatus and bgpPeerState."""

PLAN = Plan(
    name="quick",
    version="1",
    rating=Rating.CUMULATIVE_SECONDS,
    target=Decimal("99.99"),
    bands=(
        Band(Decimal(0), Decimal(60), Decimal(0)),
        Band(Decimal(60), Decimal(600), Decimal(5)),
        Band(Decimal(600), None, Decimal(10)),
    ),
)
ROUTING = Routing(
    routes=(
        Route("on-call", "pager", Severity.WARNING),
        Route("lead", "lead", events=()),
        Route("chief", "chief", events=()),
        Route(
            *("late", "late", Severity.WARNING),
            events=tuple(Occasion),
            hold_down_s=90,
            repeat_min=7,
            group_by=(GroupBy.SITE,),
            routes=(Route("later", on_call="core", outside="noon"),),
        ),
    ),
    hours=(Hours("noon", starts="12:00", ends="12:20"),),
    people=(Person("alice", ("alice-mail",)), Person("bob", ("bob-mail",))),
    on_call=(OnCall("core", (Rotation(("alice", "bob"), "2026-11-01", every_days=1, handover="12:40"),)),),
    escalations=(Escalation("gold", (Level(10, "lead"), Level(20, "chief")), Severity.MINOR, (Tier.GOLD,), repeat_min=15),),
)


@cache
def rule_book() -> RuleBook:
    """The rules that come with the package."""
    return load_rules(ROOT / "rules")


@cache
def correlation_rules() -> tuple[CorrelationRule, ...]:
    """The correlation rules that come with the package."""
    return load_rule_set(ROOT / "rules").correlations


@cache
def network() -> Inventory:
    """The small operator beside the timelines."""
    return load_inventory(NETWORK)


def ns_of(text: str) -> int:
    """``04:30`` (minutes, seconds) or ``1:04:30`` after the start, in UTC nanoseconds; decimals of seconds allowed."""
    if text == "month-end":
        return MONTH_END
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return START + round(seconds * 1000) * (SECOND // 1000)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass
class World:
    """One run: the network as it talks, the chain, and everything that came out of it."""

    inventory: Inventory
    context: Context
    state: DomainState
    directory: Directory
    now: int = START
    sequence: int = 0
    incidents: dict[str, Incident] = field(default_factory=dict)
    revisions: list[Incident] = field(default_factory=list)
    outages: dict[str, Outage] = field(default_factory=dict)
    effects: dict[str, EffectKind] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    fed: list[Any] = field(default_factory=list)
    last: list[Event] = field(default_factory=list)
    polled: dict[str, PollState] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)
    restarted: dict[str, int] = field(default_factory=dict)
    asked: dict[str, None] = field(default_factory=dict)
    changes: dict[str, AlarmChange] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    escalated: list[str] = field(default_factory=list)
    planned: dict[str, WindowRow] = field(default_factory=dict)

    @classmethod
    def of(cls, windows: Sequence[MaintenanceWindow] = ()) -> "World":
        inventory = replace(network(), windows=tuple(windows))
        context = Context.of(inventory, rule_book().alarm_types, rules_version=rule_book().version)
        correlating = Correlating.of(correlation_rules(), Relations.of(inventory, context.topology))
        context = replace(context, routing=ROUTING, correlating=correlating)
        return cls(inventory, context, DomainState.from_rows(context), Directory.of(inventory))

    def feed(self, items: Sequence[Any]) -> None:
        self.fed.extend(items)
        self.state, output = advance(self.context, self.state, items)
        self._keep(output)

    def _keep(self, output: Output) -> None:
        for change in output.incidents:
            assert change.previous == self.incidents.get(change.incident.id)
            assert change.incident.revision == (change.previous.revision + 1 if change.previous else 1)
            self.incidents[change.incident.id] = change.incident
            self.revisions.append(change.incident)
            for effect in decide(change.incident, change.previous, ROUTING, self.now):
                self.effects[effect.key] = effect.kind
        for word in output.words:
            for effect in effects_of(word, ROUTING, self.now):
                assert effect.key not in self.effects
                self.effects[effect.key] = effect.kind
                if word.occasion is Occasion.ESCALATED:
                    self.escalated.append(effect.route)
        for escalated in output.escalations:
            assert escalated.incident.escalation <= self.incidents[escalated.incident.id].escalation
        self.answers += output.answers
        self.planned |= {row.window.name: row for row in output.windows}
        for outage in output.outages:
            before = self.outages.get(outage.id)
            assert outage.revision == (before.revision + 1 if before else 1)
            self.outages[outage.id] = outage
        for change in output.alarm_changes:
            self.changes[f"{change.alarm.resource} {change.alarm.alarm_type}"] = change
            if (question := suspect(change)) is not None:
                self.asked[question.device] = None
        self.counts.update({reason.value: count for reason, count in output.counts.items()})

    def until(self, at: int) -> None:
        """Let time pass, in ticks as the stream gives them: close together while anything may be settling."""
        ticks, now = [], self.now
        while now < at:
            now = min(now + (FINE_TICK if now - self.now < FINE_FOR else COARSE_TICK), at)
            ticks.append(Tick(now))
            if now - self.now > 3600 * SECOND:
                ticks.append(Tick(at))
                break
        self.now = at
        self.feed(ticks)

    def trap(self, step: dict[str, Any]) -> None:
        device, _, part = str(step["from"]).partition("/")
        self.sequence += 1
        known = self.inventory.devices.get(device)
        raw = RawTrap(
            collector=step.get("collector", "trap-1"),
            sequence=self.sequence,
            received_at=ns_of(step["at"]) if "at" in step else self.now,
            source=known.address if known else device,
            version=SnmpVersion.V3 if "user" in step else SnmpVersion.V2C,
            trap_oid=TRAPS.get(step["trap"], step["trap"]),
            varbinds=tuple(self._varbinds(step, device, part)),
            authenticated="user" in step and "relaxed" not in step,
            user=step.get("user", ""),
            relaxed_clock="relaxed" in step,
        )
        self.last = list(normalize(raw, rule_book(), self.directory))
        self.feed(self.last)

    def again(self, times: int) -> None:
        """The last trap's events once more, as a replay or a second delivery brings them."""
        for _ in range(times):
            self.feed(self.last)

    def _varbinds(self, step: dict[str, Any], device: str, part: str) -> Iterator[VarBind]:
        if part:
            known = self.inventory.devices.get(device)
            index = next((port.index for port in known.interfaces if port.name == part), 99) if known else 99
            down = 1 if step["trap"] == "linkUp" else 2
            yield VarBind(f"1.3.6.1.2.1.2.2.1.1.{index}", ValueType.INTEGER, index)
            yield VarBind(f"1.3.6.1.2.1.2.2.1.7.{index}", ValueType.INTEGER, 1)
            yield VarBind(f"1.3.6.1.2.1.2.2.1.8.{index}", ValueType.INTEGER, down)
            yield VarBind(f"1.3.6.1.2.1.31.1.1.1.1.{index}", ValueType.OCTET_STRING, part.encode())
        if "peer" in step:
            state = 6 if step["trap"] == "bgpEstablishedNotification" else 1
            yield VarBind(f"{BGP_PEER}.7.{step['peer']}", ValueType.IP_ADDRESS, step["peer"].encode())
            yield VarBind(f"{BGP_PEER}.2.{step['peer']}", ValueType.INTEGER, state)
        if "lsp" in step:
            yield VarBind(f"{LAB}.1.1.0", ValueType.OCTET_STRING, step["lsp"].encode())
        if "service" in step:
            yield VarBind(f"{LAB}.1.2.0", ValueType.OCTET_STRING, step["service"].encode())

    def poll(self, step: dict[str, Any]) -> None:
        names = list(self.inventory.devices) if step["poll"] == "all" else as_list(step["poll"])
        self.peers |= step.get("peers", {})
        self.restarted |= dict.fromkeys(as_list(step.get("restarted", [])), self.now - SECOND)
        silent = set(as_list(step.get("silent", [])))
        for name in names:
            self.sequence += 1
            poll = self._answer(name, set(as_list(step.get("down", []))))
            if name in silent:
                poll = replace(poll, outcome=PollOutcome.TIMEOUT, uptime_ticks=None, tables={})
            poll = replace(poll, on_suspicion=step.get("on_suspicion") == "yes")
            result = fold(self.polled.get(name, PollState()), poll, self.directory, (), MEASURING)
            self.polled[name] = result.state
            assert result.report is not None, "two polls of one device at one time"
            self.feed([result.report])

    def _answer(self, name: str, down: set[str]) -> RawPoll:
        """What a device would answer now: its interfaces, its peers as last said, its uptime."""
        ports = self.inventory.devices[name].interfaces
        peers = {peer.partition("/")[2]: PEER_STATES[state] for peer, state in self.peers.items() if peer.startswith(f"{name}/")}
        uptime = (
            (self.now - self.restarted[name]) * 100 // SECOND if name in self.restarted else DAY_TICKS + (self.now - START) * 100 // SECOND
        )
        return RawPoll(
            collector="poll-1",
            sequence=self.sequence,
            polled_at=self.now,
            device=name,
            outcome=PollOutcome.ANSWERED,
            uptime_ticks=uptime,
            profile=GENERIC_NAME,
            tables={
                INTERFACES: table_of(
                    [port.index for port in ports],
                    if_name=[port.name for port in ports],
                    admin_status=[1] * len(ports),
                    oper_status=[2 if f"{name}/{port.name}" in down else 1 for port in ports],
                ),
                BGP_PEERS: table_of(
                    tuple(peers),
                    peer_admin_status=[admin for admin, _ in peers.values()],
                    peer_state=[state for _, state in peers.values()],
                ),
            },
        )

    def operate(self, step: dict[str, Any]) -> None:
        """Somebody does something; the answer must be as told, ``done`` unless written."""
        if "window" in step:
            kind, target = OperationKind(f"window-{step['window']}"), step["name"]
        else:
            kind, target = OperationKind(step["operator"]), self._target(step["of"])
        self.sequence += 1
        operation = Operation(
            id=step.get("id", f"operation-{self.sequence:04}"),
            kind=kind,
            at=ns_of(step["at"]) if "at" in step else self.now,
            operator=step.get("by", "alice"),
            target=target,
            domain="default",
            text=step.get("text", ""),
            until=ns_of(step["until"]) if "until" in step else 0,
            starts_at=ns_of(step["from"]) if "from" in step else self.now,
            resources=tuple(as_list(step.get("resources", []))),
            via="cli",
        )
        self.feed([operation])
        answer = self.answers[-1]
        assert answer.operation.id == operation.id
        wanted = step.get("answer", "done")
        assert wanted in (answer.outcome.value, answer.reason.value), answer

    def _target(self, name: str) -> str:
        """An incident by its root cause (the latest), an alarm by its resource and type, or the text itself."""
        found = [one.id for one in self.real() if one.root_cause == name]
        change = self.changes.get(name)
        return found[-1] if found else change.alarm.id if change else name

    def run(self, step: dict[str, Any]) -> None:
        if "operator" in step or "window" in step:
            self.operate(step)
        elif "trap" in step:
            self.trap(step)
        elif "again" in step:
            self.again(int(step["again"]))
        elif "poll" in step:
            self.poll(step)
        else:
            self.expect(step["expect"])

    # what must be true

    def expect(self, wanted: dict[str, Any]) -> None:
        for name, value in wanted.items():
            getattr(self, f"expect_{name}")(value)

    def expect_incidents(self, count: str) -> None:
        assert len(self.real()) == int(count), [(one.root_cause, one.state) for one in self.real()]

    def real(self) -> list[Incident]:
        """Incidents that stand for themselves: those absorbed by another do not."""
        return [one for one in self.incidents.values() if not one.reason.startswith("It is one with")]

    def expect_incident(self, wanted: Any) -> None:
        found = self.real()
        assert len(found) == len(as_list(wanted)), [(one.root_cause, one.state, one.reason) for one in found]
        for one in as_list(wanted):
            self._expect_one(next((seen for seen in found if seen.root_cause == one.get("root_cause")), found[0]), one)

    def _expect_one(self, incident: Incident, wanted: dict[str, Any]) -> None:
        shown = {
            "root_cause": incident.root_cause,
            "state": incident.state.value,
            "severity": incident.severity.name.lower(),
            "alarms": str(len(incident.alarms)),
            "planned": incident.planned,
            "flapping": "yes" if incident.flapping else "no",
            "confirmed": "yes" if incident.confirmed_by else "no",
            "revisions": str(incident.revision),
            "resolved_at": text_of(incident.resolved_at),
            "services": {impact.service: impact.state.value for impact in incident.impacts},
            "lost": {impact.service: f"{impact.share:g}" for impact in incident.impacts if 0 < impact.share < 1},
            "reason": incident.reason,
            "acknowledged_by": incident.acknowledged_by,
            "acknowledged_at": text_of(incident.acknowledged_at),
            "comments": [f"{one.operator}: {one.text}" for one in incident.comments],
            "escalation": str(incident.escalation),
            "shelved": incident.shelved,
        }
        for name, value in wanted.items():
            if name == "says":
                said = " ".join((incident.reason, *incident.explanation))
                assert all(part in said for part in as_list(value)), said
            else:
                assert shown[name] == value, (name, shown[name], incident)

    def expect_outages(self, wanted: list[dict[str, str]]) -> None:
        """Exactly these outages, withdrawn ones (of no length) aside; of each what is written."""
        found = [self._shown(one) for one in self.outages.values() if one.ended_at != one.started_at]
        wanted = sorted(wanted or [], key=lambda one: (one["service"], one.get("from", "")))
        found.sort(key=lambda one: (one["service"], one["from"]))
        assert [{name: seen[name] for name in one} for one, seen in zip(wanted, found, strict=False)] == wanted, found
        assert len(found) == len(wanted), found

    @staticmethod
    def _shown(outage: Outage) -> dict[str, str]:
        return {
            "service": outage.service,
            "state": outage.state.value,
            "from": text_of(outage.started_at),
            "until": text_of(outage.ended_at),
            "confirmed": "yes" if outage.confirmed_by else "no",
            "excluded": outage.excluded,
        }

    def expect_standing(self, count: str) -> None:
        standing = [str(row.alarm.key) for row in self.state.alarms.values() if not row.alarm.is_cleared]
        assert len(standing) == int(count), standing

    def expect_tickets(self, count: str) -> None:
        assert self._count(EffectKind.TICKET_OPEN) == int(count), self.effects

    def expect_tickets_resolved(self, count: str) -> None:
        assert self._count(EffectKind.TICKET_RESOLVE) == int(count), self.effects

    def expect_pages(self, count: str) -> None:
        opened = [key for key, kind in self.effects.items() if kind is EffectKind.NOTIFY and key.endswith(":on-call:opened")]
        assert len(opened) == int(count), self.effects

    def expect_escalated(self, wanted: Any) -> None:
        """Exactly these routes were told that nobody had acknowledged, in this order, since this was expected last."""
        assert self.escalated == as_list(wanted), self.escalated
        self.escalated.clear()

    def _count(self, kind: EffectKind) -> int:
        return sum(one is kind for one in self.effects.values())

    def expect_asked(self, wanted: Any) -> None:
        """Exactly these devices were asked back since this was expected last."""
        assert sorted(self.asked) == sorted(as_list(wanted)), self.asked
        self.asked.clear()

    def expect_alarm(self, wanted: Any) -> None:
        """The last change of an alarm, named by its resource and type."""
        for one in as_list(wanted):
            change = self.changes.get(f"{one['resource']} {one['alarm_type']}")
            assert change is not None, (one, list(self.changes))
            alarm = change.alarm
            shown = {
                "resource": alarm.resource,
                "alarm_type": alarm.alarm_type,
                "qualifier": alarm.qualifier,
                "state": "cleared" if alarm.is_cleared else "standing",
                "raised_by": alarm.raised_by.value,
                "cleared_by": alarm.cleared_by.value if alarm.cleared_by else "",
                "confirmed": "yes" if alarm.confirmed_at else "no",
                "occurrences": str(alarm.occurrences),
                "reason": change.reason.value,
                "operator_state": alarm.operator_state.value,
                "shelved_reason": alarm.shelved_reason,
            }
            assert {name: shown[name] for name in one} == one, shown

    def expect_counts(self, wanted: dict[str, str]) -> None:
        assert {name: str(self.counts[name]) for name in wanted} == wanted, self.counts

    def expect_credits(self, wanted: list[dict[str, str]]) -> None:
        """The credits that settling the month proposes now: customer and amount."""
        found = []
        known = replace(self.inventory, windows=announced(self.inventory.windows, self.planned))
        for terms in terms_of(known, {PLAN.name: PLAN}).values():
            own = [outage for outage in self.outages.values() if outage.contract == terms.contract.name]
            settled = settle(record(ContractState(terms.contract.name), own), terms, self.now, self.now)
            found += [{"customer": terms.customer.name, "amount": money_text(one.body["amount_minor"], "EUR")} for one in settled.effects]
        assert sorted(found, key=str) == sorted(wanted or [], key=str)


def text_of(at: int) -> str:
    """A time as the timelines write it, empty for none."""
    if not at:
        return ""
    minutes, rest = divmod((at - START) / SECOND, 60)
    return (
        f"{int(minutes):02}:{rest:06.3f}".removesuffix(".000").rstrip("0").removesuffix(".")
        if rest % 1
        else f"{int(minutes):02}:{int(rest):02}"
    )


def read(path: Path) -> dict[str, Any]:
    """A timeline file; every scalar is text, so that 10:00 is a time and not YAML's number to the base of sixty."""
    document = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    assert set(document) <= {"story", "windows", "at"}, f"{path}: unknown keys"
    return document


def windows_of(document: dict[str, Any]) -> list[MaintenanceWindow]:
    return [
        MaintenanceWindow(one["name"], tuple(one["resources"]), ns_of(one["from"]), ns_of(one["until"]), START, one.get("reason", ""))
        for one in document.get("windows", ())
    ]


def play(path: Path) -> World:
    """Run a timeline to its end; an expectation that does not hold fails with what was found."""
    document = read(path)
    world = World.of(windows_of(document))
    for moment, steps in document["at"].items():
        world.until(ns_of(moment))
        for step in as_list(steps):
            try:
                world.run(step)
            except AssertionError as error:
                raise AssertionError(f"{path.name} at {moment}: {step}\n{error}") from error
    return world
