from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.handlers.base import TrainedModel
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.route_history import RouteHistory
from core.managers.version_files import read_manifest
from core.schemas.route import Canary, Route
from core.schemas.version import VersionEvent, VersionState
from core.utilities.errors import ArtifactError, ArtifactIntegrityError, UnknownVersionError, VersionStateError
from core.utilities.hashing import sha256_of, sha256_of_file
from tests.core.managers.postgresql import database
from tests.core.managers.registered import MODEL, WHO, empty, plain, rewrite_manifest, set_champion, store

APPROVE, FREEZE, RETIRE = VersionEvent.APPROVE, VersionEvent.FREEZE, VersionEvent.RETIRE


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same tests over both databases, for real."""
    with database(request.param, tmp_path_factory.mktemp("registry")) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    empty(shared_engine)
    return shared_engine


@pytest.fixture
def models_dir(tmp_path: Path, trained: TrainedModel) -> Path:
    store(tmp_path / "models", trained, "v1")
    return tmp_path / "models"


@pytest.fixture
def registry(engine: Engine, models_dir: Path) -> Registry:
    return Registry(engine, models_dir)


@pytest.fixture
def candidate(registry: Registry) -> Registry:
    """A registry with a candidate, v1."""
    registry.register(MODEL, "v1", **WHO)
    return registry


def test_a_registered_version_is_a_candidate_with_what_its_files_say(registry: Registry, models_dir: Path) -> None:
    record = registry.register(MODEL, "v1", who="run 1", why="it passed the gate")
    folder = models_dir / MODEL / "v1"
    assert (record.model, record.version, record.state) == (MODEL, "v1", VersionState.CANDIDATE)
    assert record.sha256 == sha256_of_file(folder / "model.pickle")
    assert record.size_bytes == (folder / "model.pickle").stat().st_size
    assert record.created_at == read_manifest(folder).created_at
    assert (record.registered_by, record.registered_at.tzinfo is not None) == ("run 1", True)
    assert registry.get(MODEL, "v1") == record
    (event,) = registry.events(MODEL, "v1")
    assert (event.event, event.who, event.why) == (VersionEvent.REGISTER, "run 1", "it passed the gate")


def test_its_manifest_is_kept_without_the_golden_rows(candidate: Registry, models_dir: Path) -> None:
    manifest = candidate.details(MODEL, "v1").manifest
    assert "golden_rows" not in manifest
    assert manifest["metrics"] == read_manifest(models_dir / MODEL / "v1").metrics


def test_registering_again_changes_nothing(candidate: Registry) -> None:
    approved = candidate.change(MODEL, "v1", APPROVE, **WHO)
    assert candidate.register(MODEL, "v1", who="eve", why="again") == approved
    assert len(candidate.events(MODEL, "v1")) == 2


def test_an_id_stands_for_one_artifact_for_ever(candidate: Registry, models_dir: Path) -> None:
    folder = models_dir / MODEL / "v1"
    (folder / "model.pickle").write_bytes(b"another")
    rewrite_manifest(folder, sha256=sha256_of(b"another"))
    with pytest.raises(VersionStateError, match="versions never change"):
        candidate.register(MODEL, "v1", **WHO)


def test_who_and_why_and_when_are_kept_of_each_event(candidate: Registry) -> None:
    candidate.change(MODEL, "v1", APPROVE, who="ada", why="better")
    frozen = candidate.change(MODEL, "v1", FREEZE, who="bob", why="audit")
    events = candidate.events(MODEL, "v1")
    assert frozen.state is VersionState.FROZEN
    assert [(event.event, event.who, event.why) for event in events[1:]] == [
        (APPROVE, "ada", "better"),
        (FREEZE, "bob", "audit"),
    ]
    assert events[0].at <= events[1].at <= events[2].at


def test_a_refused_event_leaves_state_and_history_as_they_were(candidate: Registry) -> None:
    with pytest.raises(VersionStateError, match="is candidate cannot freeze"):
        candidate.change(MODEL, "v1", FREEZE, **WHO)
    assert candidate.get(MODEL, "v1").state is VersionState.CANDIDATE
    assert len(candidate.events(MODEL, "v1")) == 1


def test_a_frozen_version_never_changes_again(candidate: Registry) -> None:
    candidate.change(MODEL, "v1", APPROVE, **WHO)
    candidate.change(MODEL, "v1", FREEZE, **WHO)
    for event in (APPROVE, FREEZE, RETIRE):
        with pytest.raises(VersionStateError, match="is frozen cannot"):
            candidate.change(MODEL, "v1", event, **WHO)


def test_of_many_that_approve_at_once_one_does(candidate: Registry) -> None:
    def approve(number: int) -> bool:
        try:
            candidate.change(MODEL, "v1", APPROVE, who=str(number), why="x")
        except VersionStateError:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(approve, range(6))) == 1
    assert len(candidate.events(MODEL, "v1")) == 2


def test_many_that_register_the_same_at_once_make_one_entry(registry: Registry) -> None:
    with ThreadPoolExecutor(6) as threads:
        records = list(threads.map(lambda _: registry.register(MODEL, "v1", **WHO), range(6)))
    assert all(record == records[0] for record in records)
    assert len(registry.events(MODEL, "v1")) == 1


def test_a_version_that_the_table_does_not_know_is_adopted_as_approved(registry: Registry) -> None:
    (record,) = registry.versions(MODEL)
    assert (record.version, record.state, record.registered_by) == ("v1", VersionState.APPROVED, "shipped")
    (event,) = registry.events(MODEL, "v1")
    assert (event.event, event.who) == (APPROVE, "shipped")


def test_a_version_that_was_entered_before_its_files_came_is_not_adopted(
    registry: Registry, models_dir: Path, trained: TrainedModel
) -> None:
    elsewhere = read_manifest(store(models_dir.parent / "elsewhere", trained, "v2"))
    registry.enter(elsewhere, size_bytes=1, **WHO)
    store(models_dir, trained, "v2")
    states = {record.version: record.state for record in registry.versions(MODEL)}
    assert states == {"v1": VersionState.APPROVED, "v2": VersionState.CANDIDATE}


def test_what_is_damaged_is_not_adopted_and_says_why(registry: Registry, models_dir: Path) -> None:
    (models_dir / MODEL / "v1" / "model.pickle").write_bytes(b"x")
    assert registry.versions() == []
    with pytest.raises(ArtifactIntegrityError, match="SHA-256"):
        registry.get(MODEL, "v1")


def test_versions_come_newest_first_and_of_one_model_or_all(
    candidate: Registry, models_dir: Path, trained: TrainedModel
) -> None:
    store(models_dir, trained, "v0")
    candidate.register(MODEL, "v0", **WHO)
    assert [record.version for record in candidate.versions()] == ["v0", "v1"]
    assert candidate.versions("tip_share") == []


@pytest.mark.parametrize(
    ("model", "version"), [(MODEL, "v9"), (MODEL, "../v1"), ("../x", "v1"), (MODEL, "a\0b"), ("", "")]
)
def test_an_unknown_version_is_an_error(registry: Registry, model: str, version: str) -> None:
    for ask in (registry.get, registry.events):
        with pytest.raises(UnknownVersionError):
            ask(model, version)
    with pytest.raises(UnknownVersionError):
        registry.change(model, version, APPROVE, **WHO)


def test_files_that_were_changed_together_with_their_manifest_are_noticed(
    candidate: Registry, models_dir: Path
) -> None:
    candidate.change(MODEL, "v1", APPROVE, **WHO)
    folder = models_dir / MODEL / "v1"
    (folder / "model.pickle").write_bytes(b"another")
    rewrite_manifest(folder, sha256=sha256_of(b"another"))
    with pytest.raises(ArtifactIntegrityError, match="not the one that was registered"):
        candidate.change(MODEL, "v1", FREEZE, **WHO)


def test_a_retired_version_stays_retired(candidate: Registry) -> None:
    candidate.change(MODEL, "v1", RETIRE, **WHO)
    with pytest.raises(VersionStateError, match="is retired cannot approve"):
        candidate.change(MODEL, "v1", APPROVE, **WHO)


def test_a_version_without_its_files_is_not_approved(candidate: Registry, models_dir: Path) -> None:
    (models_dir / MODEL / "v1").rename(models_dir / "gone")
    with pytest.raises(ArtifactError, match="not there"):
        candidate.change(MODEL, "v1", APPROVE, **WHO)


def test_a_version_that_the_route_names_does_not_retire(registry: Registry, models_dir: Path) -> None:
    set_champion(models_dir, MODEL, "v1")
    with pytest.raises(VersionStateError, match="on the route"):
        registry.change(MODEL, "v1", RETIRE, **WHO)
    assert registry.get(MODEL, "v1").state is VersionState.APPROVED
    set_champion(models_dir, MODEL, "v2")
    assert registry.change(MODEL, "v1", RETIRE, **WHO).state is VersionState.RETIRED


def test_a_version_that_the_last_noted_route_names_does_not_retire(registry: Registry, engine: Engine) -> None:
    history = RouteHistory(plain(engine))
    history.applied(
        MODEL, Route(champion="v0", canary=Canary(version="v1", share=0.1), revision=1), action="canary", **WHO
    )
    with pytest.raises(VersionStateError, match="on the route"):
        registry.change(MODEL, "v1", RETIRE, **WHO)
    history.applied(MODEL, Route(champion="v0", revision=2), action="stop_canary", **WHO)
    assert registry.change(MODEL, "v1", RETIRE, **WHO).state is VersionState.RETIRED
