-- Questions that analysts ask, each a statement of its own, for any ClickHouse client as user viewer, database assure.
-- Times are UTC. The last word on alarms, incidents, outages and evaluations is in the views that end in _current.

-- What is broken now, worst first, and who feels it?
SELECT severity_name, root_cause, reason, arrayDistinct(`impacts.customer`) AS customers, started_at
FROM incident_current
WHERE state = 'open'
ORDER BY severity DESC, started_at;

-- What is down or degraded now, how much of it is lost, and on which way does the failure reach it?
SELECT tier, customer, service, felt, round(100 * share) AS percent_lost, arrayStringConcat(path, ' > ') AS way, since_at
FROM incident_current
ARRAY JOIN `impacts.tier` AS tier, `impacts.customer` AS customer, `impacts.service` AS service, `impacts.state` AS felt,
    `impacts.share` AS share, `impacts.path` AS path, `impacts.since_at` AS since_at
WHERE state = 'open' AND felt IN ('down', 'degraded')
ORDER BY indexOf(['gold', 'silver', 'bronze'], tier), share DESC;

-- Which causes were unsure when they were first told, what else could they have been, and what did they turn out to be?
SELECT f.id AS incident, f.root_cause AS first_cause, f.probability AS probability,
    JSONExtractString(JSONExtractArrayRaw(f.grounds, 'rivals')[1], 'root') AS first_rival, i.root_cause AS cause_now, i.revision AS revisions
FROM incident_revision AS f FINAL
INNER JOIN incident_current AS i ON i.id = f.id
WHERE f.revision = 1
ORDER BY f.probability, f.started_at DESC
LIMIT 20;

-- Which causes cost customers the most service time in the last 90 days? Overlapping outages of one service count once.
SELECT root_cause, count() AS outages, uniqExact(customer) AS customers, sum(lost_s) AS lost_s
FROM (
    SELECT root_cause, customer, service,
        intervalLengthSum(toUnixTimestamp(started_at), toUnixTimestamp(coalesce(ended_at, now64(9, 'UTC')))) AS lost_s
    FROM outage_current
    WHERE state = 'down' AND started_at > now() - INTERVAL 90 DAY
    GROUP BY root_cause, customer, service
)
GROUP BY root_cause
ORDER BY lost_s DESC
LIMIT 20;

-- How long do incidents last, by kind of root cause: the median and the worst twentieth?
SELECT splitByChar('/', root_cause)[1] AS kind, count() AS incidents,
    quantile(0.5)(dateDiff('second', started_at, resolved_at)) AS median_s,
    quantile(0.95)(dateDiff('second', started_at, resolved_at)) AS p95_s
FROM incident_current
WHERE resolved_at IS NOT NULL
GROUP BY kind
ORDER BY incidents DESC;

-- How many alarms does one incident spare the operator?
SELECT toStartOfWeek(started_at) AS week, count() AS incidents, sum(length(alarms)) AS alarms, alarms / incidents AS alarms_per_incident
FROM incident_current
GROUP BY week
ORDER BY week;

-- Which resources alarm again and again?
SELECT resource, alarm_type, countIf(change IN ('raised', 'raised-again')) AS raises, max(at) AS last_at
FROM alarm_change
WHERE at > now() - INTERVAL 30 DAY
GROUP BY resource, alarm_type
HAVING raises > 0
ORDER BY raises DESC
LIMIT 20;

-- Which alarms stand on the word of one unauthenticated trap alone?
SELECT severity_name, resource, text, last_raised_at
FROM alarm_current
WHERE NOT is_cleared AND raised_by = 'trap' AND confirmed_at IS NULL
ORDER BY last_raised_at;

-- Which notifications has no rule named yet, and who sends them?
SELECT trap_oid, source, uniqExact(collector, sequence) AS notifications, max(received_at) AS last_at
FROM trap
WHERE (collector, sequence) IN (SELECT collector, sequence FROM event WHERE alarm_type = 'unknown-notification')
GROUP BY trap_oid, source
ORDER BY notifications DESC
LIMIT 50;

-- From datagram to incident: the evidence of one incident's alarms, down to the varbinds.
SELECT e.occurred_at, e.resource, e.text, t.source, t.trap_oid, arrayZip(t.`varbinds.oid`, t.`varbinds.value`) AS varbinds
FROM event AS e
INNER JOIN trap AS t ON t.collector = e.collector AND t.sequence = e.sequence
WHERE e.id IN (
    SELECT arrayJoin(events) FROM alarm_current
    WHERE id IN (SELECT arrayJoin(alarms) FROM incident_current ORDER BY opened_at DESC LIMIT 1)
)
ORDER BY e.occurred_at;

