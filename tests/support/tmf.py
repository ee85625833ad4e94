"""TMF639 resource and TMF638 service inventories in memory: pages by offset and limit, tokens, faults; in the forms of v4 and v5.

The test beside the reader holds the v4 answers to TM Forum's published schemas.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.support.serving import served

Json = dict[str, Any]
TOKEN = "bearer-token"
RESOURCES = "/tmf-api/resourceInventoryManagement"
SERVICES = "/tmf-api/serviceInventory"


class FakeTmf:
    """Items by collection, served to whoever has the token. ``fault`` may answer instead; ``most`` is the server's own largest page."""

    def __init__(self, version: int = 4) -> None:
        self.version = version
        self.items: dict[str, list[Json]] = {"resource": [], "service": []}
        self.asked: list[str] = []
        self.most = 100
        self.tells_total = True
        self.fault: Callable[[web.Request, int], web.StreamResponse | None] = lambda *_: None

    # Furnishing

    def resource(self, kind: str, name: str, *related: tuple[str, Json], place: str = "", **characteristics: Any) -> Json:
        """A resource of a ``@type``, related to others by the relationship's word."""
        number = f"r{len(self.items['resource']) + 1}"
        item: Json = {
            "id": number,
            "href": f"{RESOURCES}/v{self.version}/resource/{number}",
            "@type": kind,
            "@baseType": "Resource",
            "name": name,
            "resourceCharacteristic": [self._characteristic(key, value) for key, value in characteristics.items()],
            "resourceRelationship": [{"relationshipType": word, "resource": self._ref(other)} for word, other in related],
        }
        if place:
            where = {"id": f"place-{place}", "name": place, "@type": "GeographicSite", "@referredType": "GeographicSite"}
            item["place"] = {"role": "installed at", **where} if self.version == 4 else [{"role": "installed at", "place": where}]
        self.items["resource"].append(item)
        return item

    def service(self, name: str, customer: str = "", on: tuple[Json, ...] = (), over: tuple[Json, ...] = (), **values: Any) -> Json:
        """A service; ``on`` are resources, ``over`` services that carry it. Without a customer it only carries others."""
        number = f"s{len(self.items['service']) + 1}"
        party = {"id": customer, "name": customer.title(), "@referredType": "Customer"}
        role = (
            {"role": "customer", **party}
            if self.version == 4
            else {"role": "customer", "partyOrPartyRole": {**party, "@type": "PartyRoleRef"}}
        )
        item: Json = {
            "id": number,
            "href": f"{SERVICES}/v{self.version}/service/{number}",
            "@type": "Service",
            "name": name,
            "state": "active",
            "relatedParty": [role] if customer else [],
            "supportingResource": [self._ref(other) for other in on],
            "supportingService": [{"id": other["id"], "href": other["href"], "name": other["name"], "@type": "Service"} for other in over],
            **values,
        }
        self.items["service"].append(item)
        return item

    def _ref(self, item: Json) -> Json:
        ref = {"id": item["id"], "href": item["href"], "name": item["name"], "@referredType": item["@type"]}
        return ref if self.version == 4 else {**ref, "@type": "ResourceRef"}

    def _characteristic(self, name: str, value: Any) -> Json:
        if self.version == 4:
            return {"name": name, "valueType": type(value).__name__, "value": {"value": value}}
        return {"@type": "StringCharacteristic", "name": name, "value": value}

    # Serving

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve both; gives the URL before the APIs' paths."""
        app = web.Application()
        app.add_routes(
            [
                web.get(f"{RESOURCES}/v{self.version}/{{collection:resource}}", self._list),
                web.get(f"{SERVICES}/v{self.version}/{{collection:service}}", self._list),
            ]
        )
        with served(app) as url:
            yield url

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        broken = self.fault(request, len(self.asked) - 1)
        if broken is not None:
            return broken
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"code": "40", "reason": "Unauthorized", "status": "401"}, status=401)
        query = request.query
        wanted = {key: value for key, value in query.items() if key not in {"offset", "limit", "fields"}}
        items = [item for item in self.items[request.match_info["collection"]] if all(str(item.get(k)) == v for k, v in wanted.items())]
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", self.most)), self.most)
        page = items[offset : offset + limit]
        headers = {"X-Result-Count": str(len(page)), **({"X-Total-Count": str(len(items))} if self.tells_total else {})}
        return web.json_response(page, status=200 if len(page) == len(items) else 206, headers=headers)


def two_routers(version: int = 4) -> FakeTmf:
    """Two routers with what is between them, and services on top: bought ones, and one that carries two of these."""
    api = FakeTmf(version)
    site = api.resource("GeographicSite", "AMS 1", region="west")
    feed = api.resource("PowerFeed", "Rectifier 1", ("locatedAt", site))
    pe1 = api.resource("Router", "pe1", ("locatedAt", site), ("fedBy", feed), managementAddress="10.0.0.1", vendor="acme")
    pe2 = api.resource("Router", "pe2", place="rtm", managementIp="10.0.0.2", role="pe")
    card = api.resource("Card", "Slot 0", ("containedIn", pe1))
    a = api.resource("PhysicalPort", "pe1/et-0/0/0", ("containedIn", card), speed="100 Gbit/s", ifIndex=501)
    b = api.resource("PhysicalPort", "et-0/0/0", ("containedIn", pe2), speed="100G")
    c = api.resource("PhysicalPort", "et-0/0/1", ("containedIn", pe1))
    d = api.resource("PhysicalPort", "et-0/0/1", ("containedIn", pe2))
    duct = api.resource("Duct", "D 1")
    fibre = api.resource("Fibre", "F 1", ("runsThrough", duct))
    one = api.resource("PhysicalLink", "ams-rtm-1", ("connects", a), ("connects", b), ("usesFibre", fibre))
    two = api.resource("PhysicalLink", "ams-rtm-2", ("connects", c), ("connects", d))
    api.resource("LAG", "ae0", ("member", a), ("member", c), minimumLinks=1)
    lsps = [api.resource("LSP", f"path-{n}", ("startsAt", pe1), ("runsOver", link)) for n, link in enumerate((one, two))]
    tunnel = api.resource("Tunnel", "ams-rtm", *(("protectedBy", lsp) for lsp in lsps))
    wave = api.resource("Wavelength", "lambda 7", ("reliesOn", fibre), provider="Carrier")
    api.resource("PhysicalLink", "dangling", ("connects", a))
    api.resource("Server", "ntp1", managementAddress="10.0.0.99")
    cooling = api.resource("Equipment", "cooling", managementAddress="10.0.0.50")
    api.items["resource"][2]["resourceRelationship"].append({"relationshipType": "dependsOn", "resource": api._ref(cooling)})
    carrying = api.service("MPLS core", on=(tunnel,))
    vpn = api.service("vpn-1", "acme", on=(a,), over=(carrying,), serviceType="l3vpn", description="Head office")
    api.service("voice-1", "globex", on=(wave,), over=(vpn,), category="voice")
    api.service("old", "acme", on=(a,), state="terminated")
    return api
