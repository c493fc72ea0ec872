from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import OperationalError

from core.managers import lease
from core.managers.database import MIGRATIONS, open_database
from core.managers.plain_sql import HEAD
from core.managers.run_tables import RunRow, Table
from core.managers.runs import Runs
from core.managers.version_tables import VersionRow  # noqa: F401 (it adds the registry's tables)
from core.schemas.run import RunParameters, RunState
from core.utilities.errors import DatabaseUnavailableError, RunInterruptedError, RunStateError, UnknownRunError
from tests.core.managers.postgresql import postgresql

PARAMETERS = RunParameters(train_months=("2021-01",), test_months=("2021-02",), data=(Path("a"),))
HASH = "0" * 64


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same tests over both databases, for real."""
    if request.param == "sqlite":
        engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('runs') / 'runs.sqlite'}")
        yield engine
        engine.dispose()
    else:
        with postgresql() as url:
            engine = open_database(url)
            yield engine
            engine.dispose()


@pytest.fixture
def runs(engine: Engine) -> Runs:
    return Runs(engine)


def expire(engine: Engine, run_id: str) -> None:
    with engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(RunRow).where(RunRow.id == run_id).values(lease_until=past))


def test_a_new_run_is_queued_with_its_parameters(runs: Runs) -> None:
    run = runs.create(PARAMETERS)
    assert (run.state, run.step, run.attempt, run.steps) == (RunState.QUEUED, None, 0, ())
    assert run.parameters == PARAMETERS
    assert run.created_at.tzinfo is not None
    assert runs.get(run.id) == run


def test_there_is_one_run_of_each_occasion(runs: Runs) -> None:
    runs.create(PARAMETERS, occasion="first")
    runs.create(PARAMETERS, occasion="second")
    with pytest.raises(RunStateError, match="occasion"):
        runs.create(PARAMETERS, occasion="first")


def test_the_newest_come_first(runs: Runs) -> None:
    ids = [runs.create(PARAMETERS).id for _ in range(3)]
    assert [run.id for run in runs.newest(2)] == ids[:0:-1]


def test_a_run_records_its_steps_and_its_version(runs: Runs) -> None:
    claim = runs.claim(runs.create(PARAMETERS).id)
    claim.begin_step("ingest", HASH)
    running = runs.get(claim.run.id)
    assert (running.state, running.step, running.steps[0].output_sha256) == (RunState.RUNNING, "ingest", None)
    claim.end_step("ingest", "1" * 64, reused=True)
    run = claim.succeed("v1")
    (step,) = run.steps
    assert (run.state, run.version, run.step) == (RunState.SUCCEEDED, "v1", None)
    assert (step.input_sha256, step.output_sha256, step.reused, step.attempt) == (HASH, "1" * 64, True, 1)
    assert step.finished_at is not None
    assert run.finished_at is not None


def test_a_failed_run_says_where_and_why_and_may_start_again(runs: Runs) -> None:
    claim = runs.claim(runs.create(PARAMETERS).id)
    claim.begin_step("check", HASH)
    failed = claim.fail("too many nulls")
    assert (failed.state, failed.step, failed.error) == (RunState.FAILED, "check", "too many nulls")
    again = runs.claim(failed.id)
    assert (again.run.state, again.run.attempt, again.run.error) == (RunState.RUNNING, 2, None)


def test_a_running_run_is_not_started_twice(runs: Runs) -> None:
    claim = runs.claim(runs.create(PARAMETERS).id)
    with pytest.raises(RunStateError, match="is running already"):
        runs.claim(claim.run.id)


def test_of_many_that_start_a_run_one_does(runs: Runs) -> None:
    run = runs.create(PARAMETERS)

    def start(_: int) -> bool:
        try:
            runs.claim(run.id)
        except RunStateError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(start, range(8))) == 1


def test_who_lost_the_lease_can_no_longer_write(runs: Runs, engine: Engine) -> None:
    stalled = runs.claim(runs.create(PARAMETERS).id)
    expire(engine, stalled.run.id)
    taken = runs.claim(stalled.run.id)
    for write in (stalled.renew, lambda: stalled.begin_step("train", HASH), lambda: stalled.succeed("wrong")):
        with pytest.raises(RunInterruptedError, match="taken over"):
            write()
    assert taken.succeed("right").version == "right"


def test_a_renewed_lease_is_not_taken(runs: Runs, engine: Engine) -> None:
    claim = runs.claim(runs.create(PARAMETERS).id)
    expire(engine, claim.run.id)
    claim.renew()
    with pytest.raises(RunStateError):
        runs.claim(claim.run.id)


def test_a_lease_lasts_for_three_renewals() -> None:
    assert lease.LEASE_S > 3 * lease.RENEW_S


@pytest.mark.parametrize("begun", [False, True])
def test_a_cancelled_run_stops_and_never_starts_again(runs: Runs, begun: bool) -> None:
    run = runs.create(PARAMETERS)
    claim = runs.claim(run.id) if begun else None
    assert runs.cancel(run.id).state is RunState.CANCELLED
    if claim is not None:
        with pytest.raises(RunInterruptedError, match="was cancelled"):
            claim.begin_step("train", HASH)
    for again in (runs.claim, runs.cancel):
        with pytest.raises(RunStateError, match="is cancelled cannot"):
            again(run.id)


def test_a_message_that_comes_twice_starts_a_run_once(runs: Runs) -> None:
    run = runs.create(PARAMETERS, for_worker=True)
    runs.claim(run.id, attempt=0).fail("x")
    with pytest.raises(RunStateError, match="was started since"):
        runs.claim(run.id, attempt=0)
    assert runs.claim(run.id, attempt=1).run.attempt == 2


def test_runs_are_left_to_workers_until_one_is_at_them(runs: Runs, engine: Engine) -> None:
    command, run = runs.create(PARAMETERS), runs.create(PARAMETERS, for_worker=True)

    def left() -> bool:
        found = {other.id for other in runs.left_to_workers()}
        assert command.id not in found
        return run.id in found

    assert left()
    claim = runs.claim(run.id)
    assert not left()
    expire(engine, run.id)
    assert left()
    claim.renew()
    claim.fail("x")
    assert not left()
    runs.requeue(run.id)
    assert left()
    runs.cancel(run.id)
    assert not left()


def test_only_a_failed_run_is_requeued(runs: Runs) -> None:
    with pytest.raises(RunStateError, match="is queued cannot requeue"):
        runs.requeue(runs.create(PARAMETERS).id)


@pytest.mark.parametrize("run_id", ["nothing", "a\0b", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_run_is_an_error(runs: Runs, run_id: str) -> None:
    for ask in (runs.get, runs.claim, runs.cancel, runs.requeue):
        with pytest.raises(UnknownRunError):
            ask(run_id)


def test_the_migrations_make_the_tables_that_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
        assert context.get_current_revision() == HEAD


def test_the_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_many_that_open_a_new_database_at_once_all_get_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'runs.sqlite'}"
    with ThreadPoolExecutor(4) as threads:
        engines = list(threads.map(open_database, [url] * 4))
    Runs(engines[0]).create(PARAMETERS)
    assert all(len(Runs(engine).newest()) == 1 for engine in engines)
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_release_is_left_alone_and_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'runs.sqlite'}"
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DatabaseUnavailableError, match=r"another release.*9999"):
        open_database(url)


def test_a_file_that_is_removed_or_set_back_to_a_backup_is_noticed(tmp_path: Path) -> None:
    path, backup = tmp_path / "runs.sqlite", tmp_path / "backup.sqlite"
    engine = open_database(f"sqlite:///{path}")
    runs = Runs(engine)
    path.rename(backup)
    with pytest.raises(OperationalError):
        runs.newest()
    path.unlink()
    backup.rename(path)
    assert runs.newest() == []
    engine.dispose()


def test_a_database_that_cannot_be_reached_is_an_error_without_its_url() -> None:
    with pytest.raises(DatabaseUnavailableError) as raised:
        open_database("postgresql://me:swordfish@127.0.0.1:9/runs")
    assert "swordfish" not in str(raised.value)
