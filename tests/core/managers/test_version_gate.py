from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger
from sqlalchemy import Engine

from core.handlers.base import TrainedModel
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.version_gate import VersionGate
from core.schemas.version import VersionEvent, VersionState
from core.utilities.errors import ArtifactIntegrityError, UnknownVersionError, VersionStateError
from core.utilities.hashing import sha256_of
from tests.core.managers.postgresql import database
from tests.core.managers.registered import MODEL, WHO, empty, gate_of, rewrite_manifest, store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same tests over both databases, for real."""
    with database(request.param, tmp_path_factory.mktemp("gate")) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


@pytest.fixture
def models_dir(tmp_path: Path, trained: TrainedModel) -> Path:
    store(tmp_path / "models", trained, "v1")
    return tmp_path / "models"


@pytest.fixture
def registry(shared_engine: Engine, models_dir: Path) -> Registry:
    empty(shared_engine)
    return Registry(shared_engine, models_dir)


@pytest.fixture
def gate(registry: Registry, models_dir: Path) -> VersionGate:
    return gate_of(registry, models_dir)


def test_what_is_approved_or_frozen_passes(registry: Registry, gate: VersionGate) -> None:
    registry.register(MODEL, "v1", **WHO)
    with pytest.raises(VersionStateError, match="is candidate"):
        gate.require_routable(MODEL, "v1")
    registry.change(MODEL, "v1", VersionEvent.APPROVE, **WHO)
    gate.require_routable(MODEL, "v1")
    registry.change(MODEL, "v1", VersionEvent.FREEZE, **WHO)
    gate.require_routable(MODEL, "v1")


def test_what_is_retired_does_not_pass(registry: Registry, gate: VersionGate) -> None:
    registry.register(MODEL, "v1", **WHO)
    registry.change(MODEL, "v1", VersionEvent.RETIRE, **WHO)
    with pytest.raises(VersionStateError, match="is retired"):
        gate.require_routable(MODEL, "v1")


def test_what_the_table_does_not_know_is_adopted_first(registry: Registry, gate: VersionGate) -> None:
    gate.require_routable(MODEL, "v1")
    assert registry.get(MODEL, "v1").state is VersionState.APPROVED


@pytest.mark.usefixtures("registry")
def test_what_cannot_be_adopted_does_not_pass(gate: VersionGate, models_dir: Path) -> None:
    (models_dir / MODEL / "v1" / "model.pickle").write_bytes(b"x")
    with pytest.raises(ArtifactIntegrityError, match="SHA-256"):
        gate.require_routable(MODEL, "v1")


@pytest.mark.parametrize(
    ("model", "version"), [(MODEL, "v9"), (MODEL, "../v1"), ("../x", "v1"), (MODEL, "a\0b"), ("", "")]
)
def test_an_unknown_version_does_not_pass(gate: VersionGate, model: str, version: str) -> None:
    with pytest.raises(UnknownVersionError):
        gate.require_routable(model, version)


def test_files_that_were_changed_together_with_their_manifest_do_not_pass(
    registry: Registry, gate: VersionGate, models_dir: Path
) -> None:
    registry.register(MODEL, "v1", **WHO)
    registry.change(MODEL, "v1", VersionEvent.APPROVE, **WHO)
    folder = models_dir / MODEL / "v1"
    (folder / "model.pickle").write_bytes(b"another")
    rewrite_manifest(folder, sha256=sha256_of(b"another"))
    with pytest.raises(ArtifactIntegrityError, match="not the one that was registered"):
        gate.require_routable(MODEL, "v1")


def test_a_version_without_files_here_passes_as_it_is_registered(
    registry: Registry, gate: VersionGate, models_dir: Path
) -> None:
    registry.register(MODEL, "v1", **WHO)
    registry.change(MODEL, "v1", VersionEvent.APPROVE, **WHO)
    (models_dir / MODEL / "v1").rename(models_dir / "gone")
    gate.require_routable(MODEL, "v1")


def test_what_cannot_be_made_known_beforehand_stops_no_change_and_is_told(gate: VersionGate, models_dir: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    (models_dir / MODEL / "v1" / "manifest.json").write_text("{")
    gate.know(MODEL, "v1")
    logger.remove(sink)
    assert len(lines) == 1
    assert lines[0].startswith(f"v1 of {MODEL} is not known to the registry: ")


def test_what_is_made_known_beforehand_needs_no_adoption_later(
    registry: Registry, gate: VersionGate, models_dir: Path
) -> None:
    gate.know(MODEL, "v1")
    known = VersionGate(gate._database, models_dir, adopt=lambda model, version: pytest.fail("adopted again"))
    known.require_routable(MODEL, "v1")
    assert registry.get(MODEL, "v1").state is VersionState.APPROVED
