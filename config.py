"""Settings: everything that the environment (or a ``.env`` file) decides.

Read by entry points only: the web app's factory, the worker's start, the launcher, the command line.
"""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from core.schemas.catalog import CATALOG
from core.utilities.cores import usable_cores
from core.utilities.errors import SettingsError
from core.utilities.misspelling import misspelt

ROOT = Path(__file__).resolve().parent
BROKER_DIR = ROOT / "repo" / "broker"
"""What the broker of `make run` keeps, and where commands look for that system."""
Port = Annotated[int, Field(ge=1, le=65535)]


def _a_half() -> int:
    """Return half of the cores: two requests to a web process cost what one costs its worker."""
    return min(128, max(1, usable_cores() // 2))


def _a_quarter() -> int:
    return min(128, max(1, usable_cores() // 4))


class Settings(BaseSettings):
    """All settings, each an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        protected_namespaces=(),
    )

    project_app: Annotated[str, Field(min_length=1, description="Name that `/health` answers with.")] = "tripcast"
    api_version: Annotated[str, Field(pattern=r"^v[0-9]+$", description="Prefix of all API URLs.")] = "v1"
    http_host: Annotated[str, Field(description="Address that the web server binds to.")] = "127.0.0.1"
    http_port: Annotated[Port, Field(description="Port that the web server binds to.")] = 8182
    web_workers: Annotated[int, Field(ge=1, le=128, default_factory=_a_half, description="Web processes.")]
    workers: Annotated[
        int, Field(ge=0, le=128, default_factory=_a_quarter, description="Worker processes that `make run` starts.")
    ]
    pipeline_workers: Annotated[
        int,
        Field(
            ge=0, le=16, description="Pipeline workers that `make run` starts, each with one run at a time; 0: none."
        ),
    ] = 1

    redis_host: Annotated[str, Field(description="Host of Redis where no `CELERY_*_URL` is given.")] = "127.0.0.1"
    redis_port: Annotated[Port, Field(description="Port of Redis where no `CELERY_*_URL` is given.")] = 6379
    celery_broker_url: Annotated[str, Field(description="Broker; wins over `REDIS_HOST`/`REDIS_PORT`.")] = ""
    celery_result_backend: Annotated[
        str, Field(description="Redis that holds results and heartbeats; default: the broker, if that is Redis.")
    ] = ""
    pipeline_broker_url: Annotated[
        str, Field(description="Broker of the training pipeline; default: the next database of the same Redis.")
    ] = ""
    celery_worker_prefetch_multiplier: Annotated[
        int, Field(ge=1, le=64, description="Messages a worker takes ahead, for each of its slots.")
    ] = 1
    worker_concurrency: Annotated[int, Field(ge=1, le=256, description="Tasks a worker process has in hand.")] = 4

    worker_device: Annotated[
        Literal["auto", "cpu", "gpu"],
        Field(description="Where a worker computes large batches: on a GPU if one can be used, or as it says here."),
    ] = "auto"
    worker_gpu_rows: Annotated[
        int,
        Field(
            ge=1, le=10_000_000, description="Rows from which a batch goes to the GPU; a guess, as none was measured."
        ),
    ] = 512

    heartbeat_file: Annotated[
        Path | None,
        Field(description="File that a worker or the recorder writes its signs of life to, for a probe beside it."),
    ] = None
    worker_max_rows: Annotated[int, Field(ge=0, description="Rows after which a worker is replaced; 0: never.")] = 0
    worker_max_mib: Annotated[
        int, Field(ge=0, description="Resident memory in MiB above which a worker is replaced; 0: never.")
    ] = 0

    data_dir: Annotated[Path, Field(description="Folder of raw files, pipeline checkpoints and runs.")] = (
        ROOT / "repo" / "data"
    )
    pipeline_schedule: Annotated[
        str, Field(description="When runs start by themselves, as five fields of cron in UTC; empty: never.")
    ] = ""
    pipeline_watch: Annotated[
        str, Field(description="Folder, or folder on a server, whose new months are taken in; empty: none.")
    ] = ""
    pipeline_watch_s: Annotated[
        float, Field(ge=1, le=86_400, description="How often `PIPELINE_WATCH` is looked at, in seconds.")
    ] = 60.0
    pipeline_train_months: Annotated[
        int, Field(ge=1, le=120, description="Months that a run which starts by itself trains on, at most.")
    ] = 1
    database_url: Annotated[
        str, Field(description="SQLite or PostgreSQL database of the runs; default: `runs.sqlite` in `DATA_DIR`.")
    ] = ""
    tracking: Annotated[
        Literal["on", "off"], Field(description="Whether runs are kept in mlflow's `mlflow.db`, beside `DATA_DIR`.")
    ] = "on"
    models_dir: Annotated[Path, Field(description="Folder of the model versions.")] = ROOT / "repo" / "models"
    artifact_store: Annotated[
        str,
        Field(description="Storage that versions are copied to and fetched from, `s3://bucket/prefix`; empty: none."),
    ] = ""
    s3_endpoint_url: Annotated[
        str, Field(description="Server of `ARTIFACT_STORE` that is not Amazon's; empty: the usual `AWS_…` decide.")
    ] = ""
    trip_duration_model: Annotated[
        Path | None, Field(description="A bare `(DictVectorizer, LinearRegression)` pickle to serve instead.")
    ] = None
    model_timeout_s: Annotated[
        float, Field(ge=1, le=600, description="A worker process whose model takes longer for a batch is replaced.")
    ] = 10.0
    model_memory_mib: Annotated[
        float,
        Field(gt=0, description="Size of the artifacts that a worker holds at once, in MiB; routed ones never leave."),
    ] = 1024
    model_version: Annotated[
        str,
        Field(
            pattern=r"^((([a-z][a-z0-9_]*:)?[A-Za-z0-9._-]+)(,([a-z][a-z0-9_]*:)?[A-Za-z0-9._-]+)*)?$",
            description="Pins the version that answers; empty: the route decides. For another model than the"
            " catalog's first: `model:version`; several: with commas.",
        ),
    ] = ""
    model_allowed_classes: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(description="Further classes that a pickle may name, `module.Class`, separated by commas."),
    ] = ()

    admin_api_key: Annotated[
        SecretStr,
        Field(description="Key of those who change versions and routes over HTTP; empty: nobody can."),
    ] = SecretStr("")

    request_timeout_s: Annotated[
        float, Field(gt=0, le=600, description="Deadline of a request, in seconds; a caller can lower it.")
    ] = 60.0
    max_batch_rows: Annotated[int, Field(ge=1, le=10_000, description="Rows in one task at most.")] = 512
    max_inflight_per_worker: Annotated[
        int, Field(ge=1, le=64, description="Batches a web process has under way for each live worker.")
    ] = 2
    max_waiting_rows: Annotated[
        int, Field(ge=1, le=1_000_000, description="Rows that wait in a web process before it refuses more.")
    ] = 10_000
    max_chunk_rows: Annotated[
        int, Field(ge=1, le=10_000, description="Rows of a batch request in one task at most; fewer for a slow model.")
    ] = 5000
    max_waiting_chunk_rows: Annotated[
        int, Field(ge=1, le=10_000_000, description="Rows of batch requests that wait before more are refused.")
    ] = 100_000
    worker_grace_s: Annotated[
        float,
        Field(ge=0, le=600, description="How long requests still wait after the last worker was seen, or the start."),
    ] = 15.0

    scale_to_zero: Annotated[
        Literal["on", "off"],
        Field(description="Whether requests wait for a worker until their deadline where none is, and web is ready."),
    ] = "off"

    record_share: Annotated[
        float, Field(ge=0, le=1, description="Share of the requests whose predictions are recorded; 0: none.")
    ] = 0.0
    record_roll_s: Annotated[
        float, Field(ge=0.1, le=3600, description="Records are written to a file after so many seconds at most.")
    ] = 60.0
    record_keep_days: Annotated[int, Field(ge=0, le=3650, description="Days that records are kept; 0: for ever.")] = 30

    canary_guard: Annotated[
        Literal["on", "off"], Field(description="Whether a canary that leaves its bounds is stopped.")
    ] = "on"
    canary_window_s: Annotated[
        float, Field(ge=1, le=3600, description="Canary and champion are compared over so many seconds.")
    ] = 60.0
    canary_min_rows: Annotated[
        int, Field(ge=10, le=1_000_000, description="Rows of each before times and predictions are compared.")
    ] = 200
    canary_max_errors: Annotated[
        float, Field(ge=0, le=1, description="Share of rows that a canary may fail on beyond the champion's.")
    ] = 0.02
    canary_max_slowdown: Annotated[
        float, Field(ge=1, le=1000, description="Time that a canary may take, times the champion's.")
    ] = 2.0
    canary_max_shift: Annotated[
        float, Field(ge=0, le=100, description="Stability index of a canary's predictions at most; 0: not compared.")
    ] = 0.25

    log_dir: Annotated[Path, Field(description="Folder of the log files.")] = ROOT / "repo" / "logs"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="Lowest level that is logged.")
    ] = "INFO"
    log_requests: Annotated[
        Literal["batch", "all"], Field(description="`batch`: a line a batch; `all`: a line a request too.")
    ] = "batch"
    log_slow_ms: Annotated[
        float, Field(gt=0, description="A request slower than this is logged in any case, in milliseconds.")
    ] = 1000.0

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("model_allowed_classes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("not a URL of SQLite (sqlite:///…) or PostgreSQL (postgresql://…)")
        return value

    @field_validator("artifact_store")
    @classmethod
    def _store_is_s3(cls, value: str) -> str:
        if value and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?", value):
            raise ValueError("not a URL like s3://bucket/prefix")
        return value

    @field_validator("s3_endpoint_url")
    @classmethod
    def _endpoint_is_http(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/]", value):
            raise ValueError("not a URL of http or https")
        return value

    @field_validator("admin_api_key")
    @classmethod
    def _key_fits_a_header(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]*", value.get_secret_value()):
            raise ValueError("not printable ASCII without spaces, as a header can hold it")
        return value

    @field_validator("pipeline_schedule")
    @classmethod
    def _schedule_is_cron(cls, value: str) -> str:
        if value:
            from celery.schedules import crontab  # noqa: PLC0415 (most processes have no schedule)

            try:
                crontab.from_string(value)
            except ValueError as error:
                raise ValueError("not five fields of cron, such as 0 3 5 * *") from error
        return value

    @model_validator(mode="after")
    def _pinned_models_exist(self) -> Self:
        if self.pinned_versions.keys() - {entry.model for entry in CATALOG}:
            raise ValueError("MODEL_VERSION names a model that the catalog does not have")
        return self

    @model_validator(mode="after")
    def _results_need_redis(self) -> Self:
        if not self.result_backend_url.startswith(("redis://", "rediss://", "unix://", "redis+socket://")):
            raise ValueError("CELERY_RESULT_BACKEND must be a Redis URL")
        return self

    @cached_property
    def pinned_versions(self) -> dict[str, str]:
        """Versions that ``MODEL_VERSION`` pins, by model."""
        pinned = (part.rpartition(":") for part in self.model_version.split(",") if part)
        return {model or CATALOG[0].model: version for model, _, version in pinned}

    def version_of(self, model: str) -> str:
        """Return the version that ``MODEL_VERSION`` pins for a model; empty: the route decides."""
        return self.pinned_versions.get(model, "")

    @cached_property
    def broker_url(self) -> str:
        """URL of the broker: ``CELERY_BROKER_URL``, or Redis at ``REDIS_HOST:REDIS_PORT``."""
        return self.celery_broker_url or f"redis://{self.redis_host}:{self.redis_port}/0"

    @cached_property
    def pipeline_url(self) -> str:
        """URL of the pipeline's broker: its messages are unacknowledged for long, which must not touch predictions."""
        if self.pipeline_broker_url or not self.broker_url.startswith(("redis://", "rediss://")):
            return self.pipeline_broker_url or self.broker_url
        parts = urlsplit(self.broker_url)
        database = parts.path.strip("/")
        return urlunsplit(parts._replace(path=f"/{int(database) + 1 if database.isdecimal() else 1}"))

    @cached_property
    def runs_start_by_themselves(self) -> bool:
        """Whether a process of Celery beat is needed."""
        return bool(self.pipeline_schedule or self.pipeline_watch)

    @cached_property
    def runs_url(self) -> str:
        """URL of the database of the runs: ``DATABASE_URL``, or a file of SQLite."""
        return self.database_url or f"sqlite:///{self.data_dir / 'runs.sqlite'}"

    @cached_property
    def records_dir(self) -> Path:
        """Folder of the recorded predictions."""
        return self.data_dir / "records"

    @cached_property
    def tracking_db(self) -> Path | None:
        """SQLite file of the experiment tracking; None where nothing is tracked."""
        return self.data_dir.parent / "mlflow.db" if self.tracking == "on" else None

    @cached_property
    def result_backend_url(self) -> str:
        """URL of the Redis that holds results and heartbeats."""
        if self.celery_result_backend:
            return self.celery_result_backend
        if self.broker_url.startswith("redis"):
            return self.broker_url
        return f"redis://{self.redis_host}:{self.redis_port}/0"


def load_settings(**given: str) -> Settings:
    """Read the settings from the environment and ``.env``.

    Parameters
    ----------
    **given : str
        Settings that win over both.

    Raises
    ------
    SettingsError
        If a value is wrong; one line that names each wrong variable.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]  # text, as in the environment
    except ValidationError as error:
        raise SettingsError("; ".join(_complaint(item["loc"], item["msg"]) for item in error.errors())) from None


def warn_of_misspelt_settings() -> None:
    """Log each variable of the environment or ``.env`` that is nearly a setting, and so has no effect."""
    from loguru import logger  # noqa: PLC0415 (commands that are urgent log nothing)

    names = {*os.environ, *(name.upper() for name in DotEnvSettingsSource(Settings).env_vars)}
    for name, meant in misspelt(names, {name.upper() for name in Settings.model_fields}).items():
        logger.warning("{} is no setting and has no effect; {} is one", name, meant)


def _complaint(loc: tuple[int | str, ...], msg: str) -> str:
    """Name the variable and what is wrong with it, without its value: that may hold a password."""
    message = msg.removeprefix("Value error, ")
    return f"{str(loc[0]).upper()}: {message}" if loc else message
