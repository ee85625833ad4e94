"""A real Request Tracker 5 (Debian's) on SQLite in a folder of its own: one queue with the custom field, two people."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.support.embedded import free_port

SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
SETUP = "rt-setup-database-5"
PASSWORD = "a-password-of-tests"
USER, PERSON = "assure", "jane"

_CONFIG = """\
Set($rtname, 'test');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.db');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebBaseURL, 'http://127.0.0.1:{port}');
Set($WebPath, '');
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($MasonDataDir, '{folder}/mason');
Set($MasonSessionDir, '{folder}/session');
Set($MasonLocalComponentRoot, '{folder}/html');
1;
"""
_DATA = """\
@Users = map {{ {{Name => $_, Password => '{password}', Privileged => 1, EmailAddress => "$_\\@example.net"}} }} qw({user} {person});
@CustomFields = ({{Name => 'Incident', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket', ApplyTo => ['General']}});
@Queues = ({{Name => 'Bare', Description => 'without the custom field'}});
@ACL = map {{ {{UserId => $_, Right => 'SuperUser'}} }} qw({user} {person});
1;
"""


@contextmanager
def request_tracker(folder: Path) -> Iterator[str]:
    """Its base URL, while the block lasts."""
    port = free_port()
    for name in ("mason", "session", "html", "empty"):
        (folder / name).mkdir(parents=True)
    config, data = folder / "RT_SiteConfig.pm", folder / "data.pl"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    data.write_text(_DATA.format(password=PASSWORD, user=USER, person=PERSON))
    environment = {**os.environ, "RT_SITE_CONFIG": str(config), "RT_SITE_CONFIG_DIR": str(folder / "empty")}
    for step in (["--action", "init"], ["--action", "insert", "--datafile", str(data)]):
        subprocess.run([SETUP, *step, "--skip-create"], check=True, env=environment, capture_output=True)
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen([SERVER, "--port", str(port), "--host", "127.0.0.1"], env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)
        log.close()


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urlopen(url, timeout=30):  # loopback
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("Request Tracker did not come up; look at its server.log")
