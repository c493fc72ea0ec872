"""What `make e2e-containers` found: as JSON, and as lines to read."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.containers.images import Built
from tests.containers.siege import Siege

COLUMNS = (
    "fault", "sent", "right", "errors", "wrong", "lost", "died", "refused", "longest s", "first good s", "steady s",
    "whole s", "verdict",
)  # fmt: skip


@dataclass
class Report:
    """Everything, filled in as it happens.

    ``seconds`` tells how long each step took; ``failures`` is empty where all promises were kept.
    """

    engine: str = ""
    bases: str = ""
    images: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    tests: str = ""
    sieges: list[Siege] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def built(self, built: Built) -> None:
        """Note what the images are."""
        self.images = [asdict(image) for image in built.images]
        self.seconds |= built.seconds

    def besieged(self, siege: Siege) -> None:
        """Note what a fault did."""
        self.sieges.append(siege)
        self.failures += [f"{siege.fault.name}: {failure}" for failure in siege.failures()]

    def record(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return {
            "engine": self.engine,
            "bases": self.bases,
            "images": self.images,
            "seconds": {name: round(seconds, 1) for name, seconds in self.seconds.items()},
            "tests": self.tests,
            "faults": [_row(siege) for siege in self.sieges],
            "total": self.total(),
            "notes": self.notes,
            "leftovers": self.leftovers,
            "failures": self.failures,
        }

    def total(self) -> dict[str, int]:
        """Return the requests of all faults together."""
        tallies = [siege.tally for siege in self.sieges]
        names = ("sent", "right", "honest_errors", "wrong", "lost", "died", "refused")
        return {name: sum(getattr(tally, name) for tally in tallies) for name in names}

    @property
    def deserves_another_try(self) -> bool:
        """Whether nothing failed but what a machine, its engine or a download may have been the cause of."""
        total = self.total()
        return not total["lost"] and not total["wrong"]

    def print(self, console: Console) -> None:
        """Print it for people."""
        console.print(f"Engine: {self.engine}\nBase images: {self.bases}", highlight=False)
        for image in self.images:
            console.print(
                f"  tripcast-{image['name']}: {image['mb']:.0f} MB, {image['added_mb']:.0f} MB more than its base"
            )
        console.print("Seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items()))
        console.print(f"Tests on these containers: {self.tests or 'none'}")
        console.print(self._table())
        for line in (*self.notes, *self._examples()):
            console.print(f"  {line}", markup=False)
        console.print(f"Left behind: {', '.join(self.leftovers) or 'nothing'}")
        for failure in self.failures:
            console.print(f"FAILED: {failure}", markup=False)
        total = self.total()
        console.print(f"lost {total['lost']}, wrong {total['wrong']}: {'FAILED' if self.failures else 'kept'}")

    def _table(self) -> Table:
        table = Table(*COLUMNS)
        for siege in self.sieges:
            table.add_row(*(str(value) for value in _row(siege).values()))
        total = self.total()
        table.add_row("all", *(str(value) for value in total.values()))
        return table

    def _examples(self) -> list[str]:
        return [f"{siege.fault.name}: {example}" for siege in self.sieges for example in siege.tally.examples[:2]]


def _row(siege: Siege) -> dict[str, Any]:
    tally, times = siege.tally, siege.recovery
    return {
        "fault": siege.fault.name,
        "sent": tally.sent,
        "right": tally.right,
        "errors": {str(status): count for status, count in tally.errors.items()},
        "wrong": tally.wrong,
        "lost": tally.lost,
        "died": tally.died,
        "refused": tally.refused,
        "longest_s": round(tally.longest_s, 2),
        "first_good_s": None if times.first_good_s is None else round(times.first_good_s, 2),
        "steady_s": round(times.steady_s, 2),
        "whole_s": round(siege.whole_s, 1),
        "verdict": "; ".join([*siege.failures(), *siege.surprises()]) or "kept",
    }
