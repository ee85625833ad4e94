-- Questions that analysts ask, each a statement of its own, for any ClickHouse client as user viewer, database assure.
-- Times are UTC. The last word on alarms, incidents, outages and evaluations is in the views that end in _current.

-- What is broken now, worst first, and who feels it?
SELECT severity_name, root_cause, reason, arrayDistinct(`impacts.customer`) AS customers, started_at
FROM incident_current
WHERE state = 'open'
ORDER BY severity DESC, started_at;

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
SELECT resource, toHour(at) AS hour, max(highest_percent) AS highest, avg(greatest(in_percent, out_percent)) AS mean
FROM interface_utilisation
WHERE at > now() - INTERVAL 7 DAY
GROUP BY resource, hour
HAVING highest > 70
ORDER BY highest DESC
LIMIT 50;

-- The traffic of an interface by the day: mean and peak, three years back. Roll-ups are aggregated again when read.
SELECT toDate(k.at) AS day, sum(k.total) / sum(k.samples) AS mean_bps, max(k.highest) AS peak_bps
FROM kpi_1h AS k
WHERE kpi = 'in_bps' AND resource = 'interface/pe1/ge-0/0/1'
GROUP BY day
ORDER BY day;

-- How much of what was measured counts? Blind: the device did not answer. Missing, reset, stale: a value without meaning.
SELECT device, quality, count() AS values, round(100 * values / sum(values) OVER (PARTITION BY device), 1) AS percent
FROM kpi
WHERE at > now() - INTERVAL 1 DAY
GROUP BY device, quality
ORDER BY device, quality;

-- Which devices answer badly?
SELECT device, count() AS polls, round(100 * countIf(outcome = 'answered') / polls, 2) AS answered_percent,
    quantileIf(0.99)(round_trip_ms, outcome = 'answered') AS p99_ms
FROM poll
WHERE polled_at > now() - INTERVAL 1 DAY
GROUP BY device
ORDER BY answered_percent, p99_ms DESC
LIMIT 50;
