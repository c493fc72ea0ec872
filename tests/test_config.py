import re
from pathlib import Path

import pytest
from loguru import logger

from config import ROOT, Settings, load_settings, warn_of_misspelt_settings
from core.utilities.errors import SettingsError
from core.utilities.logging import configure_logging

pytestmark = pytest.mark.usefixtures("empty_folder")

WRONG_VALUES = {
    "ADMIN_API_KEY": ["two words", "schl\u00fcssel"],
    "HTTP_PORT": ["abc", "0", "65536", "80.5"],
    "REDIS_PORT": ["-1"],
    "API_VERSION": ["1", "v1/../x"],
    "MODEL_VERSION": ["../../etc", "no_such_model:v1", "trip_duration:", "a,,b"],
    "REQUEST_TIMEOUT_S": ["0", "-5", "nan", "inf", "soon"],
    "MAX_BATCH_ROWS": ["0"],
    "WORKER_GRACE_S": ["-1"],
    "CELERY_WORKER_PREFETCH_MULTIPLIER": ["0"],
    "SCALE_TO_ZERO": ["yes", "1"],
    "RECORD_SHARE": ["-0.1", "1.1", "nan", "all"],
    "RECORD_ROLL_S": ["0"],
    "RECORD_KEEP_DAYS": ["-1"],
    "LOG_LEVEL": ["LOUD"],
    "LOG_REQUESTS": ["some"],
    "LOG_SLOW_MS": ["0"],
    "TRACKING": ["yes"],
    "CELERY_RESULT_BACKEND": ["amqp://localhost"],
    "PIPELINE_WORKERS": ["-1"],
    "PIPELINE_SCHEDULE": ["daily", "0 3 5 *", "61 * * * *"],
    "PIPELINE_WATCH_S": ["0"],
    "PIPELINE_TRAIN_MONTHS": ["0"],
    "ARTIFACT_STORE": ["models", "s3://", "http://bucket", "s3://bucket/../x y"],
    "S3_ENDPOINT_URL": ["127.0.0.1:9000"],
    "DATABASE_URL": ["mysql://localhost/runs", "runs.sqlite"],
}


def test_the_defaults_are_those_of_the_design() -> None:
    settings = load_settings()

    assert settings.http_port == 8182
    assert settings.api_version == "v1"
    assert settings.celery_worker_prefetch_multiplier == 1
    assert settings.request_timeout_s == 60
    assert settings.model_version == ""
    assert settings.broker_url == settings.result_backend_url == "redis://127.0.0.1:6379/0"


@pytest.mark.parametrize(
    ("value", "trip", "tip"),
    [
        ("v1.2", "v1.2", ""),
        ("tip_share:t-1", "", "t-1"),
        ("v1.2,tip_share:t-1", "v1.2", "t-1"),
        ("tip_share:t-1,trip_duration:v2", "v2", "t-1"),
    ],
)
def test_a_version_is_pinned_for_the_first_model_or_for_the_one_that_is_named(
    value: str, trip: str, tip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_VERSION", value)

    settings = load_settings()

    assert (settings.version_of("trip_duration"), settings.version_of("tip_share")) == (trip, tip)


def test_redis_host_and_port_make_both_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "cache")
    monkeypatch.setenv("REDIS_PORT", "7000")

    settings = load_settings()

    assert settings.broker_url == settings.result_backend_url == "redis://cache:7000/0"


def test_celery_urls_win_over_redis_host_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "cache")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://one:1/1")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://two:2/2")

    settings = load_settings()

    assert (settings.broker_url, settings.result_backend_url) == ("redis://one:1/1", "redis://two:2/2")


def test_results_go_to_the_broker_if_that_is_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://one:1/1")

    assert load_settings().result_backend_url == "redis://one:1/1"


def test_results_go_to_redis_if_the_broker_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://rabbit")
    monkeypatch.setenv("REDIS_HOST", "cache")

    settings = load_settings()

    assert (settings.broker_url, settings.result_backend_url) == ("amqp://rabbit", "redis://cache:6379/0")


def test_the_environment_wins_over_the_env_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / ".env").write_text("HTTP_PORT=9001\nPROJECT_APP=from-file\n")
    monkeypatch.setenv("HTTP_PORT", "9002")

    settings = load_settings()

    assert (settings.http_port, settings.project_app) == (9002, "from-file")


def test_an_empty_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "")

    assert load_settings().http_port == 8182


def test_allowed_classes_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ALLOWED_CLASSES", " team.models.Tree, team.models.Net ,")

    assert load_settings().model_allowed_classes == ("team.models.Tree", "team.models.Net")


@pytest.mark.parametrize(
    ("broker", "pipeline"),
    [
        ("redis://one:1/0", "redis://one:1/1"),
        ("redis://me:secret@one:1", "redis://me:secret@one:1/1"),
        ("redis://one:1/4?x=1", "redis://one:1/5?x=1"),
        ("amqp://rabbit", "amqp://rabbit"),
    ],
)
def test_the_pipeline_has_a_redis_database_of_its_own(
    broker: str, pipeline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", broker)
    assert load_settings().pipeline_url == pipeline


def test_runs_are_in_a_file_beside_the_data_unless_a_database_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/data")
    assert load_settings().runs_url == "sqlite:////data/runs.sqlite"
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@host/runs")
    assert load_settings().runs_url == "postgresql://me@host/runs"


def test_runs_are_tracked_beside_the_data_unless_that_is_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/repo/data")
    assert load_settings().tracking_db is None
    monkeypatch.delenv("TRACKING")
    assert load_settings().tracking_db == Path("/repo/mlflow.db")


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_VALUES.items() for value in values]
)
def test_a_wrong_value_is_one_line_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=f"^{name}\\b") as raised:
        load_settings()

    assert "\n" not in str(raised.value)


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "abc")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")

    with pytest.raises(SettingsError, match=r"HTTP_PORT: .*; LOG_LEVEL: "):
        load_settings()


@pytest.mark.parametrize("name", ["HTTP_PORT", "CELERY_RESULT_BACKEND"])
def test_a_complaint_does_not_repeat_the_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "amqp://me:swordfish@host")

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert "swordfish" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_key_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_API_KEY", "swordfish")

    settings = load_settings()

    assert settings.admin_api_key.get_secret_value() == "swordfish"
    assert "swordfish" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented(name: str) -> None:
    documented = re.findall(r"`([A-Z0-9_]+)`", (ROOT / "docs" / "settings.md").read_text())

    assert name.upper() in documented


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_describes_itself(name: str) -> None:
    assert Settings.model_fields[name].description


def test_a_misspelt_setting_is_told_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROT", "9000")
    Path(".env").write_text("log_levl=DEBUG\nTAG=1\nWORKERS=2\n")
    configure_logging(directory=tmp_path, process="web", level="INFO")
    try:
        warn_of_misspelt_settings()
    finally:
        logger.remove()
    assert [line.rpartition(" config ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "HTTP_PROT is no setting and has no effect; HTTP_PORT is one",
        "LOG_LEVL is no setting and has no effect; LOG_LEVEL is one",
    ]
