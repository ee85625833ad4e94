CREATE TABLE IF NOT EXISTS incident_revision (
    id String COMMENT 'the incident',
    revision UInt64 COMMENT 'grows with each revision',
    recorded_at DateTime64(3, 'UTC') COMMENT 'when this revision was published' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'correlation domain',
    root_cause String COMMENT 'the resource that explains the alarms, kind/name',
    state LowCardinality(String) COMMENT 'open or resolved',
    severity UInt8 COMMENT 'perceived severity of RFC 8632: 2 indeterminate, 3 warning, 4 minor, 5 major, 6 critical',
    reason String COMMENT 'one plain sentence' CODEC(ZSTD(3)),
    explanation Array(String) COMMENT 'the lines behind it' CODEC(ZSTD(3)),
    alarms Array(String) COMMENT 'alarm ids, those of the root cause first' CODEC(ZSTD(3)),
    `impacts.service` Array(String) COMMENT 'services that feel it, most important first' CODEC(ZSTD(3)),
    `impacts.customer` Array(String) COMMENT 'their customers' CODEC(ZSTD(3)),
    `impacts.contract` Array(String) COMMENT 'their contracts' CODEC(ZSTD(3)),
    `impacts.tier` Array(LowCardinality(String)) COMMENT 'gold, silver or bronze' CODEC(ZSTD(1)),
    `impacts.state` Array(LowCardinality(String)) COMMENT 'down, degraded, redundancy-lost or up' CODEC(ZSTD(1)),
    `impacts.since_at` Array(DateTime64(9, 'UTC')) COMMENT 'since when' CODEC(ZSTD(1)),
    started_at DateTime64(9, 'UTC') COMMENT 'first alarm',
    opened_at DateTime64(9, 'UTC') COMMENT 'when it was opened',
    resolved_at Nullable(DateTime64(9, 'UTC')) COMMENT 'when the last of its alarms cleared; NULL while open',
    probability Float64 COMMENT 'of the root cause against its alternatives, 0 to 1',
    planned String COMMENT 'maintenance window that covers the cause; empty if none',
    flapping Bool COMMENT 'its alarms come and go',
    confirmed_by String COMMENT 'alarm id that a poll or v3 confirmed; empty while unconfirmed',
    topology_version LowCardinality(String) COMMENT 'hash of the inventory it was judged by',
    rules_version LowCardinality(String) COMMENT 'hash of the rules it was judged by'
) ENGINE = ReplacingMergeTree ORDER BY (id, revision)
PARTITION BY toYYYYMM(started_at)
TTL toDateTime(started_at) + INTERVAL 3 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'every revision of every incident: one cause with its alarms, services and customers';

CREATE TABLE IF NOT EXISTS incident AS incident_revision
ENGINE = ReplacingMergeTree(revision) ORDER BY id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'the last revision of each incident; read it through incident_current';

CREATE MATERIALIZED VIEW IF NOT EXISTS incident_mv TO incident AS SELECT * FROM incident_revision;

CREATE VIEW IF NOT EXISTS incident_current AS
SELECT *, transform(severity, [2, 3, 4, 5, 6], ['indeterminate', 'warning', 'minor', 'major', 'critical'], 'unknown') AS severity_name
FROM incident FINAL
COMMENT 'the last revision of every incident, one row each; open ones: state = ''open''';

CREATE TABLE IF NOT EXISTS outage (
    id String COMMENT 'the outage',
    revision UInt64 COMMENT 'grows with each revision',
    recorded_at DateTime64(3, 'UTC') COMMENT 'when this revision was published',
    service LowCardinality(String) COMMENT 'what was sold',
    customer LowCardinality(String) COMMENT 'to whom',
    contract LowCardinality(String) COMMENT 'under which agreement',
    state LowCardinality(String) COMMENT 'down, degraded or redundancy-lost (the last is never an outage that counts)',
    incident String COMMENT 'the incident that caused it',
    root_cause String COMMENT 'the resource that caused it, kind/name',
    started_at DateTime64(9, 'UTC') COMMENT 'from',
    ended_at Nullable(DateTime64(9, 'UTC')) COMMENT 'to; NULL while it lasts',
    confirmed_by String COMMENT 'evidence beyond an unauthenticated trap; empty while unconfirmed, and then it never pays',
    excluded String COMMENT 'maintenance window that covers it; empty if none'
) ENGINE = ReplacingMergeTree(revision) ORDER BY id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'intervals in which a service was down or degraded (ITU-T E.800); read it through outage_current';

CREATE VIEW IF NOT EXISTS outage_current AS
SELECT *, dateDiff('second', started_at, coalesce(ended_at, now64(9, 'UTC'))) AS duration_s FROM outage FINAL
COMMENT 'the last revision of every outage, one row each, with its length so far in seconds; lasting ones: ended_at IS NULL';
