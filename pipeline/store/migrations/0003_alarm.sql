CREATE TABLE IF NOT EXISTS event (
    id String COMMENT 'collector:sequence:n, the same for every replay' CODEC(ZSTD(1)),
    occurred_at DateTime64(9, 'UTC') COMMENT 'when it happened' CODEC(Delta, ZSTD(1)),
    resource String COMMENT 'the thing it is about, kind/name' CODEC(ZSTD(1)),
    alarm_type LowCardinality(String) COMMENT 'entry of the alarm type catalogue',
    signal LowCardinality(String) COMMENT 'raise, change, clear or notify',
    severity UInt8 COMMENT 'perceived severity of RFC 8632: 2 indeterminate, 3 warning, 4 minor, 5 major, 6 critical',
    text String COMMENT 'one line for people' CODEC(ZSTD(3)),
    source LowCardinality(String) COMMENT 'who says so: trap, poll, threshold, anomaly, operator, system',
    device LowCardinality(String) COMMENT 'the reporter',
    collector LowCardinality(String) COMMENT 'journal that holds its evidence',
    sequence UInt64 COMMENT 'place in that journal' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'correlation domain',
    qualifier String COMMENT 'alarm type qualifier of RFC 8632' CODEC(ZSTD(1)),
    rule LowCardinality(String) COMMENT 'the rule that made it',
    condition LowCardinality(String) COMMENT 'down, degraded or none: what it says of the resource''s ability to serve',
    authenticated Bool COMMENT 'true when it came by an authenticated path',
    attributes Map(LowCardinality(String), String) COMMENT 'variables by name, escaped for display' CODEC(ZSTD(3)),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (device, resource, occurred_at, id)
PARTITION BY toYYYYMM(occurred_at)
TTL toDateTime(occurred_at) + INTERVAL 1 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'what happened, normalised, about a resource (RFC 9940)';

CREATE TABLE IF NOT EXISTS alarm_change (
    at DateTime64(9, 'UTC') COMMENT 'when the change happened' CODEC(Delta, ZSTD(1)),
    change LowCardinality(String) COMMENT 'raised, raised-again, changed, repeated, confirmed, cleared, shelved, un-shelved or ignored',
    reason LowCardinality(String) COMMENT 'why, in the words used everywhere',
    event String COMMENT 'id of the event that caused it' CODEC(ZSTD(1)),
    id String COMMENT 'the alarm' CODEC(ZSTD(1)),
    revision UInt64 COMMENT 'grows with each stored change' CODEC(T64, ZSTD(1)),
    resource String COMMENT 'what alarms, kind/name' CODEC(ZSTD(1)),
    alarm_type LowCardinality(String) COMMENT 'entry of the alarm type catalogue',
    qualifier String COMMENT 'third part of the alarm''s identity' CODEC(ZSTD(1)),
    domain LowCardinality(String) COMMENT 'correlation domain',
    device LowCardinality(String) COMMENT 'the reporter',
    severity UInt8 COMMENT 'perceived severity of RFC 8632: 2 indeterminate, 3 warning, 4 minor, 5 major, 6 critical',
    text String COMMENT 'one line for people' CODEC(ZSTD(3)),
    is_cleared Bool COMMENT 'the resource''s lifecycle',
    created_at DateTime64(9, 'UTC') COMMENT 'first raise ever' CODEC(ZSTD(1)),
    last_raised_at DateTime64(9, 'UTC') COMMENT 'last raise' CODEC(ZSTD(1)),
    last_changed_at DateTime64(9, 'UTC') COMMENT 'last change of any kind' CODEC(ZSTD(1)),
    cleared_at Nullable(DateTime64(9, 'UTC')) COMMENT 'last clear; NULL while it stands' CODEC(ZSTD(1)),
    confirmed_at Nullable(DateTime64(9, 'UTC')) COMMENT 'when a poll or an authenticated trap confirmed this raise' CODEC(ZSTD(1)),
    occurrences UInt64 COMMENT 'raises, repeats included' CODEC(T64, ZSTD(1)),
    flaps UInt64 COMMENT 'raise and clear changes within the flapping window' CODEC(T64, ZSTD(1)),
    condition LowCardinality(String) COMMENT 'down, degraded or none',
    event_type LowCardinality(String) COMMENT 'X.733 event type',
    probable_cause LowCardinality(String) COMMENT 'X.733 probable cause',
    raised_by LowCardinality(String) COMMENT 'who raised it: trap, poll, threshold, anomaly, operator, system',
    cleared_by LowCardinality(String) COMMENT 'who cleared it; empty while it stands',
    operator_state LowCardinality(String) COMMENT 'none, ack, closed, shelved or un-shelved (RFC 8632)',
    shelved_reason String COMMENT 'maintenance window or policy that shelved it' CODEC(ZSTD(1)),
    events Array(String) COMMENT 'ids of its first and latest events' CODEC(ZSTD(3)),
    INDEX by_at at TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (id, revision, at, event, change)
PARTITION BY toYYYYMM(at)
TTL toDateTime(at) + INTERVAL 2 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'the history of alarms: the state after each change, and why';

CREATE TABLE IF NOT EXISTS alarm AS alarm_change
ENGINE = ReplacingMergeTree(revision) ORDER BY id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'the last change of each alarm; read it through alarm_current';

CREATE MATERIALIZED VIEW IF NOT EXISTS alarm_mv TO alarm AS SELECT * FROM alarm_change WHERE change != 'ignored';

CREATE VIEW IF NOT EXISTS alarm_current AS
SELECT *, transform(severity, [2, 3, 4, 5, 6], ['indeterminate', 'warning', 'minor', 'major', 'critical'], 'unknown') AS severity_name
FROM alarm FINAL
COMMENT 'the present state of every alarm, one row each; standing alarms: NOT is_cleared';