-- Availability against target by customer and month, worst first.
SELECT period, customer, service, availability, target, violated, counted_s
FROM evaluation_current
ORDER BY period DESC, availability, customer, service
LIMIT 100;

-- The arithmetic of a missed target, line by line.
SELECT customer, service, period, line
FROM evaluation_current
ARRAY JOIN arithmetic AS line
WHERE violated;

-- Credits by month, plan and currency, and what share of the charge they are.
SELECT e.period AS period, e.plan AS plan, c.currency AS currency, sum(c.amount) AS amount,
    100 * sum(c.amount_minor) / sum(e.charge_minor) AS percent_of_charge
FROM credit_proposed AS c
INNER JOIN evaluation AS e FINAL ON e.id = c.evaluation
GROUP BY period, plan, currency
ORDER BY period DESC, amount DESC;

-- How fast is the word out: from an incident's first alarm to its delivered ticket and notifications?
SELECT r.kind AS kind, r.route AS route, count() AS delivered,
    quantile(0.5)(dateDiff('millisecond', i.started_at, r.at)) AS median_ms, max(r.attempts) AS most_attempts
FROM receipt AS r FINAL
INNER JOIN incident_current AS i ON i.id = r.subject
WHERE r.outcome = 'delivered'
GROUP BY kind, route
ORDER BY kind, route;

-- Which interfaces are nearly full in the busiest hour of the day?
SELECT resource, toHour(at) AS hour, 100 * max(k.highest) AS highest_percent, 100 * sum(k.total) / sum(k.samples) AS mean_percent
FROM kpi_1h AS k
WHERE kpi IN ('in_utilisation', 'out_utilisation') AND at > now() - INTERVAL 7 DAY
GROUP BY resource, hour
HAVING highest_percent > 70
ORDER BY highest_percent DESC
LIMIT 50;

-- The traffic of an interface by the day: mean and peak, three years back. Naming the device too spares reading all others.
SELECT toDate(k.at) AS day, sum(k.total) / sum(k.samples) AS mean_bps, max(k.highest) AS peak_bps
FROM kpi_1h AS k
WHERE kpi = 'in_bps' AND device = 'pe1' AND resource = 'interface/pe1/ge-0/0/1'
GROUP BY day
ORDER BY day;

-- The busy hour of each interface: on which day and hour was its hourly mean highest in the last 30 days?
SELECT resource, argMax(at, mean_percent) AS busy_hour_at, max(mean_percent) AS busy_hour_percent
FROM (
    SELECT resource, at, 100 * sum(k.total) / sum(k.samples) AS mean_percent
    FROM kpi_1h AS k
    WHERE kpi = 'in_utilisation' AND at > now() - INTERVAL 30 DAY
    GROUP BY resource, at
    HAVING sum(k.samples) > 0
)
GROUP BY resource
ORDER BY busy_hour_percent DESC
LIMIT 50;

-- How much traffic does each site receive by the minute, all its interfaces together?
SELECT at, site, s.total AS received_bps, s.highest AS busiest_interface_bps, s.resources AS interfaces
FROM kpi_by_site AS s
WHERE kpi = 'in_bps' AND at > now() - INTERVAL 1 HOUR
ORDER BY at, site;

-- How hot is each region: the mean and the hottest sensor of the last hour?
SELECT region, sum(r.mean * r.samples) / sum(r.samples) AS mean_celsius, max(r.highest) AS hottest_celsius
FROM kpi_by_region AS r
WHERE kpi = 'temperature_celsius' AND at > now() - INTERVAL 1 HOUR
GROUP BY region
ORDER BY hottest_celsius DESC;

-- How full was the fullest interface that each service needs, in the last quarter of an hour?
SELECT service, customer, 100 * max(s.highest) AS fullest_percent, max(s.resources) AS interfaces
FROM kpi_by_service AS s
WHERE kpi = 'in_utilisation' AND at > now() - INTERVAL 15 MINUTE
GROUP BY service, customer
ORDER BY fullest_percent DESC
LIMIT 50;

-- And in the last day? Over more than minutes, join the roll-up by the hour with what services need.
SELECT n.service AS service, n.customer AS customer, 100 * max(k.highest) AS fullest_percent, uniqExact(k.resource) AS interfaces
FROM kpi_1h AS k
INNER JOIN service_resource_current AS n ON n.resource = k.resource
WHERE k.kpi IN ('in_utilisation', 'out_utilisation') AND k.at > now() - INTERVAL 1 DAY
GROUP BY service, customer
ORDER BY fullest_percent DESC
LIMIT 50;

-- How is each device at present: processor, memory, temperature, by their last good values?
SELECT device, maxIf(last_value, kpi = 'cpu_utilisation') * 100 AS cpu_percent, maxIf(last_value, kpi = 'memory_utilisation') * 100 AS memory_percent,
    maxIf(last_value, kpi = 'temperature_celsius') AS hottest_celsius
