"""Training the models of every class of elements that the inventory has, from the history, and telling the history of them."""

import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pipeline.config.settings import Settings
from pipeline.core.inventory import Inventory
from pipeline.detectors.history import HistoryPort
from pipeline.detectors.shelf import Manifest, Shelf, model_name
from pipeline.detectors.training import Outcome, Trained, Training, train

log = logging.getLogger(__name__)

SETTLED_S = 120.0
"""After the start: the parts that others wait for come first."""
_NS_PER_S = 10**9
_NS_PER_MS = 10**6


class AnotherTrainsError(RuntimeError):
    """Another process trains at this moment."""


class ModelHistory(HistoryPort, Protocol):
    """The history that is read, and that is told which models there are."""

    def tell_models(self, rows: Sequence[Mapping[str, Any]], token: str) -> None:
        """Add rows to table ``model``; the same ``token`` adds them once."""


def shelf_of(settings: Settings) -> Shelf:
    """Where an installation keeps its models."""
    return Shelf(settings.data_dir / "models")


def classes(inventory: Inventory) -> dict[str, list[str]]:
    """Name of a model -> the devices that it is of: those of one role."""
    found: dict[str, list[str]] = defaultdict(list)
    for device in inventory.devices.values():
        found[model_name(device.role)].append(device.name)
    return dict(sorted(found.items()))


def train_all(settings: Settings, history: ModelHistory, inventory: Inventory, *, only: str = "", now: int | None = None) -> list[Trained]:
    """Train the model of each class (or ``only`` one), each against the one that runs.

    Raises ``OSError`` when the history does not answer, :class:`AnotherTrainsError` while another process trains.
    """
    own, shelf = settings.detectors, shelf_of(settings)
    asked = Training(time.time_ns() if now is None else now, own.train_days, own.least_days)
    with shelf.locked() as alone:
        if not alone:
            raise AnotherTrainsError("another process is training; its models show in `assure anomalies models`")
        found = []
        for name, devices in classes(inventory).items():
            if only in {"", name}:
                found.append(train(history, shelf, name, devices, asked))
    tell(history, shelf, [each.name for each in found if each.manifest])
    return found


def tell(history: ModelHistory, shelf: Shelf, names: Iterable[str]) -> None:
    """Tell the history of every version of these models. What it does not take it is told the next time."""
    now = time.time_ns()
    for name in names:
        running = shelf.running(name)
        rows = [row_of(manifest, is_running=manifest.version == running, now=now) for manifest in shelf.versions(name)]
        token = hashlib.sha256(repr((name, now)).encode()).hexdigest()
        try:
            history.tell_models(rows, token)
        except OSError as error:
            log.warning("table model was not told of %s: %s", name, error)


def row_of(manifest: Manifest, *, is_running: bool, now: int) -> dict[str, Any]:
    """A row of table ``model``, written at ``now``."""
    plain = (
        "name",
        "version",
        "trained_at",
        "starts_at",
        "held_from",
        "ends_at",
        "devices",
        "rows",
        "data_hash",
        "score",
        "rival",
        "decision",
    )
    return {
        **{name: getattr(manifest, name) for name in plain},
        "rival_score": manifest.rival_evaluation.get("all"),
        "is_running": is_running,
        "recorded_at": now // _NS_PER_MS,
    }


def train_by_schedule(settings: Settings, history: ModelHistory, inventory: Callable[[], Inventory]) -> str:
    """What the detectors process does every ``train_every_hours``; gives the log's line."""
    try:
        trained = train_all(settings, history, inventory())
    except AnotherTrainsError as error:
        return str(error)
    for each in trained:
        level = logging.INFO if each.outcome is not Outcome.TOO_LITTLE_HISTORY else logging.DEBUG
        log.log(level, "%s", each.told)
    counts = {outcome: sum(each.outcome is outcome for each in trained) for outcome in Outcome}
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "no class of elements is declared"


def training_due_in_s(settings: Settings) -> float:
    """When training is next due: so long after the last one, and not at once after a start."""
    shelf = shelf_of(settings)
    last = max((each.trained_at for name in shelf.names() for each in shelf.versions(name)[:1]), default=0)
    return max((last - time.time_ns()) / _NS_PER_S + settings.detectors.train_every_hours * 3_600, SETTLED_S)
