"""Changes of routes, with a real database, a real board and workers that really load."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.managers import heartbeat_writer, pin_notice
from core.managers.pin_notice import LIFETIME_S, PinNotice
from core.managers.route_board import RouteBoard, pinned_key
from core.managers.route_history import RouteHistory
from core.managers.route_preparation import Preparer
from core.managers.version_files import read_route
from core.schemas.catalog import CatalogEntry
from core.schemas.route import Canary, Route
from core.schemas.version import RouteChange, VersionEvent
from core.utilities.errors import DatabaseUnavailableError, RouteRefusedError
from tests.core.managers.office import ADA, LASTING_S, MODEL, Office, office_desk, staffed_office
from tests.core.managers.paced_versions import store_paced
from tests.core.managers.registered import plain
from tests.core.managers.version_worker import version_worker
from tests.e2e.processes import Broker, wait_until


@pytest.fixture
def office(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(heartbeat_writer, "LIFETIME_S", LASTING_S)
    with staffed_office(tmp_path, broker) as office:
        yield office


def test_from_a_shadow_to_a_canary_to_the_champion_and_back(office: Office) -> None:
    desk = office.desk
    desk.shadow(MODEL, "pace-2", **ADA)
    assert office.route() == Route(champion="pace-1", shadow="pace-2", revision=1)
    desk.canary(MODEL, "pace-2", 0.1, **ADA)
    assert office.route() == Route(champion="pace-1", canary=Canary(version="pace-2", share=0.1), revision=2)
    desk.promote(MODEL, **ADA)
    assert office.route() == Route(champion="pace-2", revision=3)
    desk.rollback(MODEL, **ADA)
    assert office.route() == Route(champion="pace-1", revision=4)
    actions = [change.action for change in office.history.changes(MODEL)]
    assert actions == ["rollback", "promote", "canary", "shadow", "found"]


def test_every_worker_holds_a_version_before_a_route_names_it(tmp_path: Path, broker: Broker, office: Office) -> None:
    with version_worker("w3", broker, office.models_dir) as models:
        office.desk.deploy(MODEL, "pace-3", **ADA)
        assert models.holds(MODEL, "pace-3")
        wait_until(lambda: models.get(MODEL, None).version == "pace-3")


def test_what_leaves_the_route_is_known_to_the_registry_before_somebody_wants_it_back(office: Office) -> None:
    office.desk.deploy(MODEL, "pace-2", **ADA)
    known = plain(office.registry.engine).rows("select version from versions order by version")
    assert known == [("pace-1",), ("pace-2",)]


def test_a_canary_is_stopped_only_if_it_is_the_one_that_is_meant(office: Office) -> None:
    office.desk.canary(MODEL, "pace-2", 0.5, **ADA)
    with pytest.raises(RouteRefusedError, match="no canary pace-3"):
        office.desk.stop_canary(MODEL, version="pace-3", who="guard", why="too slow")
    office.desk.stop_canary(MODEL, version="pace-2", who="guard", why="too slow")
    assert office.route().canary is None
    assert (office.last().who, office.last().why) == ("guard", "too slow")


def refused(office: Office, version: str) -> str:
    """Deploy in vain; return the reason, which the history has too."""
    before = office.desk.current(MODEL)
    with pytest.raises(RouteRefusedError) as refusal:
        office.desk.deploy(MODEL, version, **ADA)
    assert office.desk.current(MODEL) == before
    assert office.last().refused == str(refusal.value)
    assert office.last().revision is None
    return str(refusal.value)


def test_a_tampered_artifact_is_refused(office: Office) -> None:
    office.registry.get(MODEL, "pace-2")
    artifact = office.models_dir / MODEL / "pace-2" / "model.pickle"
    artifact.write_bytes(artifact.read_bytes() + b" ")
    assert "SHA-256" in refused(office, "pace-2")


def test_a_version_whose_golden_rows_differ_is_refused_by_the_workers(office: Office) -> None:
    office.registry.get(MODEL, "pace-2")
    manifest = office.models_dir / MODEL / "pace-2" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("6.0", "6.5"))
    assert "golden row 0" in refused(office, "pace-2")


def test_an_artifact_too_large_for_the_budget_of_one_worker_is_refused(office: Office, broker: Broker) -> None:
    size_mib = office.registry.get(MODEL, "pace-1").size_bytes / 1024 / 1024
    with version_worker("small", broker, office.models_dir, budget_mib=1.5 * size_mib):
        office.desk.deploy(MODEL, "pace-1", **ADA)
        with pytest.raises(RouteRefusedError, match=r"worker small: .* do not fit"):
            office.desk.canary(MODEL, "pace-2", 0.1, **ADA)
    assert office.route().versions == ("pace-1",)


def test_a_candidate_or_a_retired_version_or_none_at_all_is_refused(office: Office) -> None:
    store_paced(office.models_dir, 7)
    office.registry.register(MODEL, "pace-7", who="run", why="trained")
    assert "candidate" in refused(office, "pace-7")
    office.registry.change(MODEL, "pace-4", VersionEvent.RETIRE, **ADA)
    assert "retired" in refused(office, "pace-4")
    assert "no version gone" in refused(office, "gone")


def test_a_worker_whose_settings_pin_its_version_lets_no_route_change(office: Office, broker: Broker) -> None:
    with version_worker("pinned", broker, office.models_dir, pinned="pace-3"):
        assert "worker pinned" in refused(office, "pace-2")


async def test_web_processes_whose_settings_pin_a_version_let_no_route_change(
    office: Office, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pin_notice, "LIFETIME_S", LASTING_S)
    web = PinNotice(broker.url, {MODEL: "pace-3"})
    web.start()
    await asyncio.to_thread(wait_until, lambda: office.board.pinned(MODEL) == "pace-3")
    assert "MODEL_VERSION of the web processes pins trip_duration pace-3" in refused(office, "pace-2")
    monkeypatch.setattr(pin_notice, "LIFETIME_S", LIFETIME_S)
    with broker.client() as client:
        await asyncio.to_thread(wait_until, lambda: client.pttl(pinned_key(MODEL)) <= LIFETIME_S * 1000)
    await web.stop()
    await asyncio.to_thread(wait_until, lambda: not office.board.pinned(MODEL))
    office.desk.deploy(MODEL, "pace-2", **ADA)


def test_without_a_worker_the_version_is_proven_here(tmp_path: Path, broker: Broker) -> None:
    office = Office(tmp_path, broker)
    store_paced(office.models_dir, 1)
    office.desk.deploy(MODEL, "pace-1", **ADA)
    assert office.route() == Route(champion="pace-1", revision=1)
    store_paced(office.models_dir, 2)
    office.registry.get(MODEL, "pace-2")
    manifest = office.models_dir / MODEL / "pace-2" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("6.0", "6.5"))
    assert "golden row 0" in refused(office, "pace-2")
    office.board.close()


def test_what_there_is_no_route_for_is_refused(tmp_path: Path, broker: Broker) -> None:
    office = Office(tmp_path, broker)
    desk = office.desk
    for change in (desk.promote, desk.rollback, desk.stop_canary):
        with pytest.raises(RouteRefusedError):
            change(MODEL, **ADA)
    with pytest.raises(RouteRefusedError, match="no model is called"):
        desk.deploy("weather", "v1", **ADA)
    office.board.close()


def test_with_the_board_away_nothing_changes(tmp_path: Path, own_broker: Broker) -> None:
    office = Office(tmp_path, own_broker)
    store_paced(office.models_dir, 1)
    with pytest.raises(RouteRefusedError, match="board cannot be reached"):
        office.desk.deploy(MODEL, "pace-1", **ADA)
    assert office.desk.current(MODEL) is None
    assert "cannot be reached" in str(office.last().refused)


def test_of_two_who_change_a_route_at_once_each_knows_what_became_of_it(office: Office) -> None:
    def deploy(pace: int) -> bool:
        try:
            office.desk.deploy(MODEL, f"pace-{pace}", **ADA)
        except RouteRefusedError as error:
            assert "meanwhile" in str(error)  # noqa: PT017
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        done = sum(pool.map(deploy, (2, 3, 4)))
    assert done >= 1
    assert office.route().revision == done


def test_a_route_that_cannot_spread_is_put_back(tmp_path: Path, own_broker: Broker) -> None:
    with own_broker.running() as process:
        office = Office(tmp_path, own_broker)
        for pace in (1, 2):
            store_paced(office.models_dir, pace)
        office.desk.deploy(MODEL, "pace-1", **ADA)

        class LastWord(Preparer):
            """Its board is gone once everything is prepared."""

            @contextmanager
            def prepared(
                self, entry: CatalogEntry, versions: Sequence[str], *, beside: Sequence[str] = ()
            ) -> Iterator[None]:
                with super().prepared(entry, versions, beside=beside):
                    process.kill()
                    process.wait()
                    yield

        desk = office_desk(office, preparer=LastWord(board=office.board, prove=office.prove))
        with pytest.raises(RouteRefusedError, match="board cannot be reached"):
            desk.deploy(MODEL, "pace-2", **ADA)

    assert read_route(office.models_dir, MODEL) == Route(champion="pace-1", revision=3)
    assert office.history.current(MODEL) == Route(champion="pace-1", revision=3)
    assert [change.action for change in office.history.changes(MODEL)] == ["deploy", "undo", "deploy", "deploy"]
    with own_broker.running():
        office.desk.deploy(MODEL, "pace-2", **ADA)
        assert office.route() == Route(champion="pace-2", revision=4)
    office.board.close()


def test_whoever_is_overtaken_between_noting_and_spreading_puts_nothing_back(office: Office) -> None:
    class Overtaken(RouteHistory):
        """Somebody else makes a whole change once ours is noted."""

        def applied(self, model: str, route: Route, **said: Any) -> RouteChange:
            noted = super().applied(model, route, **said)
            office.desk.deploy(MODEL, "pace-3", **ADA)
            return noted

    desk = office_desk(office, history=Overtaken(plain(office.registry.engine)))
    with pytest.raises(RouteRefusedError, match="meanwhile"):
        desk.deploy(MODEL, "pace-2", **ADA)
    assert office.route() == Route(champion="pace-3", revision=2)


def test_with_the_database_away_a_change_is_not_refused_but_fails(office: Office) -> None:
    class Away(RouteHistory):
        """Its database is away when a change is to be noted, and back again when a refusal would be."""

        def applied(self, model: str, route: Route, **said: Any) -> RouteChange:
            raise DatabaseUnavailableError("away")

    with pytest.raises(DatabaseUnavailableError):
        office_desk(office, history=Away(plain(office.registry.engine))).deploy(MODEL, "pace-2", **ADA)
    assert office.history.changes(MODEL) == []
    assert read_route(office.models_dir, MODEL) == Route(champion="pace-1")


def test_a_route_that_is_put_on_the_board_twice_is_no_other_ones(office: Office, broker: Broker) -> None:
    class Stutterer(RouteBoard):
        """Its first reply is lost, so it asks again."""

        def publish(self, model: str, route: Route) -> bool:
            super().publish(model, route)
            return super().publish(model, route)

    board = Stutterer(broker.url)
    office_desk(office, board=board).deploy(MODEL, "pace-2", **ADA)
    board.close()
    assert office.route() == Route(champion="pace-2", revision=1)
