"""What differs between two runs."""

from dataclasses import dataclass

from core.schemas.run import Run
from core.services.flat import flat

ABSENT = "-"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that two runs do not share, as text."""

    what: str
    first: str
    second: str


def differing_parameters(first: Run, second: Run) -> list[Difference]:
    """Return the parameters that differ, those inside of others by their path, such as ``limits.null_share``."""
    ours, theirs = (flat(run.parameters.model_dump(mode="json")) for run in (first, second))
    return _differences(ours, theirs)


def differing_steps(first: Run, second: Run) -> list[Difference]:
    """Return the steps whose output differs, by the start of its hash, in the order of the first run."""
    return _differences(*({name: sha256[:12] for name, sha256 in outputs(run).items()} for run in (first, second)))


def outputs(run: Run) -> dict[str, str]:
    """Return the hash of each step's output, as it was last computed."""
    return {step.step: step.output_sha256 for step in run.steps if step.output_sha256 is not None}


def _differences(ours: dict[str, str], theirs: dict[str, str]) -> list[Difference]:
    return [
        Difference(what=name, first=ours.get(name, ABSENT), second=theirs.get(name, ABSENT))
        for name in {**ours, **theirs}
        if ours.get(name) != theirs.get(name)
    ]
