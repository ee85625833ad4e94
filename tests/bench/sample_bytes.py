"""Bytes on disk for a stored sample, of a network's indicators polled once a minute; and of the roll-ups beside it.

The figure is what the parts of ``kpi_raw`` take after the engine's own merges, none forced, divided by the samples in them. Beside it: the
same merged whole; the roll-ups, for each sample that went into them; the traffic alone, which is the hard part; and the same values in full
precision in a table of the plain form, one row for a sample, ``Float64`` in Gorilla's encoding.
"""

import argparse
import os
from collections.abc import Iterable, Sequence

from pipeline.store.client import Connection
from pipeline.store.packed import COLUMNS, Packed, pack
from tests.bench.bar import Bar
from tests.bench.history_load import Load, engine, load
from tests.bench.measured_network import Size, minutes

BAR_BYTES = 3.0
FULL = dict.fromkeys(
    (
        *("in_bps", "out_bps", "in_utilisation", "out_utilisation", "in_errors_per_s", "out_errors_per_s", "oper_up", "answered"),
        *("round_trip_ms", "rx_power_dbm", "tx_power_dbm", "rx_margin_db", "cpu_utilisation", "memory_utilisation", "storage_utilisation"),
        "temperature_celsius",
    ),
    53,
)
PLAIN = (
    "CREATE TABLE plain_intake AS kpi_intake ENGINE = Null",
    """CREATE TABLE plain (
        kpi LowCardinality(String), device LowCardinality(String), resource String, at DateTime64(3, 'UTC'),
        value Float64 CODEC(Gorilla, ZSTD(1)), quality Enum8('good' = 0, 'missing' = 1, 'reset' = 2, 'stale' = 3, 'blind' = 4)
    ) ENGINE = MergeTree ORDER BY (kpi, device, resource, at) PARTITION BY toYYYYMMDD(at)""",
    """CREATE MATERIALIZED VIEW plain_mv TO plain AS
    SELECT one AS kpi, device, name AS resource, at, number AS value, toInt8(rated) AS quality
    FROM (SELECT device, at, resources, one, column,
            if(empty(qualities_of_one), arrayResize(qualities_of_one, length(column)), qualities_of_one) AS filled
        FROM plain_intake ARRAY JOIN kpis AS one, `values` AS column, qualities AS qualities_of_one)
    ARRAY JOIN resources AS name, column AS number, filled AS rated""",
)
_BYTES = "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'assure' AND table = {table:String}"
_COLUMNS = (
    "SELECT column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns"
    " WHERE active AND database = 'assure' AND table = {table:String} GROUP BY column ORDER BY bytes DESC"
)


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """One bar."""
    parser = argparse.ArgumentParser(prog="sample-bytes")
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--ports", type=int, default=48)
    parser.add_argument("--minutes", type=int, default=360)
    options = parser.parse_args(arguments)
    size = Size(options.devices, options.ports)
    with engine() as running:
        connection = Connection.writer(running.settings)
        done = load(running, connection, size, options.minutes)
        each = {table: _bytes(connection, table) / done.samples for table in ("kpi_raw", "kpi_1m_state", "kpi_1h_state")}
        for table in each:
            connection.command(f"OPTIMIZE TABLE {table} FINAL")
            _tell(connection, table, done.samples)
        whole = _bytes(connection, "kpi_raw") / done.samples
        traffic = _traffic(connection)
        plain = _plain(connection, size, min(options.minutes, 120))
        connection.close()
    yield Bar("sample-bytes", each["kpi_raw"], "bytes", _against(each, whole, traffic, plain, done))


def _against(each: dict[str, float], whole: float, traffic: float, plain: float, done: Load) -> dict[str, float | str]:
    return {
        "bar": BAR_BYTES,
        "merged-whole": whole,
        "traffic-alone": traffic,
        "1m-beside": each["kpi_1m_state"],
        "1h-beside": each["kpi_1h_state"],
        "row-per-sample-gorilla": plain,
        "samples": done.samples,
        "client-us-a-sample": done.client_us,
        "engine-us-a-sample": done.engine_us,
        "load": os.getloadavg()[0],
    }


def _bytes(connection: Connection, table: str) -> int:
    return int(connection.rows(_BYTES, {"table": table})[0]["bytes"])


def _tell(connection: Connection, table: str, samples: int) -> None:
    rows = connection.rows(_COLUMNS, {"table": table})
    print(f"  {table}: " + ", ".join(f"{row['column']} {row['bytes'] / samples:.3f}" for row in rows))


def _traffic(connection: Connection) -> float:
    """Bytes for a sample of a table that holds the values of ``in_bps`` and ``out_bps`` alone."""
    connection.command("CREATE TABLE traffic AS kpi_raw")
    connection.command("INSERT INTO traffic SELECT * FROM kpi_raw WHERE kpi IN ('in_bps', 'out_bps')")
    samples = connection.rows("SELECT sum(length(`values`)) AS n FROM traffic")[0]["n"]
    return _bytes(connection, "traffic") / int(samples)


def _plain(connection: Connection, size: Size, count: int) -> float:
    """Bytes for a sample in the plain form, of the first ``count`` minutes."""
    for statement in PLAIN:
        connection.command(statement)
    samples = 0
    for number, batches in enumerate(minutes(size, 1_790_000_000, count)):
        block = Packed([pack(batch, FULL) for batch in batches])
        connection.insert_native("plain_intake", COLUMNS, block.native(), token=f"plain:{number}")
        samples += block.samples
    connection.command("OPTIMIZE TABLE plain FINAL")
    return _bytes(connection, "plain") / samples
