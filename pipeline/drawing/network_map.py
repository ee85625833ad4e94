"""The network as a map: sites where they are, their devices in them, and the links between."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.column import Floats
from pipeline.core.inventory import Device, Inventory, Link, Site
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, resource_id
from pipeline.drawing.legend import Item, framed, item
from pipeline.drawing.mark import LOOKS, ORDER, PLAIN, Look, Mark, look
from pipeline.drawing.placing import apart, by_distance
from pipeline.drawing.scene import MUTED, Box, Curve, Point, Scene, Shape, Stroke, Text, at, bent, shortened, width_of

FONT, SMALL = 12.0, 10.5
CHIP_HEIGHT, CHIP_GAP, PAD, HEADING = 22.0, 6.0, 8.0, 18.0
WIDEST_CHIP = 190.0
SITE_GAP = 46.0
ROLE_FILLS = ("#cfe3f7", "#d5eed9", "#f7e9c6", "#e8dff2", "#f6dbe3")
"""Devices by role, the role with the most links for each device first; a sixth and later are plain."""
SITE_LOOK = ("#fafbfc", Stroke("#c9ced6", 1.0))
BENDS = (0.0, *(side * bend for bend in (18.0, 30.0, 44.0, 60.0, 78.0, 98.0, 120.0, 145.0) for side in (1, -1)))
"""How far to the side a link may go so as not to run through something, tried in this order."""
PARALLEL = 9.0
EVENNESS = 0.5
"""How much a map by coordinates gives up of its distances for room: 0 is a true map, 1 keeps only who is west and north of whom."""
_SAMPLES = np.linspace(0.04, 0.96, 24)
_WEIGHTS = np.column_stack([(1 - _SAMPLES) ** 3, 3 * (1 - _SAMPLES) ** 2 * _SAMPLES, 3 * (1 - _SAMPLES) * _SAMPLES**2, _SAMPLES**3])
"""Of a cubic's four points, at each sample of its way."""
_LEAST_SPREAD = 0.001
_SURE = 1.0
FAST_MBPS, SLOW_MBPS = 40_000, 10_000


@dataclass(frozen=True, slots=True)
class _Chip:
    """A device's box; its site's number."""

    device: Device
    site: int
    x: float
    y: float
    width: float

    @property
    def centre(self) -> Point:
        return self.x + self.width / 2, self.y + CHIP_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class _Group:
    """The devices of a site, in columns."""

    name: str
    label: str
    columns: tuple[tuple[Device, ...], ...]
    width: float
    height: float


def network_map(inventory: Inventory, marked: Mapping[ResourceId, Mark], title: str, subtitle: str) -> Scene:
    """Draw the devices and links of an inventory, those of an incident in its colours. Without a device an empty picture that says so."""
    if not inventory.devices:
        return framed([], (360.0, 40.0), title, "the inventory has no devices", [])
    marked = _shown(inventory, marked)
    roles = _roles(inventory)
    groups = _groups(inventory, roles)
    places = _places(inventory, groups)
    width, height = _extent(places, groups)
    chips = {chip.device.name: chip for number, group in enumerate(groups) for chip in _chips(group, number, places[number])}
    sites = [_site_box(group, place, marked) for group, place in zip(groups, places, strict=True)]
    shapes: list[Shape] = [box for box, _ in sites]
    shapes += _links(inventory, chips, sites, marked)
    shapes += [heading for _, heading in sites]
    for chip in chips.values():
        shapes += _device(chip, roles, marked)
    return framed(shapes, (width, height), title, subtitle, _legend(inventory, roles, marked))


