"""The log's SQLite file: schema, connections, and what of it is kept in memory."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.idempotence import History

SCHEMA = """
create table if not exists meta(name text primary key, value integer not null) without rowid;
create table if not exists topics(
  id integer primary key autoincrement, name text not null unique, partitions integer not null, config text not null);
create table if not exists partitions(
  tid integer not null, part integer not null, start integer not null, primary key(tid, part)) without rowid;
create table if not exists batches(
  tid integer not null, part integer not null, last integer not null, base integer not null,
  ts integer not null, size integer not null, data blob not null);
create unique index if not exists batches_at on batches(tid, part, last, base, ts, size);
create table if not exists offsets(
  name text not null, topic text not null, part integer not null, position integer not null, metadata text,
  primary key(name, topic, part)) without rowid;
create table if not exists producers(
  tid integer not null, part integer not null, pid integer not null, history blob not null, at integer not null,
  primary key(tid, part, pid)) without rowid;
create table if not exists graves(tid integer primary key);
"""
_PAGE = 4096
_CHECKPOINT_PAGES = 4_000
_CHECKPOINT_FROM_BYTES = 1 << 20


@dataclass(frozen=True)
class Topic:
    """A topic: its row id, name, number of partitions, and the settings it was created with."""

    id: int
    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True)
class Bounds:
    """Offsets of one partition: `start` is the oldest that may be read, `end` the next to be written."""

    start: int = 0
    end: int = 0


Place = tuple[int, int]
"""A partition: (topic id, partition number)."""


@dataclass
class State:
    """What the file says, kept in memory; changed only after the transaction that changed the file."""

    topics: dict[str, Topic] = field(default_factory=dict)
    bounds: dict[Place, Bounds] = field(default_factory=dict)
    histories: dict[tuple[int, int, int], History] = field(default_factory=dict)
    appended: dict[Place, int] = field(default_factory=dict)
    boots: int = 0


def connect(config: BrokerConfig) -> sqlite3.Connection:
    """Open the log for writing and bring its schema up.

    A commit in mode `normal` writes the WAL without waiting for the disk, so it survives kill -9 but not a power cut;
    `full` waits. The page limit turns `max_bytes` into SQLite's own "disk full".
    """
    db = sqlite3.connect(_path(config.data), isolation_level=None, check_same_thread=False)
    db.execute("pragma auto_vacuum=incremental")
    db.execute("pragma journal_mode=wal")
    db.execute(f"pragma synchronous={config.sync}")
    db.execute(f"pragma wal_autocheckpoint={_CHECKPOINT_PAGES}")
    db.executescript(SCHEMA)
    if config.max_bytes is not None:
        db.execute(f"pragma max_page_count={max(config.max_bytes // _PAGE, 1)}")
    return db


def connect_reader(config: BrokerConfig) -> sqlite3.Connection:
    """Open the log for reading; such a connection sees committed rows only, and may be used by any one thread at a time."""
    db = sqlite3.connect(_path(config.data), isolation_level=None, check_same_thread=False)
    db.execute("pragma query_only=1")
    return db


def checkpoint(config: BrokerConfig) -> None:
    """Move the WAL into the file without holding up a writer; for a thread of its own."""
    db = sqlite3.connect(_path(config.data), isolation_level=None)
    try:
        db.execute("pragma wal_checkpoint(passive)").fetchall()
    finally:
        db.close()


def wants_checkpoint(config: BrokerConfig) -> bool:
    """Tell whether the WAL holds enough for a checkpoint to be worth its fsync."""
    wal = config.data / "broker.sqlite3-wal"
    return wal.exists() and wal.stat().st_size > _CHECKPOINT_FROM_BYTES


def load(db: sqlite3.Connection) -> State:
    """Read topics and bounds, and count this opening."""
    db.execute("insert into meta values('boots', 1) on conflict(name) do update set value = value + 1")
    state = State(boots=db.execute("select value from meta where name = 'boots'").fetchone()[0])
    for tid, name, partitions, config in db.execute("select id, name, partitions, config from topics").fetchall():
        state.topics[name] = Topic(tid, name, partitions, json.loads(config))
    for tid, part, start in db.execute("select tid, part, start from partitions").fetchall():
        query = "select last from batches where tid = ? and part = ? order by last desc limit 1"
        newest = db.execute(query, (tid, part)).fetchone()
        state.bounds[tid, part] = Bounds(start, newest[0] + 1 if newest else start)
    return state


def _path(folder: Path) -> Path:
    return folder / "broker.sqlite3"
