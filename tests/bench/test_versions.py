from pathlib import Path

from bench.trips import KNOWN
from bench.versions import MODEL, SHIFT_MIN, answers_of, store_versions
from core.managers.database import open_database
from core.managers.registry import Registry
from tests.core.managers.registered import gate_of


def test_versions_may_be_routed_and_tell_themselves_apart_by_value(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    registry = Registry(engine, tmp_path / "models")
    versions = store_versions(registry, tmp_path / "models", 3)
    for version in versions:
        gate_of(registry, tmp_path / "models").require_routable(MODEL, version)
    first, *others = (answers[0] for answers in answers_of(tmp_path / "models", versions, [KNOWN]).values())
    assert [round(other - first, 9) for other in others] == [SHIFT_MIN, 2 * SHIFT_MIN]
    engine.dispose()
