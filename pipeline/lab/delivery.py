"""Whether a notification leaves its device and arrives: one that nobody can hear is lost, one that a command lets get lost too."""

from dataclasses import replace
from enum import StrEnum

from pipeline.lab.network import NetworkState
from pipeline.lab.notification import Notification


class Fate(StrEnum):
    """What became of a notification."""

    SENT = "sent"
    UNREACHABLE = "unreachable"
    DROPPED = "dropped"


def admit(state: NetworkState, notification: Notification) -> tuple[NetworkState, Fate]:
    """Decide a notification's fate when it is due; a loss that was asked for is counted down, one that nobody would have heard is not."""
    if notification.device in state.condition.unreachable:
        return state, Fate.UNREACHABLE
    muted = state.muted.get(notification.device, 0)
    if muted:
        return replace(state, muted={**state.muted, notification.device: muted - 1}), Fate.DROPPED
    key = (notification.resource, notification.clears)
    left = state.losses.get(key, 0)
    if not left:
        return state, Fate.SENT
    return replace(state, losses={**state.losses, key: left - 1}), Fate.DROPPED
