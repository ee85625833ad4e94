"""Judging what came: vectors of many elements at once, each by the model of its class, folded into events in the order of their polls."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from prometheus_client import Counter, Gauge

from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.event import Event
from pipeline.core.inventory import Inventory
from pipeline.core.oddness import ElementStanding, Judged, OddRule, anomalies, event, fold, outstanding
from pipeline.core.vector import Vector
from pipeline.detectors.model import ElementModel
from pipeline.detectors.shelf import ModelError, Shelf, model_name
from pipeline.detectors.standings import Standings

log = logging.getLogger(__name__)

VECTORS = Counter("assure_element_vectors_total", "KPI vectors of elements, by what became of them", ["outcome"])
EVENTS = Counter("assure_element_anomalies_total", "Events of elements that are unlike themselves, or again as usual", ["signal"])
RUNNING = Gauge("assure_element_models", "Models of classes of elements that run")

DEFAULT_DOMAIN = "default"


@dataclass(frozen=True, slots=True)
class _Loaded:
    version: str
    model: ElementModel | None


class Models:
    """The running model of each class of elements, taken up when another begins to run. One that cannot be used is told once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._loaded: dict[str, _Loaded] = {}

    def look(self) -> None:
        """See which versions run now, and read those that are new."""
        names = self._shelf.names()
        for name in names:
            version = self._shelf.running(name)
            if version and (name not in self._loaded or self._loaded[name].version != version):
                self._loaded[name] = _Loaded(version, self._read(name, version))
        for name in self._loaded.keys() - set(names):
            del self._loaded[name]
        RUNNING.set(sum(each.model is not None for each in self._loaded.values()))

    def of(self, name: str) -> tuple[str, ElementModel] | None:
        """A class's model with its version; ``None`` when none runs."""
        found = self._loaded.get(name)
        return (found.version, found.model) if found and found.model else None

    def _read(self, name: str, version: str) -> ElementModel | None:
        try:
            model = self._shelf.load(name, version)
        except ModelError as error:
            log.error("%s; `assure anomalies train` makes another", error)  # noqa: TRY400  # the text says it all
            return None
        log.info("model %s of %s runs", version, name)
        return model


class Watch:
    """Judges vectors. ``inventory`` answers the present one, which tells each element's class and domain."""

    def __init__(self, models: Models, inventory: Callable[[], Inventory], rule: OddRule) -> None:
        self._models = models
        self._inventory = inventory
        self._rule = rule

    def advance(self, standings: Standings, vectors: Sequence[Vector]) -> tuple[list[Event], list[AnomalyBatch]]:
        """Judge what came, change where elements stand, and tell what changed and what was odd, in the order in which it came."""
        inventory = self._inventory()
        by_class: dict[str, list[int]] = defaultdict(list)
        for place, vector in enumerate(vectors):
            known = inventory.devices.get(vector.device)
            by_class[model_name(known.role if known else "")].append(place)
        judged: dict[int, Judged] = {}
        for name, places in by_class.items():
            judged |= self._judge(name, [(place, vectors[place]) for place in places])
        events, odd = list[Event](), list[AnomalyBatch]()
        for place in sorted(judged):
            device = judged[place].vector.device
            before = standings.get(device, ElementStanding())
            standings[device], signal = fold(before, judged[place], self._rule)
            if judged[place].outstanding and standings[device] is not before:
                odd.append(anomalies(judged[place]))
            if signal is not None:
                known = inventory.devices.get(device)
                events.append(event(judged[place], signal, known.domain if known else DEFAULT_DOMAIN, self._rule))
                EVENTS.labels(signal.value).inc()
        return events, odd

    def _judge(self, name: str, placed: Sequence[tuple[int, Vector]]) -> dict[int, Judged]:
        """The judgement of each vector that the class's model knows the element of, by place."""
        running = self._models.of(name)
        if running is None:
            VECTORS.labels("no-model").inc(len(placed))
            return {}
        version, model = running
        vectors = [vector for _, vector in placed]
        values, at = np.array([vector.values for vector in vectors]), np.array([vector.at for vector in vectors])
        found = model.judge(values, [vector.device for vector in vectors], at)
        VECTORS.labels("judged").inc(int(found.known.sum()))
        VECTORS.labels("not-in-the-model").inc(int((~found.known).sum()))
        return {
            place: Judged(
                vector,
                float(found.rarity[row]),
                f"forest/{name}/{version}",
                outstanding(vector.values, found.centre[row], found.spread[row], found.distances[row])
                if found.rarity[row] <= self._rule.rare
                else (),
            )
            for row, (place, vector) in enumerate(placed)
            if found.known[row]
        }


def standing_of(devices: Iterable[str]) -> Standings:
    """Standings of elements whose alarm stands, when nothing else is known of them."""
    return {device: ElementStanding(raised=True) for device in devices}
