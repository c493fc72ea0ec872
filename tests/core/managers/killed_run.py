"""A process that executes a run again and again, each time in a child that stands still in the next of the steps.

``python -m tests.core.managers.killed_run <folder> <database> <run id> <step> …``

A child says its process id and its step, and waits to be killed. To fork is much faster than to start: what a run
imports takes seconds.
"""

import os
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
            print(os.getpid(), step, flush=True)  # noqa: T201
            time.sleep(60)


if __name__ == "__main__":
    folder, url, run_id, *steps = sys.argv[1:]
    for step in steps:
        child = os.fork()
        if not child:
            execute_run(Runs(open_database(url)), run_id, workplace(Path(folder)), observer=Stalling(step))
            sys.exit()
        os.waitpid(child, 0)
