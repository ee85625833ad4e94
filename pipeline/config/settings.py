"""The settings of one installation: one frozen dataclass for each component, all in one YAML file (``assure init`` writes it)."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from pipeline.config.billing_settings import BillingSettings
from pipeline.config.output_settings import MessageSettings, RemedySettings, TicketSettings, WebhookSettings
from pipeline.config.receiver_settings import ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.config.source_settings import InventorySettings
from pipeline.core.raw import SecurityLevel


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The Kafka-protocol broker. ``embedded`` starts our own on ``bootstrap``; otherwise ``bootstrap`` is a production Kafka."""

    bootstrap: str = "127.0.0.1:19092"
    embedded: bool = True
    partitions: int = 4
    replication: int = 1
    sync: str = "normal"


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """ClickHouse over HTTP. ``embedded`` starts the engine of the chdb wheel as a child on ``host:port``.

    Every value of an indicator is kept ``kpi_days``, by the minute ``kpi_1m_days`` and by the hour ``kpi_1h_days`` days (1 or more).
    """

    host: str = "127.0.0.1"
    port: int = 18123
    native_port: int = 19000
    database: str = "assure"
    user: str = "assure"
    password: Secret = field(default_factory=Secret)
    viewer_password: Secret = field(default_factory=Secret)
    secure: bool = False
    embedded: bool = True
    memory_bytes: int = 2_000_000_000
    flush_ms: int = 500
    kpi_days: int = 14
    kpi_1m_days: int = 90
    kpi_1h_days: int = 1_095


@dataclass(frozen=True, slots=True)
class ObligationsSettings:
    """The relational store of obligations: an SQLAlchemy URL. Empty means SQLite in the data directory."""

    url: Secret = field(default_factory=Secret)


class AuthProtocol(StrEnum):
    """How an SNMPv3 user's messages are authenticated: HMAC with SHA-2 (RFC 7860), with SHA-1 or MD5 (RFC 3414)."""

    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    SHA1 = "sha1"
    MD5 = "md5"


class PrivProtocol(StrEnum):
    """How they are encrypted: AES in CFB mode (RFC 3826), or DES (RFC 3414).

    Two ways are in use to make a key of 192 or 256 bits of a shorter digest: draft-blumenthal-aes-usm-04 and, as Cisco's devices do
    (``-cisco``), draft-reeder-snmpv3-usm-3desede.
    """

    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"
    AES192_CISCO = "aes192-cisco"
    AES256_CISCO = "aes256-cisco"
    DES = "des"


