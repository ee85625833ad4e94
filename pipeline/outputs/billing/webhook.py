"""A signed webhook (Standard Webhooks 1.0): the receiver knows a repeat by ``webhook-id``, which is the credit's key.

It cannot be asked, so that it was received is all that is known; a person, or the receiver by the API, confirms.
"""

import time
from collections.abc import Callable

from pipeline.config.secret import Secret
from pipeline.core.ledger import canonical
from pipeline.core.wording import rfc3339
from pipeline.outputs.billing.call import Api
from pipeline.outputs.billing.port import Posted, Posting, refused
from pipeline.outputs.webhook import sign

TYPE = "credit.approved"


class BillingWebhook:
    """One POST to ``api``'s base for each credit. ``clock`` answers UTC nanoseconds."""

    reads_back = False

    def __init__(self, api: Api, secret: Secret, clock: Callable[[], int] = time.time_ns) -> None:
        self._api = api
        self._secret = secret
        self._clock = clock

    async def find(self, posting: Posting) -> Posted | None:  # noqa: ARG002  # the port gives it
        """Nothing: a receiver of webhooks cannot be asked; it knows a repeat."""
        return None

    async def post(self, posting: Posting) -> Posted:
        """Send the credit; any 2xx says that it was received."""
        data = {name: getattr(posting, name) for name in Posting.__slots__ if name != "posting_at"}
        payload = canonical({"type": TYPE, "timestamp": rfc3339(posting.posting_at), "data": data})
        headers = sign(self._secret, posting.key, payload, self._clock())
        if headers is None:
            raise refused("billing.secret is no secret of a webhook: whsec_ followed by base64")
        await self._api.send("", payload.encode(), headers)
        return Posted(posting.key, posting.amount_minor, posting.currency)
