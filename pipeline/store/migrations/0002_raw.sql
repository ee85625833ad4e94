-- What the network said. (collector, sequence) is a datagram's identity: rows that repeat it are one notification.
CREATE TABLE IF NOT EXISTS trap (
    collector LowCardinality(String) COMMENT 'the trap collector whose journal holds the datagram',
    sequence UInt64 COMMENT 'its place in that journal' CODEC(Delta, ZSTD(1)),
    received_at DateTime64(9, 'UTC') COMMENT 'when the datagram arrived' CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'address that sent it',
    version LowCardinality(String) COMMENT 'v1, v2c or v3',
    trap_oid LowCardinality(String) COMMENT 'snmpTrapOID.0, dotted; v1 mapped as RFC 3584 says',
    uptime_ticks Nullable(UInt32) COMMENT 'sysUpTime.0, hundredths of a second' CODEC(ZSTD(1)),
    authenticated Bool COMMENT 'true for v3 with authentication only',
    inform Bool COMMENT 'true for an INFORM, which is answered',
    agent_address LowCardinality(String) COMMENT 'v1 agent-addr, empty otherwise',
    `varbinds.oid` Array(String) COMMENT 'variable names, dotted' CODEC(ZSTD(1)),
    `varbinds.type` Array(LowCardinality(String)) COMMENT 'SMI type of each value' CODEC(ZSTD(1)),
    `varbinds.value` Array(String) COMMENT 'values as text; bytes that are no printable UTF-8 are escaped with backslashes' CODEC(ZSTD(3)),
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1,
    INDEX by_source source TYPE set(256) GRANULARITY 4
) ENGINE = ReplacingMergeTree ORDER BY (collector, sequence)
PARTITION BY toYYYYMMDD(received_at)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'every notification as it was received, before any rule';

CREATE TABLE IF NOT EXISTS poll (
    device LowCardinality(String) COMMENT 'device that was asked',
    polled_at DateTime64(9, 'UTC') COMMENT 'when' CODEC(Delta, ZSTD(1)),
    collector LowCardinality(String) COMMENT 'the poll collector',
    sequence UInt64 COMMENT 'its place in that collector''s journal' CODEC(Delta, ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'answered, timeout or malformed: a poll without answer is kept too',
    uptime_ticks Nullable(UInt32) COMMENT 'sysUpTime.0, hundredths of a second' CODEC(ZSTD(1)),
    interfaces UInt32 COMMENT 'how many interfaces the answer covers',
    round_trip_ms Float64 COMMENT 'from question to complete answer, milliseconds' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree ORDER BY (device, polled_at, collector, sequence)
PARTITION BY toYYYYMMDD(polled_at)
TTL toDateTime(polled_at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'each device polled once: whether and how fast it answered';