@dataclass(frozen=True, slots=True)
class SnmpUserSettings:
    """One SNMPv3 user (RFC 3414), whose notifications are taken. Passwords have 8 characters or more.

    ``level`` is the least protection that is taken; without it, the most that the passwords allow. ``allow_weak`` admits MD5, SHA-1
    and DES. ``engine_ids`` (hexadecimal) narrows whose traps the user may send; none listed means any. INFORMs use our engineID and are
    not narrowed. ``relaxed_clock`` lists CIDRs of senders whose engineBoots or engineTime go wrong: their traps are taken outside the
    time window too, counted, and not held to be authenticated, since they may be replays.
    """

    name: str
    auth: AuthProtocol = AuthProtocol.SHA256
    auth_password: Secret = field(default_factory=Secret)
    priv: PrivProtocol = PrivProtocol.AES128
    priv_password: Secret = field(default_factory=Secret)
    level: SecurityLevel | None = None
    allow_weak: bool = False
    engine_ids: tuple[str, ...] = ()
    relaxed_clock: tuple[str, ...] = ()

    @property
    def reach(self) -> SecurityLevel:
        """The most protection that the passwords allow."""
        if not self.auth_password:
            return SecurityLevel.NO_AUTH_NO_PRIV
        return SecurityLevel.AUTH_PRIV if self.priv_password else SecurityLevel.AUTH_NO_PRIV

    @property
    def least(self) -> SecurityLevel:
        """The least protection that is taken."""
        return self.level or self.reach

    @property
    def weak(self) -> tuple[str, ...]:
        """The protocols in use that are broken or on their way out: MD5 (RFC 6151), SHA-1 (RFC 6194), DES."""
        used = (self.auth if self.auth_password else "", self.priv if self.priv_password else "")
        return tuple(str(one) for one in used if one in {AuthProtocol.MD5, AuthProtocol.SHA1, PrivProtocol.DES})


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The storm guard of the trap collector. Over a limit, only the last notification of each object is passed on, once in ``compact_s``.

    ``source_per_s`` and ``source_burst`` limit one sender, ``object_per_s`` and ``object_burst`` one object of a sender (an alarm of a
    resource), ``overall_per_s`` all senders together. A storm is over when the rate was under ``rearm`` times the limit for ``rearm_s``.
    At most ``held_max`` notifications are held back; with more, the oldest are passed on.
    """

    enabled: bool = True
    source_per_s: float = 50.0
    source_burst: int = 200
    object_per_s: float = 2.0
    object_burst: int = 10
    overall_per_s: float = 4_000.0
    rearm: float = 0.5
    rearm_s: float = 10.0
    compact_s: float = 1.0
    held_max: int = 10_000


@dataclass(frozen=True, slots=True)
class TrapSettings:
    """The trap collector. ``allow`` lists CIDRs; nothing is allowed that is not listed. Sizes are bytes.

    ``communities`` narrows v1 and v2c senders further; none listed means any, since they are no secret on the wire. ``users`` are SNMPv3's;
    none listed means that no v3 message is taken. ``processes`` receivers share the addresses of ``listen``; each source is heard by one of
    them, which keeps a journal of its own. ``journal_days`` is the age at which what was published leaves the journal even when there is
    room; 0 keeps it until its room is wanted.
    """

    collector: str = "trap-1"
    processes: int = 1
    listen: tuple[str, ...] = ("127.0.0.1:16200",)
    allow: tuple[str, ...] = ("127.0.0.0/8",)
    communities: tuple[str, ...] = ()
    users: tuple[SnmpUserSettings, ...] = ()
    forwarders: tuple[str, ...] = ()
    receive_buffer_bytes: int = 8_388_608
    batch_ms: int = 5
    segment_bytes: int = 67_108_864
    journal_bytes: int = 4_294_967_296
    journal_days: float = 0.0
    guard: GuardSettings = field(default_factory=GuardSettings)


@dataclass(frozen=True, slots=True)
class PollSettings:
    """The poll collector. Each device is asked every ``interval_s``.

    ``timeout_s`` and ``retries`` bound one question: each try waits twice as long as the one before it, all together no longer than nine
    tenths of the interval, so that a silent device loses no turn. A device is put one question at a time, at most ``requests_per_s`` a
    second; ``in_flight`` devices are asked at once. One that was silent for ``silent_polls`` turns is asked a single question each turn
    until it answers.

    ``processes`` share the devices by the partitions of the broker's topics; when one ends, the others take its devices over. Each keeps a
    journal of its own. ``ping`` sends ``pings`` ICMP echoes to each device as well. SNMPv3's users are those of ``traps.users``.

    What a trap claims is asked back within about a second, out of turn: a device at most once in ``question_pause_s``, all devices together
    ``questions_per_s`` times a second (0: never; the next turn tells).

    ``journal_bytes`` and ``journal_days`` bound what is kept, as for traps.
    """

    collector: str = "poll-1"
    interval_s: float = 30.0
    timeout_s: float = 1.0
    retries: int = 1
    in_flight: int = 256
    requests_per_s: float = 200.0
    silent_polls: int = 3
    processes: int = 1
    ping: bool = False
    pings: int = 3
    segment_bytes: int = 67_108_864
    journal_bytes: int = 1_073_741_824
    journal_days: float = 0.0
    question_pause_s: float = 5.0
    questions_per_s: float = 20.0


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """When an incident is opened: ``settle_s`` after the last new alarm of its component, at most ``settle_cap_s`` after the first."""

    settle_s: float = 1.5
    settle_cap_s: float = 5.0
    flap_changes: int = 5
    flap_window_s: float = 60.0
    clear_hold_s: float = 10.0


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Anomalies of elements as a whole, by models trained from the history; and the capacity forecast.

    Vectors that came within ``score_every_s`` are judged at once. Odd is what at most a share ``rare`` of ordinary vectors is; it takes
    ``odd_samples`` in a row to raise an alarm, ``normal_samples`` to clear it. Every ``train_every_hours`` models are trained on
    ``train_days`` of history, of which there must be ``least_days``; every ``forecast_every_hours`` it is told when each link's busy hour
    passes ``forecast_threshold`` (a share of its speed). 0 hours: never by itself.
    """

    score_every_s: float = 5.0
    rare: float = 0.001
    odd_samples: int = 5
    normal_samples: int = 5
    train_every_hours: float = 24.0
    train_days: int = 14
    least_days: float = 3.0
    forecast_every_hours: float = 24.0
    forecast_threshold: float = 0.8


