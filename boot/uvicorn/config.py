"""gunicorn's configuration: ``python -m gunicorn -c boot/uvicorn/config.py``, from the repository's root.

gunicorn reads the names below; each is described in its documentation under the same name.
"""

import sys
from pathlib import Path

from boot.tether import die_with_parent
from boot.uvicorn.gunicorn_logger import GunicornLogger
from boot.uvicorn.open_files import allow_many_open_files
from boot.uvicorn.worker import WebWorker
from config import Settings, load_settings, warn_of_misspelt_settings
from core.managers.return_table import ReturnTable, create_shared_memory
from core.utilities.errors import SettingsError
from core.utilities.logging import configure_logging


def _settings() -> Settings:
    """Read the settings; gunicorn would answer a wrong one with a stack."""
    try:
        return load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


def _configure(process: str) -> None:
    configure_logging(directory=_LOG_DIR, process=process, level=_SETTINGS.log_level)


def post_fork(_server: object, worker: WebWorker) -> None:
    """Give a fresh web process its own log file, and have it end when its master does."""
    die_with_parent(worker.ppid)
    worker.returns = _RETURNS
    _configure("web")


_SETTINGS = _settings()
_LOG_DIR = _SETTINGS.log_dir / "apps" / "api"
# Made before any web process is: they inherit the memory and share it.
_RETURNS = ReturnTable(create_shared_memory())
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes private files in it)

# They inherit this as well: each caller that waits is a connection.
allow_many_open_files()

# The master's own lines. A worker starts over in `post_fork`: two processes never share a file.
_configure("gunicorn")
warn_of_misspelt_settings()
logger_class = GunicornLogger
loglevel = _SETTINGS.log_level.lower()
# Requests are logged by the application, with their ids and timings.
accesslog = None

wsgi_app = "apps.api.main:create_app()"
worker_class = WebWorker
workers = _SETTINGS.web_workers
bind = (
    f"[{_SETTINGS.http_host}]:{_SETTINGS.http_port}"
    if ":" in _SETTINGS.http_host
    else (f"{_SETTINGS.http_host}:{_SETTINGS.http_port}")
)
backlog = 2048
# Each process makes its own connections and threads, and neither survives a fork.
preload_app = False
proc_name = _SETTINGS.project_app

# A process that has not beaten for so long is replaced: its event loop hangs.
timeout = 30
# On SIGTERM, requests under way are answered: the longest may take until its deadline.
graceful_timeout = int(_SETTINGS.request_timeout_s) + 5
# Longer than the idle timeout of usual load balancers (60 s): the side that reuses connections must close first.
keepalive = 75
# The beat of a web process touches a file; on a slow disk that would stall the event loop.
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
# A way to control the server through a file in the home directory: nobody asked for it, and two servers would share it.
control_socket_disable = True
