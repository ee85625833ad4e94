"""The settings file: read, checked, and written anew for ``assure init``."""

import ipaddress
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.config.billing_check import check_billing
from pipeline.config.decode import Decoder
from pipeline.config.output_settings import LONGEST_ACTION_S, ActionSettings
from pipeline.config.problem import Path_, Problem, Problems
from pipeline.config.receiver_check import receiver_problems
from pipeline.config.receiver_settings import ReceiverKind
from pipeline.config.settings import (
    MAX_POLL_PROCESSES,
    MAX_RARE,
    MAX_TRAP_PROCESSES,
    ApiRole,
    ApiTokenSettings,
    DetectorSettings,
    Settings,
    TrapSettings,
)
from pipeline.config.snmp_user_check import user_problems
from pipeline.config.source_check import source_problems
from pipeline.config.ticket_check import ticket_problems
from pipeline.config.yaml_source import Fields, Items, Node, read_yaml

_log = logging.getLogger(__name__)
_MAX_PORT = 65_535
_LONGEST_NAME = 100
_SHORTEST_TOKEN = 16


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; relative paths in it start at its folder. Warnings are logged.

    Raises:
        ConfigError: with every problem of the file.
    """
    settings, warnings = read_settings(path, os.environ if environ is None else environ)
    for warning in warnings:
        _log.warning("%s", warning)
    return settings


def read_settings(path: Path, environ: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings and their warnings. Raises ``ConfigError`` with every problem."""
    problems = Problems()
    node = read_yaml(path)
    decoder = Decoder(str(path), path.resolve().parent, problems, environ)
    settings = decoder.read(node, Settings)
    if settings is not None:
        _check(decoder, node, settings)
    problems.raise_if_any()
    assert settings is not None
    return settings, problems.warnings


def _check(decoder: Decoder, node: Node, settings: Settings) -> None:
    """Tell of values that have the right type and still cannot be meant."""

    def require(*path: str | int, ok: bool, message: str, remedy: str) -> None:
        if not ok:
            decoder.tell(line_at(node, path), path, message, remedy)

    _check_traps(settings.traps, require)
    _check_detectors(settings.detectors, require)
    for own in source_problems(settings.inventory, settings.traps.users):
        place = ("inventory", *own.path)
        decoder.tell(line_at(node, place), place, own.message, own.remedy, own.level)
    for problem in user_problems(settings.traps.users):
        path = ("traps", "users", *problem.path)
        decoder.tell(line_at(node, path), path, problem.message, problem.remedy, problem.level)
    pollers = settings.polls.processes
    message, remedy = (
        f"{pollers} processes",
        f"write 1 to {MAX_POLL_PROCESSES}, and no more than broker.partitions: they share the devices by these",
    )
    require("polls", "processes", ok=0 < pollers <= MAX_POLL_PROCESSES, message=message, remedy=remedy)
    message, remedy = f"'{settings.api.listen}' is not an address and a port", "write it as 127.0.0.1:18642"
    require("api", "listen", ok=is_host_port(settings.api.listen), message=message, remedy=remedy)
    for numbers_path, value in _positive(settings).items():
        require(*numbers_path, ok=value > 0, message=f"{value} is not more than nothing", remedy="write a positive number")
    for section, days in (("traps", settings.traps.journal_days), ("polls", settings.polls.journal_days)):
        require(section, "journal_days", ok=days >= 0, message=f"{days:g} is less than nothing", remedy="write days, or 0 for no bound")
    for path, port in _ports(settings).items():
        require(*path, ok=0 < port <= _MAX_PORT, message=f"{port} is not a port", remedy=f"write 1 to {_MAX_PORT}")
    _check_tokens(settings.api.tokens, require)
    guarded = bool(settings.api.token) or all(token.role is not ApiRole.CUSTOMER for token in settings.api.tokens)
    message = "customers have tokens, and without this one whoever sends no token reads everything"
    require("api", "token", ok=guarded, message=message, remedy="set it, as in token: file:secrets/api")
    _check_outputs(settings, require)


