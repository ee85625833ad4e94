"""What the embedded engine is told: one frozen configuration, rendered into the two XML files that ClickHouse reads."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from pipeline.config.secret import Secret
from pipeline.config.settings import HistorySettings

VIEWER = "viewer"
_OWNER = "CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, ALTER, TRUNCATE, OPTIMIZE, INSERT, SELECT, SHOW, BACKUP"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class ConfigError(ValueError):
    """A configuration that the engine must not be started with; the text says what to change."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """One embedded engine. ``data_dir`` is its own folder; ``memory_bytes`` bounds the engine.

    ``native_port`` 0 leaves the native listener off.
    """

    data_dir: Path
    password: Secret
    viewer_password: Secret
    host: str = "127.0.0.1"
    port: int = 18123
    native_port: int = 0
    database: str = "assure"
    user: str = "assure"
    memory_bytes: int = 2_000_000_000

    @classmethod
    def of(cls, settings: HistorySettings, data_dir: Path) -> "EngineConfig":
        """The engine that serves ``settings`` from ``data_dir``."""
        return cls(
            data_dir=data_dir,
            password=settings.password,
            viewer_password=settings.viewer_password,
            host=settings.host,
            port=settings.port,
            native_port=settings.native_port,
            database=settings.database,
            user=settings.user,
            memory_bytes=settings.memory_bytes,
        )

    @property
    def listeners(self) -> dict[str, int]:
        """Protocol name as ``SYSTEM START LISTEN`` wants it -> port, of those that are on."""
        ports = {"TCP": self.native_port, "HTTP": self.port}
        return {protocol: port for protocol, port in ports.items() if port}


def check(config: EngineConfig) -> None:
    """Refuse what would be unsafe or could not work. Raises ``ConfigError`` with the remedy."""
    if not config.host.startswith("127."):
        raise ConfigError(f"history.host is {config.host}: the embedded engine serves loopback only; use 127.0.0.1, or a ClickHouse server")
    for what, name in (("database", config.database), ("user", config.user)):
        if not _NAME.fullmatch(name) or name in {"default", "system", VIEWER}:
            raise ConfigError(f"history.{what} is {name!r}: use letters, digits and underscores, and not default, system or {VIEWER}")
    for what, secret in (("password", config.password), ("viewer_password", config.viewer_password)):
        if not secret:
            raise ConfigError(f"history.{what} is empty: `assure init` generates one")


def config_xml(config: EngineConfig) -> str:
    """The server's configuration. It logs warnings only (the default writes megabytes a minute) and remembers inserts for their retries."""
    ports = "".join(f"  <{tag}>{port}</{tag}>\n" for tag, port in (("http_port", config.port), ("tcp_port", config.native_port)) if port)
    return f"""<clickhouse>
  <listen_host>{escape(config.host)}</listen_host>
{ports}  <users_config>users.xml</users_config>
  <default_database>local</default_database>
  <logger><log>engine.log</log><errorlog>engine.error.log</errorlog><size>10M</size><count>2</count></logger>
  <log-level>warning</log-level>
  <max_server_memory_usage>{config.memory_bytes}</max_server_memory_usage>
  <mark_cache_size>{config.memory_bytes // 10}</mark_cache_size>
  <max_concurrent_queries>64</max_concurrent_queries>
  <max_connections>128</max_connections>
  <merge_tree><non_replicated_deduplication_window>10000</non_replicated_deduplication_window></merge_tree>
</clickhouse>
"""


def users_xml(config: EngineConfig) -> str:
    """Three users. ``default`` is the engine's own session: it may start the listeners and is then out of quota, so nobody comes in as it.

    Every user has explicit grants: a user without any could read files of this machine through table functions. Passwords stand here
    as SHA-256 only.
    """
    listen = ["GRANT SYSTEM LISTEN ON *.*", "GRANT SELECT ON system.numbers"]
    write = [
        f"GRANT {_OWNER} ON {config.database}.*",
        "GRANT SELECT ON system.*",
        "GRANT TABLE ENGINE ON *",
        "GRANT CREATE TEMPORARY TABLE, KILL QUERY, SYSTEM FLUSH LOGS ON *.*",
    ]
    read = [f"GRANT SELECT, SHOW ON {config.database}.*", "GRANT SELECT ON system.one", "GRANT SELECT ON system.numbers"]
    return f"""<clickhouse>
  <profiles>
    <default>
      <async_insert>0</async_insert>
      <deduplicate_blocks_in_dependent_materialized_views>1</deduplicate_blocks_in_dependent_materialized_views>
      <max_memory_usage>{config.memory_bytes // 2}</max_memory_usage>
    </default>
    <reader>
      <readonly>2</readonly>
      <max_execution_time>30</max_execution_time>
      <max_memory_usage>{config.memory_bytes // 3}</max_memory_usage>
    </reader>
  </profiles>
  <quotas>
    <default></default>
    <boot><interval><duration>315360000</duration><queries>{len(config.listeners) + 1}</queries></interval></boot>
  </quotas>
  <users>
{_user("default", "<password></password>", "default", "boot", listen)}
{_user(config.user, _hashed(config.password), "default", "default", write)}
{_user(VIEWER, _hashed(config.viewer_password), "reader", "default", read)}
  </users>
</clickhouse>
"""


def _hashed(password: Secret) -> str:
    return f"<password_sha256_hex>{hashlib.sha256(password.reveal().encode()).hexdigest()}</password_sha256_hex>"


def _user(name: str, password: str, profile: str, quota: str, grants: Iterable[str]) -> str:
    queries = "".join(f"<query>{escape(grant)}</query>" for grant in grants)
    return (
        f"    <{name}>{password}<networks><ip>127.0.0.0/8</ip></networks><profile>{profile}</profile><quota>{quota}</quota>"
        f"<grants>{queries}</grants></{name}>"
    )


def write_files(config: EngineConfig, folder: Path) -> None:
    """Write ``config.xml`` and ``users.xml`` into ``folder``, readable by the owner only. Raises ``OSError``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in (("config.xml", config_xml(config)), ("users.xml", users_xml(config))):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
