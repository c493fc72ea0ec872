"""A process that executes a run and, at a step, says so and waits to be killed.

``python -m tests.core.managers.killed_run <folder> <database> <run id> <step>``
"""

import sys
import time
from pathlib import Path

from core.managers.database import open_database
from core.managers.run_execution import execute_run
from core.managers.runs import Runs
from tests.core.managers.pipeline_files import Diary, workplace


class Stalling(Diary):
    """Stalls inside of a step: it has begun and is recorded, and nothing of it is kept."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def started(self, step: str, input_sha256: str) -> None:
        super().started(step, input_sha256)
        if step == self._step:
            print("at", step, flush=True)  # noqa: T201
            time.sleep(60)


if __name__ == "__main__":
    folder, url, run_id, step = sys.argv[1:]
    execute_run(Runs(open_database(url)), run_id, workplace(Path(folder)), observer=Stalling(step))