def _shown(inventory: Inventory, marked: Mapping[ResourceId, Mark]) -> dict[ResourceId, Mark]:
    """Marks of what a map shows: of a link also those of its ends and of what it lies in, of a device also that it cannot be reached."""
    if not marked:
        return {}
    found = dict(marked)
    for link in inventory.links.values():
        ends = [resource_id(kind, end) for end in (link.a, link.b) for kind in (ResourceKind.INTERFACE, ResourceKind.PORT)]
        fibres = [inventory.fibres[name] for name in link.fibres if name in inventory.fibres]
        below = [resource_id(ResourceKind.FIBRE, name) for name in link.fibres]
        below += [resource_id(ResourceKind.DUCT, fibre.duct) for fibre in fibres if fibre.duct]
        roots = [name for name in below if marked.get(name) is Mark.ROOT]
        _foremost(found, resource_id(ResourceKind.LINK, link.name), (*ends, *roots))
    for name in inventory.devices:
        _foremost(found, resource_id(ResourceKind.DEVICE, name), (resource_id(ResourceKind.REACHABILITY, name),))
    return found


def _foremost(found: dict[ResourceId, Mark], of: ResourceId, others: Iterable[ResourceId]) -> None:
    marks = [found[each] for each in (of, *others) if each in found]
    if marks:
        found[of] = min(marks, key=ORDER.index)


# which sites, and their sizes


def _roles(inventory: Inventory) -> dict[str, str]:
    """Role -> fill, the best connected role first."""
    degree: dict[str, int] = {}
    for link in inventory.links.values():
        for end in (link.a, link.b):
            name = end.partition("/")[0]
            degree[name] = degree.get(name, 0) + 1
    total: dict[str, list[int]] = {}
    for device in inventory.devices.values():
        if device.role:
            total.setdefault(device.role, []).append(degree.get(device.name, 0))
    order = sorted(total, key=lambda role: (-sum(total[role]) / len(total[role]), role))
    return {role: ROLE_FILLS[number] if number < len(ROLE_FILLS) else PLAIN.fill for number, role in enumerate(order)}


def _groups(inventory: Inventory, roles: Mapping[str, str]) -> list[_Group]:
    by_site: dict[str, list[Device]] = {}
    for device in inventory.devices.values():
        by_site.setdefault(device.site, []).append(device)
    order = list(roles)
    rank = {role: number for number, role in enumerate(order)}
    made = []
    for name, devices in sorted(by_site.items()):
        ranked = sorted(devices, key=lambda device: (rank.get(device.role, len(order)), device.name))
        rows = max(math.ceil(math.sqrt(len(ranked) * 1.6)), 1)
        columns = tuple(tuple(ranked[start : start + rows]) for start in range(0, len(ranked), rows))
        width = sum(max(map(_chip_width, column)) for column in columns) + CHIP_GAP * (len(columns) - 1) + 2 * PAD
        label = _site_label(inventory.sites.get(name), name)
        width = max(width, width_of(label, SMALL, bold=True) + 2 * PAD)
        height = HEADING + len(columns[0]) * (CHIP_HEIGHT + CHIP_GAP) - CHIP_GAP + PAD
        made.append(_Group(name, label, columns, width, height))
    return made


def _site_label(site: Site | None, name: str) -> str:
    if site is None:
        return name or "no site"
    return f"{site.name} ({site.region})" if site.region else site.name


def _chip_width(device: Device) -> float:
    return min(width_of(device.name, FONT) + 14, WIDEST_CHIP)


# where they go


def _places(inventory: Inventory, groups: Sequence[_Group]) -> Floats:
    """The centre of each site's box: by its coordinates if most have some, else by how the sites are linked."""
    sizes = np.array([(group.width, group.height) for group in groups])
    raw = _by_coordinates(inventory, groups)
    if raw is None:
        raw = by_distance(_neighbours(inventory, groups))
    raw = raw - raw.min(0)
    spread = np.maximum(raw.max(0), _LEAST_SPREAD)
    area = float(((sizes[:, 0] + SITE_GAP) * (sizes[:, 1] + SITE_GAP)).sum()) * (1.5 + 5 / math.sqrt(len(groups)))
    scale = math.sqrt(area / (spread[0] * spread[1])) if len(groups) > 2 and min(spread) > _LEAST_SPREAD else 320 / max(spread)  # noqa: PLR2004
    longest = 1_500 / max(spread)
    return apart(raw * min(scale, longest), sizes, SITE_GAP)


