"""The embedded history: a genuine ClickHouse engine, run as a supervised child process that listens on loopback.

The wheel ``chdb-core`` carries the whole engine, its HTTP and native listeners included. The child, started by
``python -m pipeline.embedded.clickhouse``, opens them; the parent side is :mod:`pipeline.embedded.clickhouse.child`. Everything else of
the pipeline speaks HTTP to it through clickhouse-connect, as it does to a production server.
"""
