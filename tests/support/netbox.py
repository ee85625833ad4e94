"""A NetBox in memory: the REST API of 4.x as far as it is read, pages, tokens and faults; and an easy way to furnish one.

Rows have the keys and the nesting of NetBox 4.2's serializers, references in brief form included.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.support.serving import served

Json = dict[str, Any]
Fault = Callable[[web.Request, int], "web.StreamResponse | None"]
TOKEN = "0123456789abcdef0123456789abcdef01234567"  # as NetBox makes them
MOST = 1_000
"""NetBox's MAX_PAGE_SIZE."""
APPS = {
    "dcim": (
        *("sites", "devices", "interfaces", "cables", "front-ports", "rear-ports"),
        *("power-panels", "power-feeds", "power-ports", "power-outlets"),
    ),
    "circuits": ("circuits", "circuit-terminations", "virtual-circuits", "virtual-circuit-terminations"),
}
KINDS = {"interfaces": "dcim.interface", "front-ports": "dcim.frontport", "rear-ports": "dcim.rearport"}


class FakeNetBox:
    """Rows by collection, served to whoever has the token. ``fault`` may answer instead: it gets the request and how many came before."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Json]] = defaultdict(dict)
        self.lacks: set[str] = set()
        self.asked: list[str] = []
        self.fault: Fault = lambda *_: None

    # Furnishing

    def add(self, collection: str, **values: Any) -> Json:
        """A row with what every row has."""
        number = len(self.rows[collection]) + 1
        app = next(app for app, names in APPS.items() if collection in names)
        row = {
            "id": number,
            "url": f"http://netbox/api/{app}/{collection}/{number}/",
            "display_url": f"http://netbox/{app}/{collection}/{number}/",
            "display": str(values.get("name") or values.get("cid") or number),
            "tags": [],
            "custom_fields": {},
            "description": "",
            "created": "2026-01-01T00:00:00Z",
            "last_updated": "2026-01-01T00:00:00Z",
            **values,
        }
        self.rows[collection][number] = row
        return row

    def site(self, slug: str, region: str = "", **values: Any) -> Json:
        """dcim.site; its name is a text for people."""
        where = {"id": 1, "name": region.title(), "slug": region, "display": region.title(), "_depth": 0} if region else None
        name = f"Site {slug.upper()}"
        return self.add("sites", **{"name": name, "slug": slug, "region": where, "latitude": None, "status": status("active"), **values})

    def device(self, name: str | None, site: Json, address: str = "", role: str = "core", **values: Any) -> Json:
        """dcim.device."""
        ip = {"id": 1, "display": f"{address}/32", "family": {"value": 4, "label": "IPv4"}, "address": f"{address}/32"} if address else None
        kind = {
            "id": 1,
            "display": "MX204",
            "manufacturer": {"id": 1, "name": "Juniper", "slug": "juniper"},
            "model": "MX204",
            "slug": "mx204",
        }
        usual = {"name": name, "site": brief(site), "role": {"id": 1, "name": role.title(), "slug": role}, "device_type": kind}
        return self.add("devices", **{**usual, "status": status("active"), "primary_ip": ip, "primary_ip4": ip, "oob_ip": None, **values})

    def interface(self, device: Json, name: str, kind: str = "10gbase-x-sfpp", **values: Any) -> Json:
        """dcim.interface."""
        usual = {"device": brief(device), "name": name, "label": "", "type": {"value": kind, "label": kind}, "enabled": True, "speed": None}
        path = {"lag": None, "module": None, "cable": None, "connected_endpoints": None, "connected_endpoints_type": None}
        return self.add("interfaces", **{**usual, **path, "mgmt_only": False, **values})

    def panel(self, site: Json, positions: int, *, modern: bool = False) -> tuple[list[Json], Json]:
        """A patch panel: its front ports, and the rear port that they all lead to; ``modern`` as NetBox 4.5 and later have it."""
        device = self.device(f"panel-{len(self.rows['devices'])}", site, role="patch-panel")
        rear = self.add("rear-ports", device=brief(device), name="rear", positions=positions, cable=None)
        fronts = []
        for position in range(1, positions + 1):
            old = {"rear_port": brief(rear), "rear_port_position": position}
            new = {"rear_ports": [{"position": 1, "rear_port": rear["id"], "rear_port_position": position}]}
            fronts.append(self.add("front-ports", device=brief(device), name=f"f{position}", cable=None, **(new if modern else old)))
        return fronts, rear

    def cable(self, a: Json, b: Json, **values: Any) -> Json:
        """dcim.cable between two ports."""
        ends = [[{"object_type": _kind(end), "object_id": end["id"], "object": brief(end)}] for end in (a, b)]
        return self.add(
            "cables",
            **{"type": "smf", "label": "", "status": status("connected"), **values},
            a_terminations=ends[0],
            b_terminations=ends[1],
        )

    def circuit(self, cid: str, provider: str, **values: Any) -> tuple[Json, Json, Json]:
        """circuits.circuit with both its terminations."""
        who = {"id": 1, "name": provider, "slug": provider.lower(), "display": provider}
        row = self.add("circuits", **{"cid": cid, "provider": who, "type": None, "status": status("active"), **values})
        ref = {"id": row["id"], "cid": cid, "display": cid}
        ends = [self.add("circuit-terminations", circuit=ref, term_side=side, cable=None) for side in "AZ"]
        return row, ends[0], ends[1]

    # Serving

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve it; gives the URL that a NetBox is known by."""
        app = web.Application()
        app.add_routes([web.get("/api/{app}/{collection}/", self._list)])
        with served(app) as url:
            yield url

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        broken = self.fault(request, len(self.asked) - 1)
        if broken is not None:
            return broken
        app, collection = request.match_info["app"], request.match_info["collection"]
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return web.json_response({"detail": "Invalid token"}, status=403)
        if collection not in APPS.get(app, ()) or collection in self.lacks:
            return web.json_response({"detail": "Not found."}, status=404)
        return self._page(request, sorted(self.rows[collection].values(), key=lambda row: int(row["id"])))

    def _page(self, request: web.Request, rows: list[Json]) -> web.Response:
        query = request.query
        wanted = {key: value for key, value in query.items() if key not in {"limit", "offset", "ordering", "exclude", "format"}}
        rows = [row for row in rows if all(_has(row, key, value) for key, value in wanted.items())]
        limit, offset = min(int(query.get("limit", 50)), MOST), int(query.get("offset", 0))
        page = rows[offset : offset + limit]
        more = str(request.url.update_query(offset=offset + limit, limit=limit)) if offset + limit < len(rows) else None
        return web.json_response({"count": len(rows), "next": more, "previous": None, "results": page})


