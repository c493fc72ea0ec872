"""Versions of the linear reference that can be told apart by what they answer."""

import copy
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.trips import KNOWN, REFERENCE_VERSION, reference
from config import ROOT
from core.handlers.base import TrainedModel
from core.managers.artifacts import load_handler, load_version
from core.managers.registry import Registry
from core.managers.version_files import read_manifest
from core.managers.versions import store_version
from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP
from core.models.trip_duration.linear import PairRegression
from core.schemas.catalog import TRIP_DURATION
from core.schemas.manifest import GoldenRows
from core.schemas.version import VersionEvent

MODEL = TRIP_DURATION.model
SHIFT_MIN = 0.5
"""So many minutes later than the version before does each one arrive, on pairs that it knows."""
_WHO = {"who": "bench", "why": "to be measured"}


def store_versions(registry: Registry, models_dir: Path, count: int) -> tuple[str, ...]:
    """Store ``count`` versions, register and approve them, as a run and a human would; return their ids."""
    shipped = ROOT / "repo" / "models" / MODEL / REFERENCE_VERSION
    golden = read_manifest(shipped).golden_rows
    versions = tuple(f"linear-{number:02}" for number in range(count))
    for number, version in enumerate(versions):
        predictor = shifted(reference(), minutes=number * SHIFT_MIN)
        predictions = load_handler(TRIP_DURATION).serve(predictor, golden.columns).predictions
        trained = TrainedModel(
            predictor=predictor,
            label=version,
            training_data={},
            parameters={"shift_min": number * SHIFT_MIN},
            metrics={},
            golden_rows=GoldenRows(columns=golden.columns, predictions=[value or 0.0 for value in predictions]),
        )
        store_version(
            models_dir,
            trained,
            entry=TRIP_DURATION,
            version=version,
            announce=lambda manifest, size: registry.enter(manifest, size_bytes=size, **_WHO),
        )
        registry.change(MODEL, version, VersionEvent.APPROVE, **_WHO)
    return versions


def shifted(model: PairRegression, *, minutes: float) -> PairRegression:
    """Return the same regression with a later intercept; unknown pairs are answered as before."""
    regression = copy.deepcopy(model.regression)
    regression.intercept_ = np.ravel(regression.intercept_) + minutes
    # A copy by value: what is pickled must not share its parts with another version.
    return PairRegression(model.vectorizer, regression, pickle.loads(pickle.dumps(model.fallback)))  # noqa: S301 (our own)


def answers_of(models_dir: Path, versions: Sequence[str], trips: Sequence[dict[str, object]]) -> dict[str, list[float]]:
    """Return what each version answers to ``trips``, loaded here and asked without a queue, (n_trips,) each."""
    columns = {name: [trip[name] for trip in trips] for name in (PICKUP, DROPOFF, DISTANCE)}
    return {version: [value or 0.0 for value in _load(models_dir, version, columns)] for version in versions}


def known_answer(models_dir: Path, version: str) -> float:
    """Return what a version answers to the known trip."""
    return answers_of(models_dir, [version], [KNOWN])[version][0]


def _load(models_dir: Path, version: str, columns: dict[str, list[object]]) -> list[float | None]:
    loaded = load_version(models_dir / MODEL / version, entry=TRIP_DURATION)
    return list(loaded.predict(columns).predictions)
