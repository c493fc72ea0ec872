"""Changes of routes while something is broken, gone, or changed by somebody else."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest
import redis

from core.managers import heartbeat_writer
from core.managers.route_board import RouteBoard
from core.managers.route_preparation import Preparer
from core.managers.version_files import read_route
from core.schemas.catalog import CatalogEntry
from core.schemas.route import Canary, Route
from core.schemas.version import VersionEvent
from core.utilities.errors import RouteRefusedError
from tests.core.managers.office import ADA, LASTING_S, MODEL, Office, office_desk, staffed_office
from tests.core.managers.paced_versions import store_paced
from tests.core.managers.registered import empty
from tests.e2e.processes import Broker


@pytest.fixture
def office(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(heartbeat_writer, "LIFETIME_S", LASTING_S)
    with staffed_office(tmp_path, broker) as office:
        yield office


def damage(office: Office, version: str) -> None:
    """Change an artifact on the disk; who holds it already does not notice."""
    artifact = office.models_dir / MODEL / version / "model.pickle"
    artifact.write_bytes(artifact.read_bytes() + b"x")


@contextmanager
def stalled(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a process do nothing for a while, and then go on with what it was sent."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_a_version_that_retires_while_it_is_loaded_does_not_come_on_the_route(office: Office) -> None:
    class Overtaken(Preparer):
        """Somebody retires the version once all workers hold it."""

        @contextmanager
        def prepared(
            self, entry: CatalogEntry, versions: Sequence[str], *, beside: Sequence[str] = ()
        ) -> Iterator[None]:
            with super().prepared(entry, versions, beside=beside):
                office.registry.change(MODEL, "pace-2", VersionEvent.RETIRE, **ADA)
                yield

    desk = office_desk(office, preparer=Overtaken(board=office.board, prove=office.prove))
    with pytest.raises(RouteRefusedError, match="retired meanwhile"):
        desk.deploy(MODEL, "pace-2", **ADA)
    assert office.desk.current(MODEL) == Route(champion="pace-1")
    assert "retired meanwhile" in str(office.last().refused)


def test_a_rollback_ends_a_canary_that_a_lost_database_does_not_know_of(office: Office) -> None:
    office.desk.canary(MODEL, "pace-2", 0.5, **ADA)
    empty(office.registry.engine)
    office.desk.rollback(MODEL, **ADA)
    assert office.route() == Route(champion="pace-1", revision=2)
    assert [change.action for change in office.history.changes(MODEL)] == ["rollback", "found"]


def test_whatever_became_of_canary_and_champion_on_the_disk_the_canary_can_be_stopped(office: Office) -> None:
    office.desk.canary(MODEL, "pace-2", 0.5, **ADA)
    for version in ("pace-1", "pace-2"):
        damage(office, version)
    office.desk.stop_canary(MODEL, **ADA)
    assert office.route() == Route(champion="pace-1", revision=2)
    with pytest.raises(RouteRefusedError, match="SHA-256"):
        office.desk.deploy(MODEL, "pace-1", **ADA)


def test_a_shadow_that_was_damaged_holds_up_no_change(office: Office) -> None:
    office.desk.shadow(MODEL, "pace-3", **ADA)
    office.desk.canary(MODEL, "pace-2", 0.5, **ADA)
    damage(office, "pace-3")
    office.desk.stop_canary(MODEL, **ADA)
    office.desk.canary(MODEL, "pace-2", 0.1, **ADA)
    office.desk.promote(MODEL, **ADA)
    assert office.route() == Route(champion="pace-2", shadow="pace-3", revision=5)
    with pytest.raises(RouteRefusedError, match="SHA-256"):
        office.desk.canary(MODEL, "pace-3", 0.1, **ADA)


def test_a_canary_that_was_damaged_gets_no_larger_share(office: Office) -> None:
    office.desk.canary(MODEL, "pace-2", 0.1, **ADA)
    damage(office, "pace-2")
    with pytest.raises(RouteRefusedError, match="SHA-256"):
        office.desk.canary(MODEL, "pace-2", 0.5, **ADA)
    assert office.route().canary == Canary(version="pace-2", share=0.1)


def test_a_route_whose_file_is_garbage_changes_and_is_written_anew(office: Office) -> None:
    office.desk.canary(MODEL, "pace-2", 0.5, **ADA)
    (office.models_dir / MODEL / "route.json").write_text("{")
    office.desk.stop_canary(MODEL, **ADA)
    assert read_route(office.models_dir, MODEL) == office.route() == Route(champion="pace-1", revision=2)


def test_a_file_that_is_garbage_and_that_nobody_knows_the_content_of_is_told(office: Office) -> None:
    (office.models_dir / MODEL / "route.json").write_text("{")
    with pytest.raises(RouteRefusedError, match=r"route\.json is not JSON"):
        office.desk.deploy(MODEL, "pace-2", **ADA)


def test_a_change_that_a_stalled_redis_was_sent_is_not_made_once_it_goes_on(tmp_path: Path, own_broker: Broker) -> None:
    with own_broker.running() as process:
        office = Office(tmp_path, own_broker)
        for pace in (1, 2):
            store_paced(office.models_dir, pace)
        office.desk.deploy(MODEL, "pace-1", **ADA)

        class Stalled(Preparer):
            """Its board stalls once everything is prepared."""

            @contextmanager
            def prepared(
                self, entry: CatalogEntry, versions: Sequence[str], *, beside: Sequence[str] = ()
            ) -> Iterator[None]:
                with super().prepared(entry, versions, beside=beside):
                    stall.enter_context(stalled(process))
                    yield

        with ExitStack() as stall, pytest.raises(RouteRefusedError, match="board cannot be reached"):
            office_desk(office, preparer=Stalled(board=office.board, prove=office.prove)).deploy(MODEL, "pace-2", **ADA)
        assert office.board.read()[MODEL].champion == "pace-1"
        office.desk.deploy(MODEL, "pace-2", **ADA)
        assert office.route() == Route(champion="pace-2", revision=4)
        office.board.close()


class Halting(RouteBoard):
    """Its Redis stalls between telling the time and doing what it is asked for, for longer than anybody waits."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        super().__init__(url)
        self._process = process
        asked = self._client.execute_command

        def execute(*command: str | bytes | int) -> object:
            with stalled(process) if command[0] == "EVAL" else nullcontext():
                return asked(*command)

        self._client.execute_command = execute  # type: ignore[method-assign]


def test_a_route_is_put_soon_or_never(own_broker: Broker) -> None:
    with own_broker.running() as process:
        board, other = Halting(own_broker.url, process), RouteBoard(own_broker.url)
        assert board.read() == other.read() == {}
        with pytest.raises(redis.RedisError):
            board.publish(MODEL, Route(champion="pace-2", revision=1))
        assert other.read() == {}
        assert other.publish(MODEL, Route(champion="pace-2", revision=1))
        board.close()
        other.close()