def _by_coordinates(inventory: Inventory, groups: Sequence[_Group]) -> Floats | None:
    """Places by latitude and longitude, north up; a site without lies among those it is linked to. ``None`` if fewer than half have."""
    known: dict[int, Point] = {}
    for number, group in enumerate(groups):
        site = inventory.sites.get(group.name)
        if site is not None and site.latitude is not None and site.longitude is not None:
            known[number] = (site.longitude, -site.latitude)
    if len(known) * 2 < len(groups) or len(known) < 2:  # noqa: PLR2004  # one place gives no direction
        return None
    middle = tuple(sum(place[axis] for place in known.values()) / len(known) for axis in (0, 1))
    neighbours = _neighbours(inventory, groups)
    places = []
    for number in range(len(groups)):
        near = [known[other] for other in neighbours[number] if other in known] or [(middle[0], middle[1])]
        x, y = known.get(number, (sum(place[0] for place in near) / len(near), sum(place[1] for place in near) / len(near)))
        places.append((x, y))
    return _evened(np.array(places))


def _evened(places: Floats) -> Floats:
    """Places whose crowds are spread and whose deserts are narrowed: half way to even steps along each axis, in the same order."""
    spread = places.max(0) - places.min(0)
    linear = (places - places.min(0)) / np.where(spread > 0, spread, 1.0)
    even = places.argsort(0, kind="stable").argsort(0, kind="stable") / (len(places) - 1)
    narrowing = math.cos(math.radians(-places[:, 1].mean()))
    shape = min(max(spread[0] * narrowing / max(spread[1], _LEAST_SPREAD), 0.7), 1.8)
    evened: Floats = ((1 - EVENNESS) * linear + EVENNESS * even) * np.array([shape, 1.0])
    return evened


def _neighbours(inventory: Inventory, groups: Sequence[_Group]) -> list[list[int]]:
    number = {device.name: index for index, group in enumerate(groups) for column in group.columns for device in column}
    found: list[dict[int, None]] = [{} for _ in groups]
    for link in inventory.links.values():
        a, b = (number.get(end.partition("/")[0]) for end in (link.a, link.b))
        if a is not None and b is not None and a != b:
            found[a][b] = found[b][a] = None
    return [list(each) for each in found]


def _extent(places: Floats, groups: Sequence[_Group]) -> tuple[float, float]:
    """Move all to the top left, and tell how much room they take."""
    halves = np.array([(group.width / 2, group.height / 2) for group in groups])
    places -= (places - halves).min(0)
    size = (places + halves).max(0)
    return float(size[0]), float(size[1])


# what is drawn


def _site_box(group: _Group, place: Floats, marked: Mapping[ResourceId, Mark]) -> tuple[Box, Text]:
    x, y = float(place[0]) - group.width / 2, float(place[1]) - group.height / 2
    heading = Text(x + PAD, y + HEADING - 5.5, group.label, SMALL, MUTED, bold=True, halo=True)
    mark = marked.get(resource_id(ResourceKind.SITE, group.name))
    fill, outline = (SITE_LOOK[0], LOOKS[mark].outline) if mark else SITE_LOOK
    return Box(x, y, group.width, group.height, fill, outline, 8.0, f"site {group.label}"), heading


def _chips(group: _Group, site: int, place: Floats) -> Iterator[_Chip]:
    x = float(place[0]) - group.width / 2 + PAD
    for column in group.columns:
        width = max(map(_chip_width, column))
        if len(group.columns) == 1:
            width = group.width - 2 * PAD
        y = float(place[1]) - group.height / 2 + HEADING
        for device in column:
            yield _Chip(device, site, x, y, width)
            y += CHIP_HEIGHT + CHIP_GAP
        x += width + CHIP_GAP


