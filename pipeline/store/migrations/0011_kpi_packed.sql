-- Indicators anew. One row holds one indicator of all resources of a poll, in arrays, instead of a row for each value: less than half of the
-- work and less room (measured: dashboards/README.md). What analysts read keeps its names and columns, as views.
DROP VIEW IF EXISTS kpi_1h_mv;
DROP VIEW IF EXISTS kpi_1m_mv;

-- What an earlier version wrote stays readable until its time is over: moved aside whole, and part of the views below.
WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi' AND engine LIKE '%MergeTree' AND total_rows = 0
THEN DROP TABLE IF EXISTS kpi;
WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_1m' AND engine LIKE '%MergeTree' AND total_rows = 0
THEN DROP TABLE IF EXISTS kpi_1m;
WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_1h' AND engine LIKE '%MergeTree' AND total_rows = 0
THEN DROP TABLE IF EXISTS kpi_1h;
WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi' AND engine LIKE '%MergeTree'
THEN RENAME TABLE kpi TO kpi_before;
WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_1m' AND engine LIKE '%MergeTree'
THEN RENAME TABLE kpi_1m TO kpi_1m_before;
WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_1h' AND engine LIKE '%MergeTree'
THEN RENAME TABLE kpi_1h TO kpi_1h_before;

CREATE TABLE IF NOT EXISTS kpi_intake (
    device String COMMENT 'the element it belongs to',
    at DateTime('UTC') COMMENT 'when it was measured',
    resources Array(String) COMMENT 'what it is about, kind/name, one for each place of the inner arrays',
    kpis Array(String) COMMENT 'names of the indicators, one for each inner array',
    `values` Array(Array(Float64)) COMMENT 'in each indicator''s unit; NaN where there is no value',
    qualities Array(Array(UInt8)) COMMENT 'quality of each value; empty where all are good'
) ENGINE = Null
COMMENT 'where the sink writes batches of indicators; holds nothing, the views on it do';

CREATE TABLE IF NOT EXISTS kpi_raw (
    kpi LowCardinality(String) COMMENT 'name of the indicator',
    device LowCardinality(String) COMMENT 'the element it belongs to',
    layout UInt64 COMMENT 'hash of resources' CODEC(ZSTD(1)),
    at DateTime('UTC') COMMENT 'when it was measured' CODEC(DoubleDelta, ZSTD(1)),
    resources Array(LowCardinality(String)) COMMENT 'what it is about, kind/name' CODEC(ZSTD(1)),
    `values` Array(Float64) COMMENT 'in the indicator''s unit, for each of resources; NaN where there is no value' CODEC(ZSTD(1)),
    qualities Array(UInt8) COMMENT 'quality of each value, numbered as in kpi; empty where all are good' CODEC(ZSTD(1))
) ENGINE = MergeTree ORDER BY (kpi, toStartOfHour(at), device, layout, at)
PARTITION BY toYYYYMMDD(at)
TTL at + INTERVAL 14 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, non_replicated_deduplication_window = 10000
COMMENT 'every value of every indicator, one row for an indicator of all resources of one poll; read it through kpi';

