"""One run of the pipeline with the time and the peak memory of each step: ``bench.scale`` starts it as a process."""

import argparse
import json
import re
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

from core.managers.pipeline import execute
from core.managers.workplace import Workplace
from core.schemas.run import RunParameters

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""proc(5): written to ``clear_refs``, the peak of the resident memory begins anew."""


@dataclass(frozen=True)
class StepFigures:
    """What a step took; ``peak_mib`` is of the whole process meanwhile, its libraries included."""

    step: str
    seconds: float
    cpu_s: float
    """Of all threads: on a machine with other work the one figure that says what the step costs."""
    peak_mib: float


class Meter:
    """Observes a run, and prints a JSON line for each step."""

    def __init__(self) -> None:
        self._cpu_s = 0.0

    def started(self, step: str, input_sha256: str) -> None:
        """Forget the peak so far."""
        del step, input_sha256
        self._cpu_s = process_time()
        if CLEAR.exists():
            CLEAR.write_text(RESET_PEAK)

    def finished(self, step: str, output_sha256: str, *, reused: bool, seconds: float) -> None:
        """Tell what the step took."""
        del output_sha256, reused
        sys.stdout.write(
            json.dumps(asdict(StepFigures(step, seconds, process_time() - self._cpu_s, peak_mib()))) + "\n"
        )
        sys.stdout.flush()


def peak_mib() -> float:
    """Return the peak of this process's resident memory; where the system tells none for a step, that of its life."""
    if STATUS.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())):
        return int(found[1]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024


def main() -> None:
    """Execute the run."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_run")
    parser.add_argument("folder", type=Path)
    parser.add_argument("months", nargs="+")
    parser.add_argument("--design", default=None)
    parser.add_argument("--until", default=None)
    options = parser.parse_args()
    until: Any = options.until
    parameters = RunParameters(
        design=options.design,
        until=until,
        train_months=tuple(options.months[:-1]),
        test_months=(options.months[-1],),
        data=(options.folder / "months",),
    )
    place = Workplace(data_dir=options.folder / "data", models_dir=options.folder / "models")
    execute("scale", parameters, place, Meter())


if __name__ == "__main__":
    main()
