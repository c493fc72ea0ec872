"""``python -m apps.recorder``: writes the records of predictions to files, until SIGTERM or Ctrl-C."""

import os
import signal
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from threading import Event

from apps.recorder.canary_stop import CanaryStop
from config import Settings, load_settings, warn_of_misspelt_settings
from core.managers.comparison_desk import ComparisonDesk
from core.managers.guard import CanaryGuard
from core.managers.record_files import RecordFiles
from core.managers.recorder import Onlooker, Recorder
from core.managers.route_board import RouteBoard
from core.services.canary_guard import GuardLimits
from core.utilities.errors import SettingsError
from core.utilities.logging import configure_logging

NICENESS = 5
"""Whoever waits for an answer goes first."""
COMPARE = (sys.executable, "-m", "apps.recorder.comparison")


def main() -> int:
    """Run until stopped; return the exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"tripcast recorder: {error}\n")
        return 1
    configure_logging(directory=settings.log_dir / "apps" / "recorder", process="recorder", level=settings.log_level)
    warn_of_misspelt_settings()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.nice(NICENESS)
    with closing(ComparisonDesk(settings.result_backend_url, command=COMPARE)) as desk:
        build_recorder(settings, desk).run(stop)
    return 0


def build_recorder(settings: Settings, desk: ComparisonDesk) -> Recorder:
    """Return the recorder that the settings describe."""
    files = RecordFiles(settings.records_dir, keep_days=settings.record_keep_days, today=_today)
    guards: list[Onlooker] = [build_guard(settings)] if settings.canary_guard == "on" else []
    return Recorder(
        settings.result_backend_url,
        files=files,
        roll_s=settings.record_roll_s,
        onlookers=[*guards, desk],
        pulse=settings.heartbeat_file,
    )


def build_guard(settings: Settings) -> CanaryGuard:
    """Return the guard that the settings describe."""
    board = RouteBoard(settings.result_backend_url)
    limits = GuardLimits(
        min_rows=settings.canary_min_rows,
        max_error_excess=settings.canary_max_errors,
        max_slowdown=settings.canary_max_slowdown,
        max_shift=settings.canary_max_shift,
    )
    stop = CanaryStop(settings, board=board)
    return CanaryGuard(routes=board.read, stop_canary=stop, limits=limits, window_s=settings.canary_window_s)


def _today() -> date:
    return datetime.now(UTC).date()


if __name__ == "__main__":
    sys.exit(main())
