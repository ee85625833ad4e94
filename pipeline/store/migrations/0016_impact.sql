-- What an incident's cause rests on, and how its failure reaches each service and how much of it is lost.
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS `impacts.share` Array(Float64)
    COMMENT 'share of the service that is lost, 0 to 1; 1 when it is down, 0 when only redundancy is lost' CODEC(ZSTD(1)) AFTER `impacts.since_at`;
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS `impacts.path` Array(Array(String))
    COMMENT 'from the root cause to what the service needs; kept for the first 200 services' CODEC(ZSTD(3)) AFTER `impacts.share`;
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS `impacts.gate` Array(String)
    COMMENT 'the resource on the path that has lost its protection; empty if none' CODEC(ZSTD(3)) AFTER `impacts.path`;
ALTER TABLE incident_revision ADD COLUMN IF NOT EXISTS grounds String
    COMMENT 'JSON: what the cause explains, what is missing, excused or against it, its rivals, what would settle a doubt' CODEC(ZSTD(3))
    AFTER explanation;

ALTER TABLE incident ADD COLUMN IF NOT EXISTS `impacts.share` Array(Float64)
    COMMENT 'share of the service that is lost, 0 to 1; 1 when it is down, 0 when only redundancy is lost' CODEC(ZSTD(1)) AFTER `impacts.since_at`;
ALTER TABLE incident ADD COLUMN IF NOT EXISTS `impacts.path` Array(Array(String))
    COMMENT 'from the root cause to what the service needs; kept for the first 200 services' CODEC(ZSTD(3)) AFTER `impacts.share`;
ALTER TABLE incident ADD COLUMN IF NOT EXISTS `impacts.gate` Array(String)
    COMMENT 'the resource on the path that has lost its protection; empty if none' CODEC(ZSTD(3)) AFTER `impacts.path`;
ALTER TABLE incident ADD COLUMN IF NOT EXISTS grounds String
    COMMENT 'JSON: what the cause explains, what is missing, excused or against it, its rivals, what would settle a doubt' CODEC(ZSTD(3))
    AFTER explanation;

-- Both take their columns when they are made.
DROP VIEW IF EXISTS incident_mv;
CREATE MATERIALIZED VIEW IF NOT EXISTS incident_mv TO incident AS SELECT * FROM incident_revision;

DROP VIEW IF EXISTS incident_current;
CREATE VIEW IF NOT EXISTS incident_current AS
SELECT *, transform(severity, [2, 3, 4, 5, 6], ['indeterminate', 'warning', 'minor', 'major', 'critical'], 'unknown') AS severity_name
FROM incident FINAL
COMMENT 'the last revision of every incident, one row each; open ones: state = ''open''';
