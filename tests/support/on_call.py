"""A receiver of signed webhooks as an on-call tool would be: it verifies with the reference library of Standard Webhooks and keeps all."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

ENCODED_SECRET = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes.").decode()


class OnCall:
    """``deliveries`` are the verified payloads in order of arrival, with their ``webhook-id`` as key ``id``."""

    def __init__(self) -> None:
        self.deliveries: list[dict[str, Any]] = []
        self.refused = 0
        verifier, receiver = Webhook(ENCODED_SECRET), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    payload = verifier.verify(body, dict(self.headers.items()))
                except WebhookVerificationError:
                    receiver.refused += 1
                    self.send_response(401)
                else:
                    receiver.deliveries.append({**payload, "id": self.headers["webhook-id"]})
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of(self, incident: str) -> list[dict[str, Any]]:
        """What was delivered about one incident."""
        return [one for one in self.deliveries if one["data"].get("id") == incident or one["data"].get("incident") == incident]
