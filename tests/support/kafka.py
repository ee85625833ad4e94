"""A real Apache Kafka for tests: the one that ASSURE_TEST_KAFKA names, or one node started here on loopback.

The node's jars come by Maven, once, into `~/.cache/assure-tests`; a file lock keeps parallel test processes apart.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.embedded import free_port

VERSION = "4.1.1"
CACHE = Path.home() / ".cache" / "assure-tests"
INSTALL = "no real Kafka: set ASSURE_TEST_KAFKA=host:port, or apt-get install openjdk-17-jre-headless maven"
START_DEADLINE_S = 120.0
_OLDEST_JAVA = 17

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>assure.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{version}</version></dependency>
  </dependencies>
</project>
"""

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}
num.partitions=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=200
log.cleaner.dedupe.buffer.size=2097152
"""

_LOGGING = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def jars() -> str | None:
    """Return the class path of Kafka and its tools, fetched when not there; None when Java or Maven is missing."""
    if shutil.which("mvn") is None or _java_version() < _OLDEST_JAVA:
        return None
    folder = CACHE / f"kafka-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _fetch(folder)
    return f"{folder}/libs/*"


def run_tool(name: str, *arguments: str, stdin: str = "", timeout: float = 60) -> str:
    """Run a Java class of Kafka's tools and return what it prints; the test is skipped where there is no Java."""
    path = jars()
    if path is None:
        pytest.skip(INSTALL)
    done = subprocess.run([*_java(path), name, *arguments], input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{name} {arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


class KafkaNode:
    """One KRaft node, broker and controller in one process, that a test may kill and start again."""

    def __init__(self, folder: Path, class_path: str) -> None:
        self._folder = folder
        self._class_path = class_path
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def format(self) -> None:
        """Write the settings and an empty log."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = _SETTINGS.format(port=self.port, controller=free_port(), data=self._folder / "data")
        (self._folder / "server.properties").write_text(settings)
        (self._folder / "log4j2.properties").write_text(_LOGGING)
        command = ["kafka.tools.StorageTool", "format", "-t", "QXNzdXJlVGVzdHNLYWZrYQ", "-c", self._settings]
        subprocess.run([*self._java, *command], check=True, capture_output=True, timeout=START_DEADLINE_S)

    def start(self) -> None:
        """Start the node and wait until it serves."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([*self._java, "kafka.Kafka", self._settings], stdout=log, stderr=log)
        deadline = time.monotonic() + START_DEADLINE_S
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"Kafka did not start:\n{(self._folder / 'server.log').read_text()[-4000:]}")
            time.sleep(0.2)

    def kill(self) -> None:
        """End the process as kill -9 would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Start again on the same port and data."""
        self.start()

    @property
    def _settings(self) -> str:
        return str(self._folder / "server.properties")

    @property
    def _java(self) -> list[str]:
        return [*_java(self._class_path), f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"]


class NamedKafka:
    """A Kafka that was there before the tests, and is not theirs to kill."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def kill(self) -> None:
        """Skip the test that wants this."""
        pytest.skip("ASSURE_TEST_KAFKA names a broker that these tests do not own and so may not kill")

    restart = kill


@contextlib.contextmanager
def real_kafka(folder: Path) -> Iterator[KafkaNode | NamedKafka]:
    """Give a real Kafka with its log in `folder`, or skip with what to install."""
    named = os.environ.get("ASSURE_TEST_KAFKA")
    if named:
        yield NamedKafka(named)
        return
    class_path = jars()
    if class_path is None:
        pytest.skip(INSTALL)
    node = KafkaNode(folder, class_path)
    node.format()
    node.start()
    try:
        yield node
    finally:
        node.kill()


def _fetch(folder: Path) -> None:
    (folder / "pom.xml").write_text(_POM.format(version=VERSION))
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
    subprocess.run(
        ["mvn", "-q", "-B", "-f", str(folder / "pom.xml"), *goal],
        check=True,
        timeout=900,
    )
    (folder / "complete").touch()


def _java(class_path: str) -> list[str]:
    return ["java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", class_path]


def _java_version() -> int:
    java = shutil.which("java")
    if java is None:
        return 0
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    digits = said.partition('"')[2].partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
