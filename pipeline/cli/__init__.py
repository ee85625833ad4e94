"""`assure ...`: the command line. Each command is one small file; a process imports only the parts of the command that it runs."""

import importlib
from typing import ClassVar

import click

from pipeline import __version__
from pipeline.cli.group import Group


class LazyGroup(Group):
    """Commands are imported when they are named, so that ``assure --help`` and a child process start fast."""

    COMMANDS: ClassVar[dict[str, tuple[str, str]]] = {
        "demo": ("pipeline.cli.demo:demo", "a simulated operator: cut a fibre, see the incident, ticket and credit"),
        "init": ("pipeline.cli.up:init", "write a commented starting configuration for your own network"),
        "up": ("pipeline.cli.up:up", "run the whole chain for your own network"),
        "check": ("pipeline.cli.check:check", "validate settings, inventory and rules, and run the rules' own tests"),
        "alarms": ("pipeline.cli.show:alarms", "alarms that stand now"),
        "incidents": ("pipeline.cli.show:incidents", "incidents: one cause each, with its alarms and services"),
        "ack": ("pipeline.cli.operations:ack", "acknowledge an incident: you have taken charge of it"),
        "unack": ("pipeline.cli.operations:unack", "take an acknowledgement back"),
        "comment": ("pipeline.cli.operations:comment", "remark on an incident"),
        "close": ("pipeline.cli.operations:close", "clear by hand what nothing clears"),
        "shelve": ("pipeline.cli.operations:shelve", "hide an alarm until a time, with a reason"),
        "unshelve": ("pipeline.cli.operations:unshelve", "take an alarm off its shelf"),
        "windows": ("pipeline.cli.windows:windows", "planned work: list, add, extend, end, cancel"),
        "audit": ("pipeline.cli.operations:audit", "who did what, and what became of it"),
        "explain": ("pipeline.cli.explain:explain", "why: from a credit, outage or incident back to the datagrams"),
        "anomalies": ("pipeline.cli.anomalies:anomalies", "what is unlike itself, why, and the models that judge elements"),
        "correlations": ("pipeline.cli.correlations:correlations", "which alarms follow which by the history, proposed as rules"),
        "forecast": ("pipeline.cli.forecast:forecast", "when each link will be full, for links and customers"),
        "kpis": ("pipeline.cli.kpis:kpis", "indicators of a resource, plotted"),
        "tickets": ("pipeline.cli.show:tickets", "trouble tickets and the incidents they belong to"),
        "sla": ("pipeline.cli.sla:sla", "availability against what was agreed; settle a month"),
        "credits": ("pipeline.cli.credits:credits_", "the ledger of SLA credits; verify its chain"),
        "remedies": ("pipeline.cli.remedies:remedies", "what is proposed to be done about incidents; approve or refuse"),
        "messages": ("pipeline.cli.messages:messages", "what customers are told of incidents, or would be, in which words"),
        "effects": ("pipeline.cli.effects:effects", "what is still to be sent, and what was given up; try it again"),
        "route": ("pipeline.cli.route:route", "who would be told of an incident, and why"),
        "oncall": ("pipeline.cli.route:oncall", "who is on call now, and who next"),
        "webhooks": ("pipeline.cli.effects:webhooks", "receivers of notifications; switch one on again"),
        "discover": ("pipeline.cli.discover:discover", "ask a network what is there; compare it with the inventory"),
        "topology": ("pipeline.cli.topology:topology", "what depends on what; the impact of a failure"),
        "rules": ("pipeline.cli.rules:rules", "the rules that are used; draft new ones, or import others'"),
        "mibs": ("pipeline.cli.mibs:mibs", "compile MIBs; look up a name or OID"),
        "doctor": ("pipeline.cli.doctor:doctor", "is anything lost? the sums that must hold, and each part's health"),
        "lab": ("pipeline.cli.lab:lab", "the simulated operator: run it, cut a fibre, mend it"),
        "journal": ("pipeline.cli.journal:journal", "what the collectors heard: list, show, replay by new rules"),
        "replay": ("pipeline.cli.replay:replay", "the past by other rules or another topology: what would have been other"),
        "topic": ("pipeline.cli.topic:topic", "read a topic as JSON lines"),
        "run": ("pipeline.cli.run:run", "run one part (what `assure up` and docker compose start)"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click gives it
        """In the order in which people meet them."""
        return list(self.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click gives it
        """Import the command's module now."""
        if cmd_name not in self.COMMANDS:
            return None
        module, _, attribute = self.COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click gives it
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self.COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="assure")
def assure() -> None:
    """Streaming service assurance for operators.

    SNMP traps and polls go in; one explained incident per fault, an open ticket, a correct SLA credit and a queryable history come out.

    \b
    First steps:
      assure demo                 see it work on a simulated operator
      assure init mynet           write a configuration for your own network
      assure check -c mynet/assure.yaml
      assure up -c mynet/assure.yaml

    \b
    Exit codes: 0 fine; 1 a problem was found; 2 wrong usage or configuration,
                or a port in use; 3 nothing by that name (for discover: the
                network differs from the inventory); 4 a part does not
                answer; 130 Ctrl-C.
    """