def _check_outputs(settings: Settings, require: Callable[..., None]) -> None:
    for below, message, remedy in ticket_problems(settings.tickets):
        require("tickets", *below, ok=False, message=message, remedy=remedy)
    _check_actions(settings.remedies.actions, require)
    mails = [one.name for one in settings.receivers if one.kind is ReceiverKind.EMAIL]
    message, remedy = f"'{settings.messages.mail}' is no receiver of kind email", f"name one of: {', '.join(mails) or 'none yet'}"
    require("messages", "mail", ok=not settings.messages.mail or settings.messages.mail in mails, message=message, remedy=remedy)
    check_billing(settings.billing, require)
    names = [webhook.name for webhook in settings.webhooks]
    for wrong in receiver_problems(settings.receivers, names):
        require("receivers", *wrong.path, ok=False, message=wrong.message, remedy=wrong.remedy)
    for position, name in enumerate(names):
        require("webhooks", position, "name", ok=names.index(name) == position, message=f"'{name}' stands twice", remedy="rename one")


def _check_actions(actions: Sequence[ActionSettings], require: Callable[..., None]) -> None:
    names = [action.name for action in actions]
    for position, action in enumerate(actions):
        at = ("remedies", "actions", position)
        require(*at, "name", ok=names.index(action.name) == position, message=f"'{action.name}' stands twice", remedy="rename one")
        message, remedy = "an action is either a POST or a program", "write url and secret, or argv"
        require(*at, "url", ok=bool(action.url) != bool(action.argv), message=message, remedy=remedy)
        fits = 0 < action.timeout_s <= LONGEST_ACTION_S
        message, remedy = f"{action.timeout_s:g} s are not to be had", f"write seconds up to {LONGEST_ACTION_S:g}; let it end by itself"
        require(*at, "timeout_s", ok=fits, message=message, remedy=remedy)
        message, remedy = f"{action.argv[0] if action.argv else ''} is no whole path", "write the program's whole path"
        require(*at, "argv", ok=not action.argv or action.argv[0].startswith("/"), message=message, remedy=remedy)


def _check_tokens(tokens: Sequence[ApiTokenSettings], require: Callable[..., None]) -> None:
    names = [token.name for token in tokens]
    secrets = [token.secret for token in tokens]
    for position, token in enumerate(tokens):
        at = ("api", "tokens", position)
        printable = 0 < len(token.name) <= _LONGEST_NAME and token.name.isprintable()
        require(*at, "name", ok=printable, message=f"'{token.name}' is no name", remedy="write up to 100 printable characters")
        require(*at, "name", ok=names.index(token.name) == position, message=f"'{token.name}' stands twice", remedy="rename one")
        long_enough = len(token.secret.reveal()) >= _SHORTEST_TOKEN
        message, remedy = "the token is too short to be a secret", f"make one of {_SHORTEST_TOKEN} characters or more: openssl rand -hex 24"
        require(*at, "secret", ok=long_enough, message=message, remedy=remedy)
        is_customers = token.role is ApiRole.CUSTOMER
        message, remedy = "a customer's token must say whose", "add customer: the name that the inventory has for it"
        require(*at, "role", ok=not is_customers or bool(token.customer), message=message, remedy=remedy)
        message = f"the role {token.role.value} sees every customer"
        require(*at, "customer", ok=is_customers or not token.customer, message=message, remedy="write role: customer, or leave it out")
        message, remedy = "another caller has the same token", "give each a token of its own"
        require(*at, "secret", ok=secrets.index(token.secret) == position, message=message, remedy=remedy)


