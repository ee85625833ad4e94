"""Where models are kept: ``<data_dir>/models/<name>/<version>/``, a manifest beside plain arrays, and the name of the version that runs.

Nothing here is pickled: arrays are read with pickles refused, and only after their SHA-256 was found to be the manifest's.
"""

import fcntl
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.detectors.model import ElementModel

KEPT = 10
"""Versions of a model that stay besides the one that runs."""
_ARRAYS, _MANIFEST, _RUNNING, _LOCK = "model.npz", "manifest.json", "running", ".lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ModelError(ValueError):
    """A model that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is to be known of one version. Times are UTC nanoseconds.

    It was trained on what lies between ``starts_at`` and ``held_from``, and judged by what lies between that and ``ends_at``.
    ``evaluation`` has the average precision over all injected anomalies and among those of each kind; ``rival`` is the version that ran
    then, with its own ``rival_evaluation`` on the same. ``decision`` says what became of it.
    """

    name: str
    version: str
    trained_at: int
    starts_at: int
    held_from: int
    ends_at: int
    devices: int
    rows: int
    held_rows: int
    data_hash: str
    features: tuple[str, ...]
    parameters: dict[str, Any]
    evaluation: dict[str, float]
    rival: str = ""
    rival_evaluation: dict[str, float] = field(default_factory=dict)
    decision: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    sha256: str = ""

    @property
    def score(self) -> float:
        """The average precision that decided."""
        return self.evaluation.get("all", 0.0)


class Shelf:
    """The models of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Names of the models that there are."""
        return sorted(path.name for path in self._folder.glob("*") if path.is_dir() and _NAME.fullmatch(path.name))

    def versions(self, name: str) -> list[Manifest]:
        """Every version of a model, newest first; one whose manifest cannot be read is left out."""
        found = []
        for path in self._of(name).glob(f"*/{_MANIFEST}"):
            try:
                found.append(self.manifest(name, path.parent.name))
            except ModelError:
                continue
        return sorted(found, key=lambda each: (each.trained_at, each.version), reverse=True)

    def running(self, name: str) -> str:
        """The version that runs; empty when none does."""
        try:
            return (self._of(name) / _RUNNING).read_text().strip()
        except OSError:
            return ""

    def manifest(self, name: str, version: str) -> Manifest:
        """What is known of a version. Raises ``ModelError`` when there is none."""
        path = self._of(name) / _checked(version) / _MANIFEST
        try:
            read = json.loads(path.read_text())
            return Manifest(**{**read, "features": tuple(read["features"])})
        except OSError as error:
            raise ModelError(f"there is no version {version} of model {name}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{path} is no manifest: {error}") from error

    def load(self, name: str, version: str) -> ElementModel:
        """Read a version. Raises ``ModelError`` when it is not there, is not what was written, or is none that this program can use."""
        manifest = self.manifest(name, version)
        path = self._of(name) / version / _ARRAYS
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != manifest.sha256:
            raise ModelError(f"{path} is not what was written (its SHA-256 is not the manifest's): refused")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return ElementModel.of({key: arrays[key] for key in arrays.files})
        except KeyError as error:
            raise ModelError(
                f"version {version} of model {name} cannot be used: it has no part {error}, as another program wrote it"
            ) from error
        except (ValueError, OSError) as error:
            raise ModelError(f"version {version} of model {name} cannot be used: {error}") from error

    def put(self, manifest: Manifest, model: ElementModel) -> Manifest:
        """Keep a new version, whole or not at all, and let go of the oldest that do not run. Gives the manifest with its digest."""
        into = io.BytesIO()
        np.savez_compressed(into, **model.arrays())  # type: ignore[arg-type]  # its own keyword, allow_pickle, is none of ours
        data = into.getvalue()
        whole = Manifest(**{**asdict(manifest), "features": manifest.features, "sha256": hashlib.sha256(data).hexdigest()})
        folder = self._of(manifest.name)
        making = folder / f".making-{manifest.version}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        (making / _ARRAYS).write_bytes(data)
        (making / _MANIFEST).write_text(json.dumps(asdict(whole), indent=2) + "\n")
        making.rename(folder / _checked(manifest.version))
        self._forget_oldest(manifest.name)
        return whole

    def use(self, name: str, version: str) -> None:
        """Let a version run from now on. Raises ``ModelError`` when it cannot be used; the one before then goes on."""
        self.load(name, version)
        path = self._of(name) / _RUNNING
        making = path.with_suffix(".making")
        making.write_text(f"{version}\n")
        making.replace(path)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Be the only one that trains; false when another does."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)

    def _forget_oldest(self, name: str) -> None:
        running = self.running(name)
        for manifest in [each for each in self.versions(name) if each.version != running][KEPT:]:
            shutil.rmtree(self._of(name) / manifest.version)

    def _of(self, name: str) -> Path:
        return self._folder / _checked(name)


def _checked(name: str) -> str:
    """A name that stays within its folder."""
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r} is no name of a model or version")
    return name


def model_name(role: str) -> str:
    """The model of a class of elements: their role in the inventory, in characters that a folder may have; ``element`` for none."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", role).strip("-._")[:100] or "element"