def _device(chip: _Chip, roles: Mapping[str, str], marked: Mapping[ResourceId, Mark]) -> Iterator[Shape]:
    name = resource_id(ResourceKind.DEVICE, chip.device.name)
    seen = look(marked, name)
    fill = seen.fill if name in marked or marked else roles.get(chip.device.role, PLAIN.fill)
    about = ", ".join(filter(None, (chip.device.name, chip.device.role, chip.device.vendor, marked[name].value if name in marked else "")))
    yield Box(chip.x, chip.y, chip.width, CHIP_HEIGHT, fill, seen.outline, 5.0, about)
    label = shortened(chip.device.name, FONT, chip.width - 8)
    yield Text(chip.centre[0], chip.y + CHIP_HEIGHT / 2 + FONT * 0.36, label, FONT, anchor="middle", bold=marked.get(name) is Mark.ROOT)


def _links(
    inventory: Inventory, chips: Mapping[str, _Chip], sites: Sequence[tuple[Box, Text]], marked: Mapping[ResourceId, Mark]
) -> Iterator[Shape]:
    """Links, those of an incident last and named, so that they lie above the others."""
    beside: dict[tuple[str, str], list[Link]] = {}
    for link in inventory.links.values():
        a, b = (end.partition("/")[0] for end in (link.a, link.b))
        if a in chips and b in chips and a != b:
            beside.setdefault((min(a, b), max(a, b)), []).append(link)
    speeds = {f"{device.name}/{port.name}": port.speed_mbps for device in inventory.devices.values() for port in device.interfaces}
    obstacles = _Obstacles(list(chips.values()), sites)
    drawn: list[tuple[Link, tuple[Point, ...]]] = []
    for (a, b), links in beside.items():
        base = obstacles.best_bend(chips[a], chips[b])
        for number, link in enumerate(links):
            offset = base + PARALLEL * (number - (len(links) - 1) / 2)
            drawn.append((link, bent(chips[a].centre, chips[b].centre, offset)))
    drawn.sort(key=lambda each: _depth(each[0], marked))
    labels: list[Text] = []
    for link, points in drawn:
        name = resource_id(ResourceKind.LINK, link.name)
        yield Curve(points, _line(link, look(marked, name), speeds, is_plain=name not in marked), _about(link, speeds, marked))
        if marked.get(name) in {Mark.ROOT, Mark.EXPLAINED, Mark.MISSING, Mark.FOLLOWS}:
            labels += obstacles.label(link.name, points)
    yield from labels


def _depth(link: Link, marked: Mapping[ResourceId, Mark]) -> int:
    mark = marked.get(resource_id(ResourceKind.LINK, link.name))
    return len(ORDER) - ORDER.index(mark) if mark is not None else 0


def _line(link: Link, seen: Look, speeds: Mapping[str, int], *, is_plain: bool) -> Stroke:
    if not is_plain:
        return seen.line
    speed = min(speeds.get(link.a, 0), speeds.get(link.b, 0))
    width = 3.0 if speed > FAST_MBPS else 2.0 if speed > SLOW_MBPS else 1.2
    return Stroke(seen.line.colour, width, (2, 4) if link.confidence < _SURE else ())


def _about(link: Link, speeds: Mapping[str, int], marked: Mapping[ResourceId, Mark]) -> str:
    mark = marked.get(resource_id(ResourceKind.LINK, link.name))
    speed = speeds.get(link.a, 0)
    parts = (
        f"link {link.name}: {link.a} to {link.b}",
        f"{speed / 1000:g} Gbit/s" if speed else "",
        f"over {', '.join(link.fibres)}" if link.fibres else "",
        f"told by {link.source}" if link.source else "",
        f"confidence {link.confidence:g}" if link.confidence < _SURE else "",
        mark.value if mark else "",
    )
    return ", ".join(filter(None, parts))


