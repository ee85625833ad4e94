CREATE TABLE IF NOT EXISTS kpi (
    kpi LowCardinality(String) COMMENT 'name of the indicator; _utilisation is a share from 0 to 1, _bps bits a second, _per_s a rate, _ms milliseconds',
    device LowCardinality(String) COMMENT 'the element it belongs to',
    resource String COMMENT 'what it is about, kind/name' CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'when it was measured' CODEC(DoubleDelta, ZSTD(1)),
    value Nullable(Float64) COMMENT 'in the indicator''s unit; NULL where there is no value' CODEC(ZSTD(1)),
    quality Enum8('good' = 0, 'missing' = 1, 'reset' = 2, 'stale' = 3, 'blind' = 4) COMMENT 'why the value may or may not count' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree ORDER BY (kpi, device, resource, at)
PARTITION BY toYYYYMMDD(at)
TTL toDateTime(at) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'every value of every indicator, kept two weeks';

CREATE TABLE IF NOT EXISTS kpi_1m (
    kpi LowCardinality(String) COMMENT 'name of the indicator',
    device LowCardinality(String) COMMENT 'the element it belongs to',
    resource String COMMENT 'what it is about, kind/name' CODEC(ZSTD(1)),
    at DateTime('UTC') COMMENT 'start of the minute' CODEC(DoubleDelta, ZSTD(1)),
    samples SimpleAggregateFunction(sum, UInt64) COMMENT 'good values in it' CODEC(T64, ZSTD(1)),
    bad_samples SimpleAggregateFunction(sum, UInt64) COMMENT 'values that do not count' CODEC(T64, ZSTD(1)),
    total SimpleAggregateFunction(sum, Float64) COMMENT 'sum of good values; the mean is sum(total) / sum(samples)' CODEC(ZSTD(1)),
    lowest SimpleAggregateFunction(min, Nullable(Float64)) COMMENT 'least good value' CODEC(ZSTD(1)),
    highest SimpleAggregateFunction(max, Nullable(Float64)) COMMENT 'greatest good value' CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree ORDER BY (kpi, device, resource, at)
PARTITION BY toYYYYMM(at)
TTL at + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'indicators by the minute, kept 90 days; aggregate again when reading, rows merge late';

CREATE TABLE IF NOT EXISTS kpi_1h AS kpi_1m
ENGINE = AggregatingMergeTree ORDER BY (kpi, device, resource, at)
PARTITION BY toYYYYMM(at)
TTL at + INTERVAL 3 YEAR
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'indicators by the hour, kept three years; aggregate again when reading, rows merge late';

CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_1m_mv TO kpi_1m AS
SELECT kpi, device, resource, toStartOfMinute(s.at) AS at, countIf(good) AS samples, countIf(NOT good) AS bad_samples,
    sumIf(assumeNotNull(s.value), good) AS total, min(if(good, s.value, NULL)) AS lowest, max(if(good, s.value, NULL)) AS highest
FROM (SELECT *, quality = 'good' AND value IS NOT NULL AS good FROM kpi) AS s
GROUP BY kpi, device, resource, at;

CREATE MATERIALIZED VIEW IF NOT EXISTS kpi_1h_mv TO kpi_1h AS
SELECT kpi, device, resource, toStartOfHour(m.at) AS at, sum(m.samples) AS samples, sum(m.bad_samples) AS bad_samples,
    sum(m.total) AS total, min(m.lowest) AS lowest, max(m.highest) AS highest
FROM kpi_1m AS m
GROUP BY kpi, device, resource, at;

CREATE VIEW IF NOT EXISTS interface_utilisation AS
SELECT at, device, resource,
    100 * sumIf(k.total, kpi = 'in_utilisation') / nullIf(sumIf(k.samples, kpi = 'in_utilisation'), 0) AS in_percent,
    100 * sumIf(k.total, kpi = 'out_utilisation') / nullIf(sumIf(k.samples, kpi = 'out_utilisation'), 0) AS out_percent,
    100 * max(k.highest) AS highest_percent
FROM kpi_1m AS k
WHERE kpi IN ('in_utilisation', 'out_utilisation')
GROUP BY at, device, resource
COMMENT 'how full each interface was in each minute, in percent of its declared speed; highest_percent is the worse direction';
