import pytest

from config import Settings
from core.utilities.misspelling import misspelt

KNOWN = {name.upper() for name in Settings.model_fields}
OF_OTHERS = """
    HTTP_PROXY HTTPS_PROXY NO_PROXY PATH HOME HOSTNAME LANG LC_ALL TERM TZ USER SHELL PWD LOGNAME TMPDIR PORT HOST
    DATABASE REDIS_URL REDIS_PASSWORD REDIS_IMAGE REDIS_SERVICE_HOST REDIS_SERVICE_PORT REDIS_PORT_6379_TCP DATA MODEL
    WEB_CONCURRENCY WEB_PORT WEB_SERVICE_HOST GUNICORN_CMD_ARGS C_FORCE_ROOT CELERY_LOG_LEVEL CELERY_BROKER VERSION
    PYTHONPATH PYTHONUNBUFFERED OMP_NUM_THREADS NVIDIA_VISIBLE_DEVICES CUDA_VISIBLE_DEVICES AWS_ENDPOINT_URL TAG
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION COMPOSE_PROJECT_NAME DOCKER_HOST MAKEFLAGS MAKELEVEL
    KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT LOG_FILE LOG_FORMAT LOGURU_LEVEL WORKER_MEMORY WEB_MEMORY
    REDIS_MEMORY WORKER_CPUS
"""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HTTP_PROT", "HTTP_PORT"),
        ("WORKER", "WORKERS"),
        ("MODEL_DIR", "MODELS_DIR"),
        ("MAX_BATCH_ROW", "MAX_BATCH_ROWS"),
        ("REQUEST_TIMOUT_S", "REQUEST_TIMEOUT_S"),
        ("CELERY_BROKERURL", "CELERY_BROKER_URL"),
        ("ADMIN_APIKEY", "ADMIN_API_KEY"),
    ],
)
def test_a_letter_too_few_or_swapped_is_found(name: str, meant: str) -> None:
    assert misspelt([name], KNOWN) == {name: meant}


def test_two_settings_are_never_taken_for_each_other() -> None:
    assert misspelt(KNOWN, KNOWN) == {}


def test_what_is_set_itself_was_not_meant() -> None:
    assert misspelt(["WORKER", "WORKERS"], KNOWN) == {}


def test_what_other_programs_read_is_not_taken_for_a_setting() -> None:
    assert misspelt(OF_OTHERS.split(), KNOWN) == {}
