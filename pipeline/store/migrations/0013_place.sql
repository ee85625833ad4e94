-- Where devices stand and what services need, as the inventory last said, so that indicators can be asked by site, region and service.
CREATE TABLE IF NOT EXISTS place (
    device String COMMENT 'the element',
    site LowCardinality(String) COMMENT 'where it stands',
    region LowCardinality(String) COMMENT 'region of the site; empty if none is declared',
    vendor LowCardinality(String) COMMENT 'who made it',
    role LowCardinality(String) COMMENT 'what it is for',
    domain LowCardinality(String) COMMENT 'correlation domain',
    inventory LowCardinality(String) COMMENT 'hash of the inventory that says so',
    written_at DateTime64(3, 'UTC') COMMENT 'when it was written'
) ENGINE = ReplacingMergeTree(written_at) ORDER BY device
COMMENT 'devices of the inventory; read it through place_current';

CREATE TABLE IF NOT EXISTS service_resource (
    resource String COMMENT 'interface or device, kind/name',
    service String COMMENT 'service that needs it, directly or not',
    customer LowCardinality(String) COMMENT 'whose service it is',
    contract LowCardinality(String) COMMENT 'under which agreement',
    tier LowCardinality(String) COMMENT 'gold, silver or bronze',
    inventory LowCardinality(String) COMMENT 'hash of the inventory that says so',
    written_at DateTime64(3, 'UTC') COMMENT 'when it was written'
) ENGINE = ReplacingMergeTree(written_at) ORDER BY (resource, service)
COMMENT 'interfaces and devices that services need; read it through service_resource_current';

CREATE VIEW IF NOT EXISTS place_current AS
SELECT * FROM place FINAL WHERE written_at = (SELECT max(written_at) FROM place)
COMMENT 'where each device of the present inventory stands, one row each';

CREATE VIEW IF NOT EXISTS service_resource_current AS
SELECT * FROM service_resource FINAL WHERE written_at = (SELECT max(written_at) FROM place)
COMMENT 'interfaces and devices that each service of the present inventory needs, one row for a pair';

CREATE VIEW IF NOT EXISTS kpi_by_site AS
SELECT kpi, site, at, sum(arrayCount(number -> number > 0, good)) AS resources, sum(arraySum(good)) AS samples,
    sum(arraySum(summed)) / nullIf(samples, 0) AS mean, if(samples > 0, max(arrayMax(most)), NULL) AS highest,
    sum(arraySum((value, number) -> if(number > 0, value / number, 0.), summed, good)) AS total
FROM (
    SELECT kpi, device, layout, at, sumForEachMerge(s.samples) AS good, sumForEachMerge(s.total) AS summed, maxForEachMerge(s.highest) AS most
    FROM kpi_1m_state AS s
    GROUP BY kpi, device, layout, at
) AS rolled_up
INNER JOIN place_current AS place USING (device)
GROUP BY kpi, site, at
COMMENT 'indicators of all resources of a site together, by the minute';

CREATE VIEW IF NOT EXISTS kpi_by_region AS
SELECT kpi, region, at, sum(arrayCount(number -> number > 0, good)) AS resources, sum(arraySum(good)) AS samples,
    sum(arraySum(summed)) / nullIf(samples, 0) AS mean, if(samples > 0, max(arrayMax(most)), NULL) AS highest,
    sum(arraySum((value, number) -> if(number > 0, value / number, 0.), summed, good)) AS total
FROM (
    SELECT kpi, device, layout, at, sumForEachMerge(s.samples) AS good, sumForEachMerge(s.total) AS summed, maxForEachMerge(s.highest) AS most
    FROM kpi_1m_state AS s
    GROUP BY kpi, device, layout, at
) AS rolled_up
INNER JOIN place_current AS place USING (device)
GROUP BY kpi, region, at
COMMENT 'indicators of all resources of a region together, by the minute';

CREATE VIEW IF NOT EXISTS kpi_by_service AS
SELECT kpi, service, customer, at, count() AS resources, sum(number) AS samples,
    sum(added) / nullIf(samples, 0) AS mean, max(highest_of_one) AS highest, sum(added / number) AS total
FROM (
    SELECT kpi, at, resource, number, added, highest_of_one
    FROM (
        SELECT kpi, device, layout, at, any(s.resources) AS named, sumForEachMerge(s.samples) AS good, sumForEachMerge(s.total) AS summed,
            maxForEachMerge(s.highest) AS most
        FROM kpi_1m_state AS s
        GROUP BY kpi, device, layout, at
    ) AS rolled_up
    ARRAY JOIN named AS resource, good AS number, summed AS added, most AS highest_of_one
    WHERE number > 0
) AS one_each
INNER JOIN service_resource_current AS needed USING (resource)
GROUP BY kpi, service, customer, at
COMMENT 'indicators of all resources that a service needs together, by the minute';
