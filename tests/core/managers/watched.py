"""A process under a watchdog: ``python -m tests.core.managers.watched <limit_s> <what it does>``."""

import re
import sys
import time
from collections.abc import Callable

from core.managers.watchdog import Watchdog

SHORT_S = 0.1


class Work:
    """Computations, and when the running one began."""

    def __init__(self) -> None:
        self.busy_since: float | None = None

    def compute(self, function: Callable[[], object]) -> None:
        """Run a computation."""
        self.busy_since = time.monotonic()
        function()
        self.busy_since = None


def main(limit_s: float, deed: str) -> None:
    """Say when it begins, on the clock that all processes share; do the deed, say that it is done."""
    work = Work()
    watchdog = Watchdog(limit_s, busy_since=lambda: work.busy_since)
    watchdog.start()
    sys.stdout.write(f"{time.monotonic()}\n")
    sys.stdout.flush()
    if deed == "sleep":
        work.compute(lambda: time.sleep(3600))
    elif deed == "hold the GIL":
        work.compute(lambda: re.match(r"(a+)+$", "a" * 100 + "b"))
    elif deed == "hold the GIL unasked":
        re.match(r"(a+)+$", "a" * 100 + "b")
    elif deed == "compute often":
        for _ in range(int(1.2 * limit_s / SHORT_S)):
            work.compute(lambda: time.sleep(SHORT_S))
    elif deed == "stop first":
        watchdog.stop()
        time.sleep(limit_s + 1)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