class _Obstacles:
    """What a link should go round: devices and the names of sites above all, other sites' boxes if it can."""

    def __init__(self, chips: Sequence[_Chip], sites: Sequence[tuple[Box, Text]]) -> None:
        self._chips = chips
        self._solid = np.array(
            [(chip.x - 3, chip.y - 3, chip.x + chip.width + 3, chip.y + CHIP_HEIGHT + 3) for chip in chips]
            + [(text.x, text.y - 10, text.x + width_of(text.text, SMALL, bold=True), text.y + 3) for _, text in sites]
        )
        self._boxes = np.array([(box.x, box.y, box.x + box.width, box.y + box.height) for box, _ in sites])
        self._labels: list[tuple[float, float, float, float]] = []
        self._number = {chip.device.name: number for number, chip in enumerate(chips)}

    def best_bend(self, a: _Chip, b: _Chip) -> float:
        """How far to the side a link goes best."""
        count = len(self._chips)
        own = np.array([self._number[a.device.name], self._number[b.device.name], count + a.site, count + b.site])
        ways = np.array([bent(a.centre, b.centre, bend) for bend in BENDS])
        ways = np.einsum("sh,bhx->bsx", _WEIGHTS, ways)
        low, high = ways.min((0, 1)), ways.max((0, 1))
        names = self._solid[own[2:]]
        others = _near(np.delete(self._solid, own, axis=0), low, high)
        boxes = _near(np.delete(self._boxes, [a.site, b.site], axis=0), low, high)
        costs = 6.0 * _hits(ways, others) + 1.0 * _hits(ways, boxes) + 0.2 * _hits(ways, names) + np.abs(BENDS) / 60
        return BENDS[int(costs.argmin())]

    def label(self, text: str, points: tuple[Point, ...]) -> Iterator[Text]:
        """The name of a link beside it, where it covers nothing; none if there is no such place."""
        width = width_of(text, SMALL)
        for share in (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78):
            x, y = at(points, share)
            own = (x - width / 2 - 2, y - SMALL, x + width / 2 + 2, y + 4)
            taken = [*self._solid, *self._labels]
            if not any(own[0] < other[2] and other[0] < own[2] and own[1] < other[3] and other[1] < own[3] for other in taken):
                self._labels.append(own)
                yield Text(x, y + 3.5, text, SMALL, anchor="middle", halo=True)
                return


def _near(boxes: Floats, low: Floats, high: Floats) -> Floats:
    """The boxes that reach into a rectangle."""
    near: Floats = boxes[(boxes[:, 0] < high[0]) & (boxes[:, 2] > low[0]) & (boxes[:, 1] < high[1]) & (boxes[:, 3] > low[1])]
    return near


def _hits(ways: Floats, boxes: Floats) -> Floats:
    """How many boxes each way runs through, each counted by how much of the way is in it."""
    x, y = ways[:, :, 0, None], ways[:, :, 1, None]
    inside = (boxes[:, 0] < x) & (x < boxes[:, 2]) & (boxes[:, 1] < y) & (y < boxes[:, 3])
    counted: Floats = inside.any(1).sum(1) + inside.sum((1, 2)) / ways.shape[1]
    return counted


def _legend(inventory: Inventory, roles: Mapping[str, str], marked: Mapping[ResourceId, Mark]) -> list[Item]:
    if marked:
        kinds = (ResourceKind.DEVICE, ResourceKind.LINK, ResourceKind.SITE)
        present = {mark for name, mark in marked.items() if kind_of(name) in kinds}
        return [item(mark.value, LOOKS[mark].fill, LOOKS[mark].outline) for mark in Mark if mark in present]
    made = [item(role, fill, PLAIN.outline) for role, fill in roles.items()]
    speeds = {port.speed_mbps for device in inventory.devices.values() for port in device.interfaces}
    for width, text, is_there in (
        (3.0, f"over {FAST_MBPS // 1000} Gbit/s", any(speed > FAST_MBPS for speed in speeds)),
        (2.0, f"over {SLOW_MBPS // 1000} Gbit/s", any(SLOW_MBPS < speed <= FAST_MBPS for speed in speeds)),
        (1.2, f"to {SLOW_MBPS // 1000} Gbit/s", any(speed <= SLOW_MBPS for speed in speeds)),
    ):
        if is_there:
            made.append(item(text, "", Stroke(PLAIN.line.colour, width)))
    if any(link.confidence < _SURE for link in inventory.links.values()):
        made.append(item("not sure", "", Stroke(PLAIN.line.colour, 1.6, (2, 4))))
    return made