def _check_detectors(own: DetectorSettings, require: Callable[..., None]) -> None:
    for key, most in (("rare", MAX_RARE), ("forecast_threshold", 1.0)):
        value = getattr(own, key)
        message, remedy = f"{value:g} is no such share", f"write a number above 0 and up to {most:g}"
        require("detectors", key, ok=0 < value <= most, message=message, remedy=remedy)
    for key in ("train_every_hours", "forecast_every_hours"):
        hours = getattr(own, key)
        require("detectors", key, ok=hours >= 0, message=f"{hours:g} is less than nothing", remedy="write hours, or 0 for never")


def _check_traps(traps: TrapSettings, require: Callable[..., None]) -> None:
    for position, cidr in enumerate(traps.allow):
        require("traps", "allow", position, ok=_is_network(cidr), message=f"'{cidr}' is not a network", remedy="write it as 192.0.2.0/24")
    for position, address in enumerate(traps.forwarders):
        remedy = "write it as 192.0.2.7 or 192.0.2.0/24"
        require("traps", "forwarders", position, ok=_is_network(address), message=f"'{address}' is not an address", remedy=remedy)
    for position, listen in enumerate(traps.listen):
        message, remedy = f"'{listen}' is not an address and a port", "write it as 127.0.0.1:16200 or [::1]:16200"
        require("traps", "listen", position, ok=is_host_port(listen), message=message, remedy=remedy)
    rearm = traps.guard.rearm
    message, remedy = f"{rearm} is not a part of the limit", "write a number above 0 and up to 1"
    require("traps", "guard", "rearm", ok=0 < rearm <= 1, message=message, remedy=remedy)
    message, remedy = (
        f"{traps.processes} processes",
        f"write 1 to {MAX_TRAP_PROCESSES}; more than the machine has cores gain nothing",
    )
    require("traps", "processes", ok=0 < traps.processes <= MAX_TRAP_PROCESSES, message=message, remedy=remedy)


def _positive(settings: Settings) -> dict[tuple[str, ...], float]:
    sections: dict[str, tuple[str, ...]] = {"broker": ("partitions", "replication")}
    sections["history"] = ("memory_bytes", "flush_ms", "kpi_days", "kpi_1m_days", "kpi_1h_days")
    sections["traps"] = ("receive_buffer_bytes", "batch_ms", "segment_bytes", "journal_bytes")
    sections["polls"] = (
        "interval_s",
        "timeout_s",
        "in_flight",
        "requests_per_s",
        "silent_polls",
        "pings",
        "segment_bytes",
        "journal_bytes",
    )
    sections["detectors"] = ("score_every_s", "odd_samples", "normal_samples", "train_days", "least_days")
    sections["correlation"] = ("settle_s", "settle_cap_s", "flap_changes", "flap_window_s")
    values: dict[tuple[str, ...], float] = {
        (section, key): getattr(getattr(settings, section), key) for section, keys in sections.items() for key in keys
    }
    guard = ("source_per_s", "source_burst", "object_per_s", "object_burst", "overall_per_s", "rearm_s", "compact_s", "held_max")
    return values | {("traps", "guard", key): getattr(settings.traps.guard, key) for key in guard}


def _ports(settings: Settings) -> dict[tuple[str, ...], int]:
    history = settings.history
    return {("metrics_port",): settings.metrics_port, ("history", "port"): history.port, ("history", "native_port"): history.native_port}


def _holds(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    return _holds(ipaddress.ip_network, text)


def is_host_port(text: str) -> bool:
    """Whether text names an address (IPv6 in brackets) or ``localhost``, and a port from 0 to 65535."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        return False
    if host.startswith("[") and host.endswith("]"):
        return _holds(ipaddress.IPv6Address, host[1:-1])
    return host == "localhost" or _holds(ipaddress.IPv4Address, host)


def line_at(node: Node, path: Path_) -> int:
    """The line of the deepest part of ``path`` that the file has."""
    line = node.line
    for part in path:
        if isinstance(node, Fields) and isinstance(part, str) and part in node.fields:
            line, node = node.lines[part], node.fields[part]
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            line = node.line
        else:
            break
    return line
