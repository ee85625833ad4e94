"""A messaging system (TMF681 v4) that keeps what it was sent, and fails when told to."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

PATH = "/tmf-api/communicationManagement/v4/communicationMessage"
KINDS = {"Email": "email", "SMS": "phoneNumber", "MobileAppPush": "appUserId"}


@dataclass(slots=True)
class FakeMessaging:
    """Requires what TMF681 does: content, messageType, sender, and of each receiver a name and the address of that type."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    die_after_keeping: bool = False

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.post(PATH, self._create), web.get(PATH, self._list)])
        return app

    def server(self) -> TestServer:
        return TestServer(self.application())

    async def _list(self, request: web.Request) -> web.Response:
        wanted = request.query.get("characteristic.value")
        return web.json_response([one for one in self.sent if wanted in {each["value"] for each in one["characteristic"]}])

    async def _create(self, request: web.Request) -> web.Response:
        if self.failures:
            return web.json_response({"code": "x", "reason": "told to fail"}, status=self.failures.pop(0))
        form = await request.json()
        kind = KINDS.get(form.get("messageType", ""), "")
        good = kind and form.get("content") and form["sender"]["name"] and all(one["name"] and one[kind] for one in form["receiver"])
        if not good:
            return web.json_response({"code": "20", "reason": "wrong"}, status=400)
        self.sent.append({**form, "id": str(len(self.sent) + 1), "state": "initial"})
        if self.die_after_keeping:
            self.die_after_keeping = False
            return web.json_response({"code": "x", "reason": "kept, and not said so"}, status=500)
        return web.json_response(self.sent[-1], status=201)
