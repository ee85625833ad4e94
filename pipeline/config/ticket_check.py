"""What the settings of the ticket system must fit: values of the right type that still cannot be meant."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.config.output_settings import TicketSettings, TicketSystemName
from pipeline.config.problem import Path_, did_you_mean
from pipeline.core.event import Severity

_SEVERITIES = [severity.name.lower() for severity in Severity]
_LONGEST_TIMEOUT_S = 45.0
"""A try to deliver an effect takes up to a minute, and may be several calls."""

Found = tuple[Path_, str, str]
"""Where below ``tickets``, what is wrong, what to do."""


def ticket_problems(own: TicketSettings) -> Iterator[Found]:
    """Every problem of the ticket system's settings."""
    yield from _of_system(own)
    yield from _of_numbers(own)
    for name in own.severities:
        if name not in _SEVERITIES:
            yield ("severities", name), f"'{name}' is not a severity", did_you_mean(name, _SEVERITIES)


def _of_system(own: TicketSettings) -> Iterator[Found]:
    if own.built_in and own.system is not TicketSystemName.TMF621:
        yield ("built_in",), f"the built-in ticket book is no {own.system.value}", "write built_in: false, and the system's url"
    if urlsplit(own.url).scheme not in {"http", "https"} or not urlsplit(own.url).hostname:
        yield ("url",), f"'{own.url}' is no address of a ticket system", "write it as https://tickets.example.net"
    if own.user and not own.secret:
        yield ("secret",), "a user without a password or token", "add secret: file:secrets/tickets"
    if own.system is TicketSystemName.ROUNDUP and not own.user:
        yield ("user",), "Roundup wants a user, who is the author of messages", "add user: and secret:"
    if own.system is TicketSystemName.JIRA and not own.project:
        yield ("project",), "Jira wants a project's key", "add project: NET"
    if own.system is TicketSystemName.ZAMMAD and not own.user and not {"customer", "customer_id"} & own.fields.keys():
        yield ("fields",), "Zammad wants a customer for each ticket", "add user:, or fields: {customer: noc@example.net}"


def _of_numbers(own: TicketSettings) -> Iterator[Found]:
    if own.reopen_hours < 0:
        yield ("reopen_hours",), f"{own.reopen_hours:g} is less than nothing", "write hours, or 0 for a new ticket each time"
    if own.poll_s < 0:
        yield ("poll_s",), f"{own.poll_s:g} is less than nothing", "write seconds, or 0 for never"
    if not 0 < own.timeout_s <= _LONGEST_TIMEOUT_S:
        yield ("timeout_s",), f"{own.timeout_s:g} is no time to wait for an answer", f"write seconds, up to {_LONGEST_TIMEOUT_S:g}"
