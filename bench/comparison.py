"""``make bench BASE=<revision>``: is the working tree faster or slower than a revision?"""

import io
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench.cache import CACHE
from bench.contender import ContenderError
from bench.figures import CONFIDENCE, Spread, confidence_interval
from bench.lineup import CONTENDERS
from bench.measurement import measure, warm_up
from bench.models import MODELS, Served
from bench.provenance import gather, git
from bench.record import Point, connections_in_words
from bench.rendering import show
from bench.run import SETTLE_S, Plan
from bench.tables import Table
from bench.wrk import LoadError
from config import ROOT

FEWEST_PAIRS = 6
OUTPUT = CACHE / "comparison.json"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A figure of the working tree against the base's: the geometric mean of the pairs' ratios and its interval."""

    model: str
    connections: int
    what: str
    base: float
    here: float
    ratio: Spread
    more_is_better: bool

    @property
    def verdict(self) -> str:
        """``faster``, ``slower``, or that no difference is shown."""
        if self.ratio.contains_one:
            return "no difference shown"
        return "faster" if (self.ratio.middle > 1.0) == self.more_is_better else "slower"


def compare(revision: str, plan: Plan, *, console: Console) -> None:
    """Measure both in pairs, A B B A …, and print what the pairs show; ends with one line if there is no such revision."""
    commit = git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not commit:
        sys.exit(f"{revision} is no revision of this repository")
    provenance = gather()
    for warning in provenance.warnings():
        console.print(f"Warning: {warning}", highlight=False)
    with checked_out(commit) as base:
        if (base / "requirements.txt").read_bytes() != (ROOT / "requirements.txt").read_bytes():
            console.print("Warning: the requirements differ; both run with what is installed here")
        try:
            pairs = [
                _measure_pairs(MODELS[name](), {"base": base, "here": ROOT}, plan, console) for name in plan.models
            ]
        except (ContenderError, LoadError) as error:
            sys.exit("\n".join([str(error), *getattr(error, "__notes__", [])]))
        found = [difference for points in pairs for difference in differences(points)]
    show([table(found, base=f"{revision} ({commit[:12]})")], console)
    rows = [asdict(difference) | {"verdict": difference.verdict} for difference in found]
    content = {"base": commit, "here": provenance.model_dump(mode="json"), "differences": rows}
    CACHE.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(content, indent=1) + "\n")
    console.print(f"JSON: {OUTPUT}", highlight=False)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Unpack a revision into a temporary folder, with this benchmark in it.

    An archive and not a work tree of git's: a run that is killed leaves nothing registered in the repository.
    """
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603, S607
    with tempfile.TemporaryDirectory(prefix="bench-base-") as name:
        folder = Path(name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as content:
            # The argument `filter` came with Python 3.11.4.
            content.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            content.extractall(folder)  # noqa: S202 (our own repository)
        # The model classes of the benchmark must be there too, whatever the revision knows of them.
        shutil.copytree(ROOT / "bench", folder / "bench", dirs_exist_ok=True)
        yield folder


def _measure_pairs(model: Served, trees: Mapping[str, Path], plan: Plan, console: Console) -> dict[str, list[Point]]:
    """Measure ours from both working trees, started afresh each time; each pair in the reverse order of the last."""
    points: dict[str, list[Point]] = {name: [] for name in trees}
    for number in range(max(plan.rounds, FEWEST_PAIRS)):
        for name in sorted(trees, reverse=number % 2 == 1):
            with CONTENDERS["ours"].running(model, root=trees[name]) as running:
                warm_up(running, seconds=plan.warm_up_s)
                for connections in plan.connections:
                    time.sleep(SETTLE_S)
                    point = measure(
                        running,
                        model=model.name,
                        contender=name,
                        connections=connections,
                        seconds=plan.seconds,
                        number=number,
                    )
                    points[name].append(point)
                    console.print(
                        f"{model.name}, pair {number + 1}, {name}, {point.over}: "
                        f"{point.requests_per_s:,.0f}/s, p99 {point.p99_ms:.2f} ms, {point.errors} errors",
                        highlight=False,
                    )
    return points


def differences(points: Mapping[str, list[Point]]) -> list[Difference]:
    """Return the differences of the readings ``base`` and ``here`` of one model, paired by round."""
    found = []
    for connections in dict.fromkeys(point.connections for point in points["here"]):
        base, here = (
            sorted((p for p in points[name] if p.connections == connections), key=lambda point: point.round)
            for name in ("base", "here")
        )
        for what, more_is_better in (("requests_per_s", True), ("p99_ms", False)):
            before, now = ([float(getattr(point, what)) for point in side] for side in (base, here))
            found.append(
                Difference(
                    model=here[0].model,
                    connections=connections,
                    what=what,
                    base=statistics.median(before),
                    here=statistics.median(now),
                    ratio=confidence_interval([new / old for new, old in zip(now, before, strict=True)]),
                    more_is_better=more_is_better,
                )
            )
    return found


def table(found: list[Difference], *, base: str) -> Table:
    """Return the differences as a table."""
    rows = [
        (
            f"{d.model}, {connections_in_words(d.connections)}: {d.what}",
            f"{d.base:,.2f}",
            f"{d.here:,.2f}",
            f"{d.ratio.middle:.3f} ({d.ratio.low:.3f} to {d.ratio.high:.3f})",
            d.verdict,
        )
        for d in found
    ]
    heads = ("", "base", "here", f"here / base, {CONFIDENCE:.0%} interval", "verdict")
    return Table(f"The working tree against {base}", heads, rows)
