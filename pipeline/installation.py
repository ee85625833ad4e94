"""The processes of one installation, as the supervisor starts them: embedded parts first, then the collectors and what reads from them."""

from pathlib import Path

from pipeline.config.settings import Settings
from pipeline.embedded.clickhouse.child import command as engine_command
from pipeline.embedded.clickhouse.child import environment as engine_environment
from pipeline.embedded.clickhouse.engine_config import EngineConfig
from pipeline.supervisor import ChildSpec


def groups(settings: Settings, settings_file: Path) -> list[list[ChildSpec]]:
    """Child processes in the order of starting: each group needs those before it."""
    embedded = [
        *([broker(settings)] if settings.broker.embedded else []),
        *([engine(settings)] if settings.history.embedded else []),
    ]
    parts = [part(name, settings, settings_file) for name in settings.processes]
    return [group for group in (embedded, parts) if group]


def broker(settings: Settings) -> ChildSpec:
    """The embedded Kafka-protocol broker."""
    host, _, port = settings.broker.bootstrap.rpartition(":")
    data = settings.data_dir / "broker"
    options = ("--sync", settings.broker.sync, "--partitions", str(settings.broker.partitions), "--watch-stdin", "--log-level", "warning")
    return ChildSpec(
        name="broker",
        argv=("-m", "pipeline.embedded.broker", "--data", str(data), "--host", host, "--port", port, *options),
        says=f"broker       Kafka protocol on {settings.broker.bootstrap} (embedded)",
    )


def engine(settings: Settings) -> ChildSpec:
    """The embedded ClickHouse engine."""
    history = settings.history
    config = EngineConfig(
        data_dir=(settings.data_dir / "history").absolute(),
        password=history.password,
        viewer_password=history.viewer_password,
        host=history.host,
        port=history.port,
        native_port=history.native_port,
        database=history.database,
        user=history.user,
        memory_bytes=history.memory_bytes,
    )
    return ChildSpec(
        name="history",
        argv=tuple(engine_command(config)[1:]),
        says=f"history      ClickHouse on http://{history.host}:{history.port} (embedded)",
        environment=engine_environment(config),
    )


def part(name: str, settings: Settings, settings_file: Path) -> ChildSpec:
    """One of the pipeline's own processes, ready when its ``/readyz`` says so."""
    port = settings.metrics_port_of(name)
    host = "127.0.0.1" if settings.metrics_host == "0.0.0.0" else settings.metrics_host  # noqa: S104  # asked, not bound
    webhooks = f"{len(settings.webhooks)} webhook{'s' if len(settings.webhooks) != 1 else ''}"
    others = f", {len(settings.receivers)} other receiver{'s' if len(settings.receivers) != 1 else ''}" if settings.receivers else ""
    told = f"{webhooks}{others}, credits{'' if settings.billing.posting else ' dry'}"
    says = {
        "traps": f"traps        SNMP notifications on {', '.join(settings.traps.listen)}/udp",
        "polls": f"polls        every device every {settings.polls.interval_s:g} s",
        "worker": f"worker       correlation, impact, settlement (Faust, {settings.broker.partitions} partitions)",
        "sink": f"sink         every topic into database {settings.history.database}",
        "outputs": f"outputs      tickets on {settings.tickets.url}, {told}",
        "detectors": f"detectors    elements by models of {settings.detectors.train_days} days, and when links will be full",
        "api": f"console      http://{settings.api.listen}/",
    }
    return ChildSpec(
        name=name,
        argv=("-m", "pipeline", "run", name, "--config", str(settings_file), "--watch-stdin"),
        says=says.get(name)
        or f"{name:<12} {'the same devices, shared' if name.startswith('polls') else 'the same addresses, shared by source'}",
        ready_url=f"http://{host}:{port}/readyz",
    )
