-- What dashboards and analysts ask most, with the last word of each fact and money as it is written.
CREATE VIEW IF NOT EXISTS evaluation_current AS
SELECT * FROM evaluation FINAL
ORDER BY revision DESC, evaluated_at DESC
LIMIT 1 BY contract, service, metric, period
COMMENT 'the last evaluation of each service, metric and period, one row each; missed targets: violated';

CREATE VIEW IF NOT EXISTS credit_proposed AS
SELECT key, subject AS contract, JSONExtractString(body, 'customer') AS customer, JSONExtractString(body, 'service') AS service,
    JSONExtractString(body, 'metric') AS metric, JSONExtractString(body, 'period') AS period, JSONExtractUInt(body, 'revision') AS revision,
    JSONExtractInt(body, 'amount_minor') AS amount_minor, JSONExtractString(body, 'currency') AS currency,
    CAST(amount_minor, 'Decimal(18, 3)') / transform(currency,
        ['CLP', 'ISK', 'JPY', 'KRW', 'PYG', 'UGX', 'VND', 'XAF', 'XOF', 'BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1000, 1000, 1000, 1000, 1000, 1000, 1000], 100) AS amount,
    JSONExtractString(body, 'evidence', 'evaluation') AS evaluation, decided_at, reason
FROM effect FINAL WHERE kind = 'credit'
COMMENT 'credits that were decided, one row each; a negative amount takes back; approval and posting are in the ledger (assure credits)';
