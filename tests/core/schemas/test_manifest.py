from typing import Any

import pytest
from pydantic import ValidationError

from core.schemas.manifest import Manifest

MANIFEST: dict[str, Any] = {
    "name": "trip_duration",
    "version": "v",
    "artifact": "model.pickle",
    "sha256": "0" * 64,
    "libraries": {"scikit-learn": "1.9.1"},
    "feature_schema": {},
    "training_data": {"trips.parquet": "f" * 64},
    "code_revision": "c",
    "metrics": {},
    "golden_rows": {"columns": {"trip_distance": [3.0]}, "predictions": [12.5]},
    "created_at": "2026-01-01T00:00:00Z",
}


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = Manifest.model_validate(MANIFEST)

    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "\n", "A" * 64])
def test_what_is_no_sha256_is_refused(sha256: str) -> None:
    with pytest.raises(ValidationError, match="sha256"):
        Manifest.model_validate(MANIFEST | {"sha256": sha256})


@pytest.mark.parametrize("part", MANIFEST)
def test_no_part_may_miss(part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        Manifest.model_validate({name: value for name, value in MANIFEST.items() if name != part})


def test_no_part_may_be_added() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Manifest.model_validate(MANIFEST | {"sha_256": "0" * 64})
