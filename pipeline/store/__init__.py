"""The history: the only ClickHouse code. Schema and migrations, the sink that writes every topic, and the queries that others read by."""
