from pathlib import Path

import pytest
from celery.schedules import crontab

from config import Settings
from tasks.pipeline.app import LOOK_FOR_DATA, START_RUN, beat_schedule, create_pipeline_celery


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def test_nothing_starts_by_itself_unless_asked_for() -> None:
    assert beat_schedule(settings()) == {}
    assert not settings().runs_start_by_themselves


def test_a_schedule_starts_runs_at_its_times() -> None:
    (entry,) = beat_schedule(settings(pipeline_schedule="0 3 5 * *")).values()
    assert entry["task"] == START_RUN
    assert entry["schedule"] == crontab(minute="0", hour="3", day_of_month="5")


def test_a_watched_place_is_looked_at_and_looks_do_not_pile_up() -> None:
    (entry,) = beat_schedule(settings(pipeline_watch="/data", pipeline_watch_s=5.0)).values()
    assert (entry["task"], entry["schedule"], entry["options"]) == (LOOK_FOR_DATA, 5.0, {"expires": 5.0})


@pytest.mark.parametrize("values", [{"pipeline_schedule": "0 3 5 * *"}, {"pipeline_watch": "/data"}])
def test_the_tasks_that_are_sent_exist(values: dict[str, str]) -> None:
    wanted = settings(**values)
    app = create_pipeline_celery(wanted)
    app.loader.import_default_modules()
    assert wanted.runs_start_by_themselves
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_beat_remembers_in_the_data_folder(tmp_path: Path) -> None:
    app = create_pipeline_celery(settings(data_dir=tmp_path))
    assert Path(app.conf.beat_schedule_filename).parent == tmp_path / "beat"
