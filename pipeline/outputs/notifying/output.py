"""Carries ``notify`` effects to the receiver that each names: one of the settings' receivers, or a signed webhook."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.core.effect import Effect
from pipeline.outputs.address import AddressRefusedError
from pipeline.outputs.notifying.alertmanager import Alertmanager
from pipeline.outputs.notifying.email import Email
from pipeline.outputs.notifying.notice import Notice, Notifier
from pipeline.outputs.notifying.pagerduty import PagerDuty
from pipeline.outputs.notifying.slack import Slack
from pipeline.outputs.ports import Delivery, Output, Poison, Refused, StandingPort
from pipeline.outputs.webhook import Sessions


def notifiers(
    receivers: Iterable[ReceiverSettings], sessions: Sessions, store: StandingPort, clock: Callable[[], int] = time.time_ns
) -> dict[str, Notifier]:
    """What tells each of the receivers, by their names."""
    made: dict[str, Callable[[ReceiverSettings, Any], Notifier]] = {
        ReceiverKind.PAGERDUTY: lambda own, session: PagerDuty(own, session, clock),
        ReceiverKind.ALERTMANAGER: lambda own, session: Alertmanager(own, session, store, clock),
        ReceiverKind.SLACK: lambda own, session: Slack(own, session, clock),
        ReceiverKind.EMAIL: lambda own, _: Email(own),
    }
    return {own.name: made[own.kind](own, sessions.private if own.allow_private else sessions.public) for own in receivers}


class NotifyOutput:
    """Delivers by name; ``console`` is how people reach the console, for links (empty: no links)."""

    def __init__(self, receivers: Mapping[str, Notifier], webhooks: Output, console: str = "") -> None:
        self._receivers = receivers
        self._webhooks = webhooks
        self._console = console

    async def deliver(self, effect: Effect) -> Delivery:
        """Tell the receiver that the effect names; what is none of ours goes to the webhooks."""
        notifier = self._receivers.get(str(effect.body.get("receiver", "")))
        if notifier is None:
            return await self._webhooks.deliver(effect)
        try:
            return await notifier.send(Notice.of(effect, self._console))
        except msgspec.ValidationError as error:
            return Poison(str(error))
        except AddressRefusedError as error:
            return Refused(f"receiver '{effect.body['receiver']}': {error}")
