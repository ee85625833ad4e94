"""A model is trained from the history, must beat the one that runs, can be taken back, and is never read if it is not what was written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.vector import FEATURES
from pipeline.detectors import training
from pipeline.detectors.evaluation import Kind, evaluate, tamper
from pipeline.detectors.model import Parameters
from pipeline.detectors.shelf import KEPT, ModelError, Shelf, model_name
from pipeline.detectors.training import Outcome, Trained, Training, train
from tests.support.element_history import DAY, INDEX, MadeHistory, S

NOW = 1_795_442_741 * S
END = NOW // (3_600 * S) * 3_600 * S


@pytest.fixture(scope="module")
def made() -> MadeHistory:
    """Six elements, eight days, a vector every two minutes."""
    return MadeHistory(6, 8, END, step_s=120)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models")


def trained(made: MadeHistory, shelf: Shelf, *, later_s: int = 0, **changes: object) -> Trained:
    return train(made, shelf, "core", list(made.elements), Training(NOW + later_s * S, **changes))  # type: ignore[arg-type]  # by field name


def test_the_first_runs_and_its_manifest_tells_what_it_is_of(made: MadeHistory, shelf: Shelf) -> None:
    result = trained(made, shelf)
    assert (result.outcome, result.runs) == (Outcome.FIRST, True)
    manifest = result.manifest
    assert manifest is not None
    assert shelf.running("core") == manifest.version == "20261123T140541Z"
    assert (manifest.ends_at, manifest.devices, manifest.features) == (END, 6, tuple(feature.name for feature in FEATURES))
    assert manifest.starts_at == made.starts_at  # the window is of 14 days, the history of 8
    assert manifest.starts_at < manifest.held_from < manifest.ends_at
    assert manifest.rows > 10_000 < manifest.rows + manifest.held_rows
    assert len(manifest.data_hash) == len(manifest.sha256) == 64
    assert manifest.parameters["trees"] == Parameters().trees
    assert shelf.manifest("core", manifest.version) == manifest
    assert manifest.score > 0.6
    assert manifest.evaluation["joint"] > 0.8  # what no single series shows


def test_the_same_history_gives_the_same_model_and_a_tie_keeps_the_running_one(made: MadeHistory, shelf: Shelf) -> None:
    first, second = trained(made, shelf), trained(made, shelf, later_s=1)
    assert second.outcome is Outcome.NOT_BETTER
    assert first.manifest is not None
    assert second.manifest is not None
    assert shelf.running("core") == first.manifest.version == second.manifest.rival
    assert first.manifest.data_hash == second.manifest.data_hash
    assert first.manifest.sha256 == second.manifest.sha256
    assert second.manifest.evaluation == second.manifest.rival_evaluation
    assert "the running one stays" in second.told


def test_a_worse_one_does_not_replace_it_and_a_better_one_does(made: MadeHistory, shelf: Shelf) -> None:
    """A forest of one tree on eight vectors is no match; and the other way round."""
    weak = Parameters(trees=1, sample=8, seed=4)
    assert trained(made, shelf, parameters=weak).outcome is Outcome.FIRST
    better = trained(made, shelf, later_s=1)
    assert better.outcome is Outcome.BETTER
    assert "it runs now" in better.told
    worse = trained(made, shelf, later_s=2, parameters=weak)
    assert worse.outcome is Outcome.NOT_BETTER
    assert better.manifest is not None
    assert worse.manifest is not None
    assert shelf.running("core") == better.manifest.version
    assert [each.decision for each in shelf.versions("core")] == ["not-better", "better", "first"]
    shelf.use("core", worse.manifest.version)  # a person may know better
    assert shelf.running("core") == worse.manifest.version


def test_a_model_that_knows_more_of_the_elements_beats_one_that_does_not(made: MadeHistory, shelf: Shelf) -> None:
    """An element that a model does not know is never odd to it."""
    train(made, shelf, "core", list(made.elements)[:2], Training(NOW))
    assert trained(made, shelf, later_s=1).outcome is Outcome.BETTER


@pytest.mark.parametrize("damage", ["bytes", "missing", "features"])
def test_one_that_is_not_what_was_written_is_refused_and_replaced(made: MadeHistory, shelf: Shelf, tmp_path: Path, damage: str) -> None:
    version = shelf.running("core") or trained(made, shelf).manifest.version  # type: ignore[union-attr]  # there is history
    arrays, manifest = (tmp_path / "models" / "core" / version / name for name in ("model.npz", "manifest.json"))
    if damage == "bytes":
        arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
    elif damage == "missing":
        arrays.unlink()
    else:
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "sha256": "0" * 64}))
    with pytest.raises(ModelError, match="cannot be read" if damage == "missing" else "not what was written"):
        shelf.load("core", version)
    with pytest.raises(ModelError):
        shelf.use("core", version)
    again = trained(made, shelf, later_s=1)
    assert again.outcome is Outcome.FIRST
    assert "cannot be used" in again.told


def test_a_pickle_in_its_place_is_never_read(made: MadeHistory, shelf: Shelf, tmp_path: Path) -> None:
    """Even one whose digest the manifest has."""
    import hashlib  # noqa: PLC0415  # this test alone

    manifest = trained(made, shelf).manifest
    assert manifest is not None
    folder = tmp_path / "models" / "core" / manifest.version
    np.savez(folder / "evil.npz", features=np.array([Path], dtype=object))
    data = (folder / "evil.npz").read_bytes()
    (folder / "model.npz").write_bytes(data)
    told = json.loads((folder / "manifest.json").read_text()) | {"sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(ModelError, match="cannot be used"):
        shelf.load("core", manifest.version)


@pytest.mark.parametrize(
    ("days", "least_days", "why"), [(2, 3.0, "its indicators go back 2.0 days, 3 are wanted"), (0.2, 0.1, "1000 are wanted")]
)
def test_too_little_history_is_said_and_changes_nothing(shelf: Shelf, days: float, least_days: float, why: str) -> None:
    result = trained(MadeHistory(1, days, END), shelf, least_days=least_days)
    assert (result.outcome, result.manifest, result.runs) == (Outcome.TOO_LITTLE_HISTORY, None, False)
    assert why in result.told
    assert shelf.running("core") == ""


def test_no_history_at_all_is_said(made: MadeHistory, shelf: Shelf) -> None:
    result = train(made, shelf, "edge", ["nobody"], Training(NOW))
    assert "no element of it has indicators of the last 14 days" in result.told


def test_memory_is_bounded_by_what_is_kept(made: MadeHistory, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIT_ROWS", 1_200)
    monkeypatch.setattr(training, "HELD_ROWS", 600)
    manifest = trained(made, shelf).manifest
    assert manifest is not None
    assert (manifest.rows, manifest.held_rows) == (1_200, 600)


def test_old_versions_go_but_never_the_one_that_runs(made: MadeHistory, shelf: Shelf) -> None:
    for later in range(KEPT + 3):
        trained(made, shelf, later_s=later, parameters=Parameters(trees=1, sample=8, seed=1))
    versions = [each.version for each in shelf.versions("core")]
    assert len(versions) == KEPT + 1
    assert shelf.running("core") == versions[-1] == "20261123T140541Z"


def test_only_one_trains_at_a_time(shelf: Shelf) -> None:
    with shelf.locked() as first, shelf.locked() as second:
        assert (first, second) == (True, False)
    with shelf.locked() as third:
        assert third


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden"])
def test_a_name_stays_in_its_folder(shelf: Shelf, name: str) -> None:
    with pytest.raises(ModelError, match="no name"):
        shelf.manifest("core", name)
    with pytest.raises(ModelError, match="no name"):
        shelf.versions(name)


def test_roles_become_names_of_models() -> None:
    assert [model_name(role) for role in ("core", "", "PE router / 2", "../..")] == ["core", "element", "PE-router-2", "element"]


def test_a_model_tells_what_is_odd_and_how_rare_that_is(made: MadeHistory, shelf: Shelf) -> None:
    """CPU high while traffic is low: each is often so."""
    version = trained(made, shelf).manifest.version  # type: ignore[union-attr]  # there is history
    model = shelf.load("core", version)
    at, values = made.rows["pe1"]
    night, day = (int(np.nanargmin(values[:, 0])), int(np.nanargmax(values[:, 0])))
    odd = values[night].copy()
    for name in ("cpu_mean", "cpu_highest"):
        odd[INDEX[name]] = values[day, INDEX[name]]
    found = model.judge(np.array([values[night], odd, odd]), ["pe1", "pe1", "unknown"], at[[night, night, night]])
    assert found.rarity[1] <= 0.001 < found.rarity[0]
    assert (found.known.tolist(), found.rarity[2]) == ([True, True, False], 1.0)
    assert int(np.argmax(np.abs(found.distances[1]))) in {INDEX["cpu_mean"], INDEX["cpu_highest"]}
    ordinary = model.judge(values, ["pe1"] * len(at), at).rarity
    assert np.mean(ordinary <= 0.01) < 0.03  # about as rare as it says
    assert (ordinary > 0).all()


def test_injected_anomalies_are_the_same_for_all_and_of_each_kind(made: MadeHistory, shelf: Shelf) -> None:
    version = trained(made, shelf).manifest.version  # type: ignore[union-attr]  # there is history
    model = shelf.load("core", version)
    at, values = made.rows["pe2"]
    held = training.HeldOut(("pe2",), np.zeros(2_000, np.int64), at[-2_000:], values[-2_000:])
    least = np.array([feature.least for feature in FEATURES])
    first, second = tamper(held, least, 3), tamper(held, least, 3)
    np.testing.assert_array_equal(first.values, second.values)
    assert np.bincount(first.kind).tolist() == [1_960, 14, 13, 13]
    changed = ~np.isclose(first.values, held.values, equal_nan=True)
    assert not changed[first.kind == 0].any()
    assert set(changed[first.kind == 1].sum(axis=1)) <= {3, 4, 5}
    assert set(changed[first.kind == 3].sum(axis=1)) <= {1, 2}
    score = evaluate(model, first)
    assert set(score) == {"all", *(kind.value for kind in Kind)}
    assert evaluate(replace(model, baseline=replace(model.baseline, devices=("other",) * 6)), first)["all"] < 0.05


def test_what_the_window_is_of(made: MadeHistory, shelf: Shelf) -> None:
    """``days`` bounds what is read; what is held out is its latest fifth."""
    manifest = trained(made, shelf, days=5).manifest
    assert manifest is not None
    assert (manifest.ends_at - manifest.starts_at) == 5 * DAY
    assert (manifest.ends_at - manifest.held_from) == DAY