class ApiRole(StrEnum):
    """What a token of the API is good for: reading, also changing what people decide about faults, or also approving credits.

    An operator approves no credits, and an approver touches no incident: whoever can end an outage does not also pay for it. A customer
    reads one customer's own view, and nothing else.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class ApiTokenSettings:
    """One caller of the API: ``name`` is what the audit trail calls it, ``secret`` its bearer token of 16 characters or more.

    ``customer`` is the inventory's name of the one whose view a token of the role customer reads.
    """

    name: str
    role: ApiRole = ApiRole.VIEWER
    secret: Secret = field(default_factory=Secret)
    customer: str = ""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The console and northbound API. ``token`` is asked of everybody who reads; without one it listens on loopback only.

    ``tokens`` are those of single callers: good for reading, with the role operator for acknowledging, shelving and planning work too, with
    the role approver for approving credits. Without such a one nothing can be changed by the API. One of the role customer reads the view
    of its ``customer`` (``/view``) and nothing else.

    ``hosts`` are further names by which a browser may call it (of a proxy before it, say). On loopback no other name is answered, so that
    no web page elsewhere can read it through a name of its own (DNS rebinding); off loopback, none listed means any.

    ``url`` is how people reach the console: notifications link to it; empty, they hold no link.
    Events go to callbacks that systems register (``hub``), on private addresses only with ``hubs_private``; with ``hubs_secret``
    (``whsec_`` and base64) they are signed as webhooks are.
    """

    listen: str = "127.0.0.1:18642"
    token: Secret = field(default_factory=Secret)
    tokens: tuple[ApiTokenSettings, ...] = ()
    hosts: tuple[str, ...] = ()
    url: str = ""
    hubs_private: bool = False
    hubs_secret: Secret = field(default_factory=Secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. Paths are absolute after loading; empty ``rules_dir``/``mibs_dir`` mean those that come with the package.

    Each process serves its own metrics and health on ``metrics_host`` and ``metrics_port + n``, ``n`` being its place in
    :data:`pipeline.config.settings.COMPONENTS`; further receivers of traps (``traps-2`` and so on) follow from ``metrics_port + 10`` on,
    further pollers (``polls-2`` and so on) from ``metrics_port + 50`` on.
    """

    data_dir: Path
    inventory_dir: Path
    rules_dir: Path | None = None
    mibs_dir: Path | None = None
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 18700
    inventory: InventorySettings = field(default_factory=InventorySettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    obligations: ObligationsSettings = field(default_factory=ObligationsSettings)
    traps: TrapSettings = field(default_factory=TrapSettings)
    polls: PollSettings = field(default_factory=PollSettings)
    correlation: CorrelationSettings = field(default_factory=CorrelationSettings)
    detectors: DetectorSettings = field(default_factory=DetectorSettings)
    tickets: TicketSettings = field(default_factory=TicketSettings)
    webhooks: tuple[WebhookSettings, ...] = ()
    receivers: tuple[ReceiverSettings, ...] = ()
    billing: BillingSettings = field(default_factory=BillingSettings)
    messages: MessageSettings = field(default_factory=MessageSettings)
    remedies: RemedySettings = field(default_factory=RemedySettings)
    api: ApiSettings = field(default_factory=ApiSettings)

    @property
    def snapshot_dir(self) -> Path:
        """Where the last good answers of the inventory's sources lie."""
        return self.data_dir / "inventory-sources"

    @property
    def receiver_names(self) -> tuple[str, ...]:
        """Every receiver of notifications, webhooks first."""
        return (*(each.name for each in self.webhooks), *(each.name for each in self.receivers))

    def journal_dir(self, collector: str) -> Path:
        """Where a collector keeps its journal."""
        return self.data_dir / "journal" / collector

    @property
    def trap_collectors(self) -> dict[str, str]:
        """Process -> collector, of every receiver of traps: ``traps`` is ``trap-1``, ``traps-2`` is ``trap-1.2``, and so on."""
        return _collectors("traps", self.traps.collector, self.traps.processes)

    @property
    def poll_collectors(self) -> dict[str, str]:
        """Process -> collector, of every poller: ``polls`` is ``poll-1``, ``polls-2`` is ``poll-1.2``, and so on."""
        return _collectors("polls", self.polls.collector, self.polls.processes)

    @property
    def processes(self) -> tuple[str, ...]:
        """The long-running processes: :data:`COMPONENTS`, with the further receivers of traps and pollers behind the first."""
        others = (name for name in COMPONENTS if name not in {"traps", "polls"})
        return (*self.trap_collectors, *self.poll_collectors, *others)

    def metrics_port_of(self, process: str) -> int:
        """Where a process serves its metrics and health. Raises ``ValueError`` for a name that is no process's."""
        if process in COMPONENTS:
            return self.metrics_port + COMPONENTS.index(process)
        if process in self.poll_collectors:
            return self.metrics_port + FURTHER_POLL_PORTS + tuple(self.poll_collectors).index(process) - 1
        return self.metrics_port + FURTHER_PORTS + tuple(self.trap_collectors).index(process) - 1

    def of_process(self, process: str) -> "Settings":
        """The settings as a further receiver of traps, or poller, has them: as the first's, with a collector and a port of its own."""
        if process in COMPONENTS:
            return self
        if process in self.poll_collectors:
            port = self.metrics_port_of(process) - COMPONENTS.index("polls")
            return replace(self, metrics_port=port, polls=replace(self.polls, collector=self.poll_collectors[process]))
        port = self.metrics_port_of(process) - COMPONENTS.index("traps")
        return replace(self, metrics_port=port, traps=replace(self.traps, collector=self.trap_collectors[process]))

    def obligations_url(self) -> str:
        """The obligations store's SQLAlchemy URL, the default being SQLite in the data directory."""
        return self.obligations.url.reveal() or f"sqlite:///{self.data_dir / 'obligations.db'}"


def _collectors(process: str, first: str, count: int) -> dict[str, str]:
    return {process: first, **{f"{process}-{number}": f"{first}.{number}" for number in range(2, count + 1)}}


MAX_RARE = 0.1
"""What more than a tenth of ordinary vectors are is not odd: the largest ``detectors.rare``."""

MAX_TRAP_PROCESSES = 32
MAX_POLL_PROCESSES = 32
FURTHER_PORTS = 10
FURTHER_POLL_PORTS = 50
"""From ``metrics_port`` to the port of the second receiver of traps, and of the second poller; before them is room for more components."""

COMPONENTS = ("traps", "polls", "worker", "sink", "outputs", "api", "detectors")
"""The long-running processes of ``assure up``, in the order in which they start after broker and history."""