FROM (
    SELECT device, kpi, resource, argMax(k.value, k.at) AS last_value
    FROM kpi AS k
    WHERE kpi IN ('cpu_utilisation', 'memory_utilisation', 'temperature_celsius') AND quality = 'good' AND at > now() - INTERVAL 15 MINUTE
    GROUP BY device, kpi, resource
)
GROUP BY device
ORDER BY cpu_percent DESC
LIMIT 50;

-- Which optics receive little more light than they need, and how much less than a week ago?
SELECT resource, avgOrNullIf(mean, at > now() - INTERVAL 1 DAY) AS margin_db, margin_db - avgOrNullIf(mean, at <= now() - INTERVAL 1 DAY) AS change_db
FROM (
    SELECT resource, at, sum(k.total) / nullIf(sum(k.samples), 0) AS mean
    FROM kpi_1h AS k
    WHERE kpi = 'rx_margin_db' AND at > now() - INTERVAL 8 DAY
    GROUP BY resource, at
)
GROUP BY resource
ORDER BY margin_db
LIMIT 50;

-- How much of what was measured counts, by device?
SELECT device, sum(k.samples) AS good, sum(k.bad_samples) AS bad, round(100 * good / (good + bad), 2) AS good_percent
FROM kpi_1h AS k
WHERE at > now() - INTERVAL 1 DAY
GROUP BY device
ORDER BY good_percent
LIMIT 50;

-- Why do values of one device not count? Blind: it did not answer. Missing, reset, stale: a value without meaning.
SELECT quality, kpi, count() AS values
FROM kpi
WHERE device = 'pe1' AND quality != 'good' AND at > now() - INTERVAL 1 DAY
GROUP BY quality, kpi
ORDER BY values DESC;

-- What did the network carry in the half hour before each incident of the last hour, and what in the half hour after it began?
SELECT i.id AS incident, i.root_cause AS root_cause, avgIf(m.total, m.at < i.started_at) AS before_bps,
    avgIf(m.total, m.at >= i.started_at) AS after_bps
FROM incident_current AS i
CROSS JOIN (
    SELECT at, sum(s.total) AS total FROM kpi_by_site AS s WHERE kpi = 'in_bps' AND at > now() - INTERVAL 2 HOUR GROUP BY at
) AS m
WHERE i.started_at > now() - INTERVAL 1 HOUR AND m.at BETWEEN i.started_at - INTERVAL 30 MINUTE AND i.started_at + INTERVAL 30 MINUTE
GROUP BY incident, root_cause
ORDER BY incident;

-- What was unusual most often in the last day, and in which way?
SELECT resource, kpi, feature, count() AS times, max(score) AS highest_score, argMax(observed, score) AS observed, argMax(expected, score) AS expected
FROM anomaly FINAL
WHERE at > now() - INTERVAL 1 DAY
GROUP BY resource, kpi, feature
ORDER BY times DESC
LIMIT 50;

-- Which unusual values came within ten minutes before an alarm of the same resource, as a warning would have?
SELECT a.resource AS resource, a.alarm_type AS alarm_type, a.last_raised_at AS raised_at, n.kpi AS kpi, min(n.at) AS unusual_since
FROM alarm_current AS a
INNER JOIN anomaly AS n ON n.resource = a.resource
WHERE a.alarm_type != 'anomaly' AND n.at BETWEEN a.last_raised_at - INTERVAL 10 MINUTE AND a.last_raised_at
GROUP BY resource, alarm_type, raised_at, kpi
ORDER BY raised_at DESC
LIMIT 50;

-- Which links are expected to be full soonest, and whom does it concern?
SELECT name, customers, outlook, round(100 * value_now, 1) AS busy_hour_percent, days, days_low, days_high, sure
FROM forecast_current
WHERE outlook IN ('already', 'passes')
ORDER BY days NULLS LAST
LIMIT 50;

-- Which models judge at present, on what were they trained, and how good are they?
SELECT name, version, trained_at, devices, rows, score, decision
FROM model_current
WHERE is_running
ORDER BY name;

-- How many devices stand in each region and site, and of which vendors?
SELECT region, site, count() AS devices, arraySort(groupUniqArray(vendor)) AS vendors
FROM place_current
GROUP BY region, site
ORDER BY region, site;

-- Which devices answer badly?
SELECT device, count() AS polls, round(100 * countIf(outcome = 'answered') / polls, 2) AS answered_percent,
    quantileIf(0.99)(round_trip_ms, outcome = 'answered') AS p99_ms
FROM poll
WHERE polled_at > now() - INTERVAL 1 DAY
GROUP BY device
ORDER BY answered_percent, p99_ms DESC
LIMIT 50;
