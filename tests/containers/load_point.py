"""One measurement of containers under load: how much was answered, and who spent how much of the processor."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.containers.project import Project

PARTS = ("web", "redis", "worker")
NANOSECONDS, MICROSECONDS = 1e9, 1e6
USED = "cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage"
"""What a container itself sees of its control group: the second version's file, or the first one's."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A number of workers, and what came of it.

    ``cores``: processor time by part, in cores: seconds used a second, workers all together.
    """

    model: str
    workers: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cores: dict[str, float]


def cpu_seconds(project: Project) -> dict[str, float]:
    """Return what each part has spent of the processor so far, in seconds; of a part's containers together."""
    return {
        part: sum(
            parse_cpu(project.engine.do("exec", container, "sh", "-c", USED)) for container in project.containers(part)
        )
        for part in PARTS
    }


def parse_cpu(text: str) -> float:
    """Return the seconds that a control group's own file tells of.

    >>> parse_cpu("usage_usec 2500000")
    2.5
    >>> parse_cpu("1500000000")
    1.5
    """
    words = text.split()
    return int(words[1]) / MICROSECONDS if words[0] == "usage_usec" else int(words[0]) / NANOSECONDS


def points_table(points: Sequence[Point]) -> str:
    """Return a table in Markdown."""
    parts = list(dict.fromkeys(part for point in points for part in point.cores))
    head = ["model", "workers", "requests/s", "p50 ms", "p99 ms", "errors", *(f"{part}, cores" for part in parts)]
    lines = [head, ["---"] * len(head)]
    for point in points:
        cores = [f"{point.cores.get(part, 0.0):.2f}" for part in parts]
        figures = [f"{point.requests_per_s:,.0f}", f"{point.p50_ms:.0f}", f"{point.p99_ms:.0f}", str(point.errors)]
        lines.append([point.model, str(point.workers), *figures, *cores])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
