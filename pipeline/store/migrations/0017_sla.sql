-- What plans promise beside availability, what stopped the clock, until when a credit may be claimed; when an outage was answered.
ALTER TABLE evaluation ADD COLUMN IF NOT EXISTS stopped_s UInt64 COMMENT 'seconds in which the clock stood' AFTER unconfirmed_s;
ALTER TABLE evaluation ADD COLUMN IF NOT EXISTS figure Decimal(18, 8)
    COMMENT 'what was delivered of the metric, in unit' AFTER availability;
ALTER TABLE evaluation ADD COLUMN IF NOT EXISTS unit LowCardinality(String) DEFAULT 'percent'
    COMMENT 'unit of figure and target: percent, seconds or outages' AFTER target;
ALTER TABLE evaluation ADD COLUMN IF NOT EXISTS claim_until Nullable(DateTime64(9, 'UTC'))
    COMMENT 'until when a credit that is not automatic may be claimed; NULL is without limit' AFTER automatic;

ALTER TABLE outage ADD COLUMN IF NOT EXISTS ticketed_at Nullable(DateTime64(9, 'UTC'))
    COMMENT 'when its incident got a ticket; NULL for never' AFTER ended_at;
ALTER TABLE outage ADD COLUMN IF NOT EXISTS acknowledged_at Nullable(DateTime64(9, 'UTC'))
    COMMENT 'when somebody took charge of its incident; NULL for never' AFTER ticketed_at;
ALTER TABLE outage ADD COLUMN IF NOT EXISTS closed_at Nullable(DateTime64(9, 'UTC'))
    COMMENT 'when its incident was resolved; NULL while it is not' AFTER acknowledged_at;

ALTER TABLE operation ADD COLUMN IF NOT EXISTS reason_kind LowCardinality(String)
    COMMENT 'of an exclusion: why the time does not count, such as force-majeure' AFTER text;