CREATE TABLE IF NOT EXISTS kpi_1m_state (
    kpi LowCardinality(String) COMMENT 'name of the indicator',
    device LowCardinality(String) COMMENT 'the element it belongs to',
    layout UInt64 COMMENT 'hash of resources' CODEC(ZSTD(1)),
    at DateTime('UTC') COMMENT 'start of the minute' CODEC(DoubleDelta, ZSTD(1)),
    resources Array(LowCardinality(String)) COMMENT 'what it is about, kind/name' CODEC(ZSTD(1)),
    samples AggregateFunction(sumForEach, Array(UInt8)) COMMENT 'good values of each resource' CODEC(ZSTD(3)),
    bad_samples AggregateFunction(sumForEach, Array(UInt8)) COMMENT 'values that do not count' CODEC(ZSTD(3)),
    total AggregateFunction(sumForEach, Array(Float64)) COMMENT 'sum of good values' CODEC(ZSTD(1)),
    lowest AggregateFunction(minForEach, Array(Float64)) COMMENT 'least good value' CODEC(ZSTD(1)),
    highest AggregateFunction(maxForEach, Array(Float64)) COMMENT 'greatest good value' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree PRIMARY KEY (kpi, toStartOfHour(at), device, layout, at)
ORDER BY (kpi, toStartOfHour(at), device, layout, at, resources)
PARTITION BY toMonday(at)
TTL at + INTERVAL 90 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, non_replicated_deduplication_window = 10000
COMMENT 'indicators by the minute, one row for an indicator of all resources of a device; read it through kpi_1m';

CREATE TABLE IF NOT EXISTS kpi_1h_state AS kpi_1m_state
ENGINE = AggregatingMergeTree PRIMARY KEY (kpi, device, layout, at) ORDER BY (kpi, device, layout, at, resources)
PARTITION BY toYYYYMM(at)
TTL at + INTERVAL 1095 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, non_replicated_deduplication_window = 10000
COMMENT 'indicators by the hour, one row for an indicator of all resources of a device; read it through kpi_1h';

CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_raw_mv TO kpi_raw AS
SELECT one_kpi AS kpi, device, layout, at, named AS resources, one_column AS `values`, one_quality AS qualities
FROM (
    SELECT device, cityHash64(resources) AS layout, at, CAST(resources, 'Array(LowCardinality(String))') AS named, kpis, `values`, qualities
    FROM kpi_intake
)
ARRAY JOIN kpis AS one_kpi, `values` AS one_column, qualities AS one_quality;

CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_1m_state_mv TO kpi_1m_state AS
SELECT kpi, device, layout, toStartOfMinute(s.at) AS at, resources, sumForEachState(good) AS samples, sumForEachState(bad) AS bad_samples,
    sumForEachState(arrayMap((value, counts) -> if(counts = 1, value, 0.), s.column, good)) AS total,
    minForEachState(arrayMap((value, counts) -> if(counts = 1, value, inf), s.column, good)) AS lowest,
    maxForEachState(arrayMap((value, counts) -> if(counts = 1, value, -inf), s.column, good)) AS highest
FROM (
    SELECT kpi, device, layout, at, resources, `values` AS column, arrayMap(counts -> toUInt8(1 - counts), good) AS bad,
        if(empty(qualities), arrayMap(value -> toUInt8(isFinite(value)), `values`),
            arrayMap((value, quality) -> toUInt8(quality = 0 AND isFinite(value)), `values`, qualities)) AS good
    FROM kpi_raw
) AS s
GROUP BY kpi, device, layout, at, resources;

CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_1h_state_mv TO kpi_1h_state AS
SELECT kpi, device, layout, toStartOfHour(s.at) AS at, resources, sumForEachState(good) AS samples, sumForEachState(bad) AS bad_samples,
    sumForEachState(arrayMap((value, counts) -> if(counts = 1, value, 0.), s.column, good)) AS total,
    minForEachState(arrayMap((value, counts) -> if(counts = 1, value, inf), s.column, good)) AS lowest,
    maxForEachState(arrayMap((value, counts) -> if(counts = 1, value, -inf), s.column, good)) AS highest
FROM (
    SELECT kpi, device, layout, at, resources, `values` AS column, arrayMap(counts -> toUInt8(1 - counts), good) AS bad,
        if(empty(qualities), arrayMap(value -> toUInt8(isFinite(value)), `values`),
            arrayMap((value, quality) -> toUInt8(quality = 0 AND isFinite(value)), `values`, qualities)) AS good
    FROM kpi_raw
) AS s
GROUP BY kpi, device, layout, at, resources;

WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_before'
THEN CREATE VIEW IF NOT EXISTS kpi AS
SELECT kpi, device, resource, at, if(isFinite(number), number, NULL) AS value,
    CAST(code, 'Enum8(\'good\' = 0, \'missing\' = 1, \'reset\' = 2, \'stale\' = 3, \'blind\' = 4)') AS quality
FROM kpi_raw AS r
ARRAY JOIN r.resources AS resource, r.`values` AS number,
    if(empty(r.qualities), arrayResize(r.qualities, length(r.`values`)), r.qualities) AS code
UNION ALL
SELECT kpi, device, toLowCardinality(b.resource) AS resource, toDateTime(b.at, 'UTC') AS at, b.value AS value, b.quality AS quality
FROM kpi_before AS b
COMMENT 'every value of every indicator';

WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_1m_before'
THEN CREATE VIEW IF NOT EXISTS kpi_1m AS
SELECT kpi, device, resource, at, good AS samples, bad AS bad_samples, summed AS total,
    if(good > 0, least_of_all, NULL) AS lowest, if(good > 0, most_of_all, NULL) AS highest
FROM kpi_1m_state AS s
ARRAY JOIN s.resources AS resource, finalizeAggregation(s.samples) AS good, finalizeAggregation(s.bad_samples) AS bad,
    finalizeAggregation(s.total) AS summed, finalizeAggregation(s.lowest) AS least_of_all, finalizeAggregation(s.highest) AS most_of_all
UNION ALL
SELECT kpi, device, toLowCardinality(b.resource) AS resource, at, samples, bad_samples, total, lowest, highest
FROM kpi_1m_before AS b
COMMENT 'indicators by the minute; aggregate again when reading, rows merge late';

WHEN SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'kpi_1h_before'
THEN CREATE VIEW IF NOT EXISTS kpi_1h AS
SELECT kpi, device, resource, at, good AS samples, bad AS bad_samples, summed AS total,
    if(good > 0, least_of_all, NULL) AS lowest, if(good > 0, most_of_all, NULL) AS highest
FROM kpi_1h_state AS s
ARRAY JOIN s.resources AS resource, finalizeAggregation(s.samples) AS good, finalizeAggregation(s.bad_samples) AS bad,
    finalizeAggregation(s.total) AS summed, finalizeAggregation(s.lowest) AS least_of_all, finalizeAggregation(s.highest) AS most_of_all
UNION ALL
SELECT kpi, device, toLowCardinality(b.resource) AS resource, at, samples, bad_samples, total, lowest, highest
FROM kpi_1h_before AS b
COMMENT 'indicators by the hour; aggregate again when reading, rows merge late';

CREATE VIEW IF NOT EXISTS kpi AS
SELECT kpi, device, resource, at, if(isFinite(number), number, NULL) AS value,
    CAST(code, 'Enum8(\'good\' = 0, \'missing\' = 1, \'reset\' = 2, \'stale\' = 3, \'blind\' = 4)') AS quality
FROM kpi_raw AS r
ARRAY JOIN r.resources AS resource, r.`values` AS number,
    if(empty(r.qualities), arrayResize(r.qualities, length(r.`values`)), r.qualities) AS code
COMMENT 'every value of every indicator';

CREATE VIEW IF NOT EXISTS kpi_1m AS
SELECT kpi, device, resource, at, good AS samples, bad AS bad_samples, summed AS total,
    if(good > 0, least_of_all, NULL) AS lowest, if(good > 0, most_of_all, NULL) AS highest
FROM kpi_1m_state AS s
ARRAY JOIN s.resources AS resource, finalizeAggregation(s.samples) AS good, finalizeAggregation(s.bad_samples) AS bad,
    finalizeAggregation(s.total) AS summed, finalizeAggregation(s.lowest) AS least_of_all, finalizeAggregation(s.highest) AS most_of_all
COMMENT 'indicators by the minute; aggregate again when reading, rows merge late';

CREATE VIEW IF NOT EXISTS kpi_1h AS
SELECT kpi, device, resource, at, good AS samples, bad AS bad_samples, summed AS total,
    if(good > 0, least_of_all, NULL) AS lowest, if(good > 0, most_of_all, NULL) AS highest
FROM kpi_1h_state AS s
ARRAY JOIN s.resources AS resource, finalizeAggregation(s.samples) AS good, finalizeAggregation(s.bad_samples) AS bad,
    finalizeAggregation(s.total) AS summed, finalizeAggregation(s.lowest) AS least_of_all, finalizeAggregation(s.highest) AS most_of_all
COMMENT 'indicators by the hour; aggregate again when reading, rows merge late';