def status(value: str) -> Json:
    """A choice of NetBox's."""
    return {"value": value, "label": value.title()}


def brief(row: Json) -> Json:
    """A reference to a row."""
    return {key: row[key] for key in ("id", "url", "display", "name", "slug", "device", "description") if key in row}


def tag(slug: str) -> Json:
    """A tag."""
    return {"id": 1, "url": "http://netbox/api/extras/tags/1/", "display": slug, "name": slug, "slug": slug, "color": "9e9e9e"}


def _kind(row: Json) -> str:
    collection = row["url"].split("/")[-3]
    return KINDS.get(collection, "circuits.circuittermination")


def _has(row: Json, key: str, value: str) -> bool:
    own = row.get(key)
    if key == "tag":
        return any(each["slug"] == value for each in row["tags"])
    return (
        bool(own) and value in {str(own.get("slug")), str(own.get("value")), str(own.get("id"))}
        if isinstance(own, dict)
        else str(own) == value
    )


def two_sites() -> FakeNetBox:
    """Two routers at two sites over a trunk between two panels, a leased line beside it, an aggregation, and two feeds."""
    box = FakeNetBox()
    ams, rtm = box.site("ams", "west", latitude=52.37, longitude=4.9), box.site("rtm", "west")
    pe1 = box.device("pe1", ams, "10.0.0.1", role="pe", custom_fields={"snmp": "env:SNMP"}, tags=[tag("domain-west")])
    pe2 = box.device("pe2", rtm, "10.0.0.2", role="pe")
    ports = {name: [box.interface(device, name) for device in (pe1, pe2)] for name in ("et-0/0/0", "et-0/0/1", "et-0/0/2")}
    lag = [box.interface(device, "ae0", "lag") for device in (pe1, pe2)]
    for name in ("et-0/0/0", "et-0/0/1"):
        for port, of in zip(ports[name], lag, strict=True):
            port["lag"] = brief(of)
    here, there = box.panel(ams, 12), box.panel(rtm, 12)
    for place, name in enumerate(("et-0/0/0", "et-0/0/1")):
        box.cable(ports[name][0], here[0][place])
        box.cable(there[0][place], ports[name][1])
    box.cable(here[1], there[1], label="TRUNK 7", custom_fields={"duct": "d-west"})
    _, a, z = box.circuit("EVPL/1234", "Carrier One")
    box.cable(ports["et-0/0/2"][0], a, type="")
    box.cable(z, ports["et-0/0/2"][1], type="")
    room = box.add("power-panels", name="PDB 1", site=brief(ams))
    feeds = [box.add("power-feeds", name=name, power_panel=brief(room), status=status("active")) for name in ("Feed A", "Feed B")]
    strip = box.device("pdu1", ams, role="pdu")
    inlet = box.add("power-ports", device=brief(strip), name="in", **fed_by("dcim.powerfeed", feeds[1]))
    outlet = box.add("power-outlets", device=brief(strip), name="1", power_port=brief(inlet))
    box.add("power-ports", device=brief(pe1), name="PSU0", **fed_by("dcim.powerfeed", feeds[0]))
    box.add("power-ports", device=brief(pe1), name="PSU1", **fed_by("dcim.poweroutlet", outlet))
    return box


def fed_by(kind: str, row: Json) -> Json:
    """What an inlet hangs on."""
    return {"connected_endpoints": [brief(row)], "connected_endpoints_type": kind, "connected_endpoints_reachable": True}


def cut_short(request: web.Request, text: str) -> web.Response:
    """An answer that promises more than it gives."""
    del request
    body = json.dumps({"count": 5, "next": None, "previous": None, "results": []}).encode()
    return web.Response(body=body[: len(body) // 2], content_type="application/json", headers={"X-Why": text})
