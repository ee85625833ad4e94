"""Topic names and settings: what is valid, what is the default, what the broker acts on."""

import re
from dataclasses import dataclass

from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.errors import Error, RefusedError
from pipeline.embedded.broker.storage import Topic

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")

_KAFKA_DEFAULTS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
    "flush.messages": "9223372036854775807",
    "flush.ms": "9223372036854775807",
    "index.interval.bytes": "4096",
    "max.compaction.lag.ms": "9223372036854775807",
    "max.message.bytes": "1048588",
    "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "preallocate": "false",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.index.bytes": "10485760",
    "segment.jitter.ms": "0",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
}
"""Settings of a Kafka topic that may be given; this broker acts on those that `Settings` has and stores the others."""


@dataclass(frozen=True)
class Settings:
    """The settings of a topic that the broker acts on; times in milliseconds, -1 means without bound."""

    compact: bool
    delete: bool
    retention_ms: int
    retention_bytes: int
    delete_retention_ms: int
    max_batch_bytes: int


def check_name(name: str) -> None:
    """Refuse what Kafka refuses.

    Raises:
        RefusedError: INVALID_TOPIC_EXCEPTION.
    """
    if not _NAME.fullmatch(name) or name in {".", ".."}:
        raise RefusedError(Error.INVALID_TOPIC_EXCEPTION, f"{name!r} is not a topic name: 1 to 249 of A-Z a-z 0-9 . _ -")


def check_config(given: dict[str, str], config: BrokerConfig) -> None:
    """Refuse unknown settings and values of the wrong kind.

    Raises:
        RefusedError: INVALID_CONFIG.
    """
    unknown = sorted(set(given) - set(_KAFKA_DEFAULTS))
    if unknown:
        raise RefusedError(Error.INVALID_CONFIG, f"unknown topic settings: {', '.join(unknown)}")
    try:
        settings_of(Topic(0, "", 1, given), config)
    except ValueError as error:
        raise RefusedError(Error.INVALID_CONFIG, str(error)) from error
    policies = given.get("cleanup.policy", "delete").split(",")
    if not {p.strip() for p in policies} <= {"compact", "delete"}:
        raise RefusedError(Error.INVALID_CONFIG, f"cleanup.policy is compact, delete or both, not {','.join(policies)}")
    if given.get("message.timestamp.type", "CreateTime") != "CreateTime":
        raise RefusedError(Error.INVALID_CONFIG, "message.timestamp.type: only CreateTime is offered")


def full_config(topic: Topic, config: BrokerConfig) -> dict[str, tuple[str, bool]]:
    """Return every setting with its value and whether it was given when the topic was created."""
    defaults = _KAFKA_DEFAULTS | {
        "retention.ms": str(config.retention_ms), "max.message.bytes": str(config.max_batch_bytes)
    }  # fmt: skip
    return {name: (topic.config.get(name, value), name in topic.config) for name, value in defaults.items()}


def settings_of(topic: Topic, config: BrokerConfig) -> Settings:
    """Return what the broker acts on.

    Raises:
        ValueError: A number does not read as one.
    """
    values = {name: value for name, (value, _) in full_config(topic, config).items()}
    policies = {p.strip() for p in values["cleanup.policy"].split(",")}
    return Settings(
        "compact" in policies, "delete" in policies, int(values["retention.ms"]), int(values["retention.bytes"]),
        int(values["delete.retention.ms"]), int(values["max.message.bytes"]),
    )  # fmt: skip
