"""A small, durable Kafka-protocol broker on SQLite: one process, one machine, loopback only."""

from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.lock import AlreadyOpenError
from pipeline.embedded.broker.server import Broker

__all__ = ["AlreadyOpenError", "Broker", "BrokerConfig"]
