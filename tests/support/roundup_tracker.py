"""A real Roundup tracker (PyPI's, the classic template) on SQLite in a folder of its own, served by WSGI; two people.

``python -m tests.support.roundup_tracker FOLDER PORT`` is the server.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

from tests.support.embedded import free_port

PASSWORD = "a-password-of-tests"
USER, PERSON = "assure", "jane"
_ADMIN = "import sys; from roundup.admin import AdminTool; sys.exit(AdminTool().main())"


@contextmanager
def roundup_tracker(folder: Path) -> Iterator[str]:
    """Its base URL, while the block lasts."""
    port, home = free_port(), folder / "tracker"
    overrides = f"tracker_web=http://127.0.0.1:{port}/,mail_domain=example.net,mail_host=127.0.0.1,mail_debug={folder / 'mail.txt'}"
    _admin(home, "install", "classic", "sqlite", overrides)
    _admin(home, "initialise", PASSWORD)
    for name in (USER, PERSON):
        _admin(home, "create", "user", f"username={name}", f"password={PASSWORD}", "roles=User", f"address={name}@example.net")
    server = subprocess.Popen([sys.executable, "-m", "tests.support.roundup_tracker", home, str(port)], stderr=subprocess.DEVNULL)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _admin(home: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-c", _ADMIN, "-i", home, *words], check=True, capture_output=True)


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=30):  # loopback
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("Roundup did not come up")


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Say nothing."""


if __name__ == "__main__":
    from roundup.cgi.wsgi_handler import RequestDispatcher

    make_server("127.0.0.1", int(sys.argv[2]), RequestDispatcher(sys.argv[1]), handler_class=_Quiet).serve_forever()
