"""What a broker can be told, checked before anything is opened."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LOOPBACK_ONLY = (
    "the embedded broker has no authentication and listens on loopback only, not on {host!r}; "
    "use 127.0.0.1, or point the pipeline at Apache Kafka to serve other machines"
)


@dataclass(frozen=True)
class BrokerConfig:
    """Settings of one embedded broker; names and defaults follow Apache Kafka where Kafka has the setting.

    Attributes:
        data: Folder that holds the log; made when missing. One broker at a time may have it open.
        host: A loopback address.
        port: TCP port; 0 lets the system choose one.
        sync: `normal` survives the death of the process, `full` also survives the loss of power (one fsync per group of writes).
        partitions: Partitions of a topic that is created by being used (`num.partitions`).
        max_frame_bytes: Largest request accepted; a larger one closes the connection (`socket.request.max.bytes`).
        max_batch_bytes: Largest record batch accepted, unless a topic says otherwise (`message.max.bytes`).
        retention_ms: Age at which records go, unless a topic says otherwise (`log.retention.ms`); -1 keeps them.
        max_bytes: Upper bound of the log's file, beyond which a produce is answered as if the disk were full; None for none.
        rebalance_delay_ms: How long the first member of a group waits for others (`group.initial.rebalance.delay.ms`).
        min_session_ms: Shortest session time-out that a member may ask for (`group.min.session.timeout.ms`).
        max_session_ms: Longest one (`group.max.session.timeout.ms`).
        housekeeping_ms: Pause between two rounds of compaction, retention and checkpoint.
        compact_after_records: Records that a partition must gain before it is compacted again.

    Raises:
        ValueError: The host is not a loopback address, or a number is out of its range.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 9092
    sync: Literal["normal", "full"] = "normal"
    partitions: int = 4
    max_frame_bytes: int = 64 * 1024 * 1024
    max_batch_bytes: int = 1_048_588
    retention_ms: int = 7 * 24 * 3600 * 1000
    max_bytes: int | None = None
    rebalance_delay_ms: int = 200
    min_session_ms: int = 6_000
    max_session_ms: int = 1_800_000
    housekeeping_ms: int = 1_000
    compact_after_records: int = 10_000

    def __post_init__(self) -> None:
        if not _is_loopback(self.host):
            raise ValueError(LOOPBACK_ONLY.format(host=self.host))
        if not 0 <= self.port <= 65535:  # noqa: PLR2004 - the range of a TCP port
            raise ValueError(f"port {self.port} is not in 0..65535")
        if self.partitions < 1:
            raise ValueError(f"partitions must be at least 1, not {self.partitions}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
