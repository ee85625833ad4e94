"""What must hold of the receivers in the settings, beyond the types of their values."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from yarl import URL

from pipeline.config.address import AddressRefusedError, check_url
from pipeline.config.problem import Path_
from pipeline.config.receiver_settings import PAGERDUTY_URL, ReceiverKind, ReceiverSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")


class ReceiverProblem(NamedTuple):
    """One problem; ``path`` begins below ``receivers``."""

    path: Path_
    message: str
    remedy: str


def receiver_problems(receivers: Sequence[ReceiverSettings], webhooks: Collection[str]) -> Iterator[ReceiverProblem]:
    """Every problem of the receivers; ``webhooks`` are the names that are taken. No message holds a secret."""
    names = [each.name for each in receivers]
    for place, each in enumerate(receivers):
        if names.index(each.name) != place or each.name in webhooks:
            yield ReceiverProblem((place, "name"), f"'{each.name}' stands twice", "rename one; webhooks and receivers share their names")
        if not _NAME.fullmatch(each.name):
            yield ReceiverProblem((place, "name"), f"'{each.name}' is no name", "use up to 40 letters, digits and . _ -")
        for problem in _CHECKS[each.kind](each):
            yield problem._replace(path=(place, *problem.path))


def _pagerduty(each: ReceiverSettings) -> Iterator[ReceiverProblem]:
    if not each.secret:
        yield ReceiverProblem((), f"'{each.name}' has no secret", "add secret: the integration key of a PagerDuty service")
    yield from _url(each, each.url or PAGERDUTY_URL)


def _alertmanager(each: ReceiverSettings) -> Iterator[ReceiverProblem]:
    yield from _url(each, each.url)


def _slack(each: ReceiverSettings) -> Iterator[ReceiverProblem]:
    if each.url or not each.secret:
        yield ReceiverProblem(("url",), "a Slack webhook's URL is a secret", "write it as secret: file:secrets/slack, and no url")
        return
    try:
        check_url(each.secret.reveal(), allow_private=each.allow_private)
    except (AddressRefusedError, ValueError):
        yield ReceiverProblem(("secret",), "it is no URL that may be called", "it is https://hooks.slack.com/services/…")


def _email(each: ReceiverSettings) -> Iterator[ReceiverProblem]:
    try:
        url = URL(each.url)
    except ValueError:
        url = URL()
    if url.scheme not in {"smtp", "smtps"} or not url.host or url.user:
        yield ReceiverProblem(("url",), "a mail server is wanted", "write it as smtps://mail.example.net, or smtp://mail.example.net:587")
    if not _ADDRESS.fullmatch(each.sender):
        yield ReceiverProblem(("sender",), f"'{each.sender}' is no mail address", "write sender: noc@example.net")
    for place, address in enumerate(each.to):
        if not _ADDRESS.fullmatch(address):
            yield ReceiverProblem(("to", place), f"'{address}' is no mail address", "write it as oncall@example.net")
    if not each.to:
        yield ReceiverProblem(("to",), "nobody is written to", "write to: [oncall@example.net]")


def _url(each: ReceiverSettings, url: str) -> Iterator[ReceiverProblem]:
    try:
        check_url(url, allow_private=each.allow_private)
    except (AddressRefusedError, ValueError) as error:
        yield ReceiverProblem(("url",), f"'{each.name}' cannot be told", str(error))


_CHECKS = {
    ReceiverKind.PAGERDUTY: _pagerduty,
    ReceiverKind.ALERTMANAGER: _alertmanager,
    ReceiverKind.SLACK: _slack,
    ReceiverKind.EMAIL: _email,
}
