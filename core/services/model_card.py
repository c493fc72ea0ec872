"""The model card: what a version is for, how good it is, what it learnt from, and how to make it again.

After Mitchell and others, *Model Cards for Model Reporting*, 2019. Nothing in it depends on when or where it is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.schemas.evaluation import Evaluation, Figures
from core.schemas.gate_limits import GateLimits
from core.schemas.manifest import Manifest
from core.schemas.quality import FileQuality
from core.services.card_sections import distribution, errors, gate, relied_on, slices
from core.services.flat import flat
from core.services.markdown import table

CARD = "MODEL_CARD.md"
CALIBRATION, RESIDUALS = "calibration.svg", "residuals.svg"


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card is composed of.

    Parameters
    ----------
    manifest : Manifest
        Of the version.
    evaluation : Evaluation
        What was measured.
    limits : GateLimits
        What it had to reach.
    quality : mapping of str to FileQuality
        Rows of each file, by its name.
    files : mapping of str to str
        SHA-256 of each file, by name; what it was not trained on, it was measured on.
    command : str
        Makes it again.
    prose : str
        What people wrote about the family, Markdown with sections of its own; may be empty.
    """

    manifest: Manifest
    evaluation: Evaluation
    limits: GateLimits
    quality: Mapping[str, FileQuality]
    files: Mapping[str, str]
    command: str
    prose: str


def compose(facts: CardFacts) -> str:
    """Return the card, as Markdown that names its drawings ``calibration.svg`` and ``residuals.svg``."""
    manifest, evaluation = facts.manifest, facts.evaluation
    unit = f" Unit of errors and shifts: {evaluation.unit}." if evaluation.unit else ""
    sections = [
        f"# {manifest.name} {manifest.version}",
        f"Artifact `{manifest.artifact}`, SHA-256 `{manifest.sha256}`; code `{manifest.code_revision}`.{unit}",
        facts.prose.strip(),
        "## Errors on the test months",
        errors(evaluation),
        *gate(evaluation.verdict, facts.limits),
        f"![Mean label over mean prediction]({CALIBRATION}) ![Histogram of the errors]({RESIDUALS})",
        "## Errors by slice",
        *slices(_variants(evaluation)),
        "## What it relies on",
        *relied_on(evaluation),
        *distribution(evaluation.comparison),
        "## Data",
        table(("file", "used for", "rows", "kept", "dropped by", "SHA-256"), _files(facts)),
        "## Training",
        table(("parameter", "value"), sorted(flat(manifest.parameters).items())),
        f"Libraries: {', '.join(f'{name} {version}' for name, version in sorted(manifest.libraries.items()))}.",
        "## How to make it again",
        f"    {facts.command}",
        "The same files, code and libraries give the same artifact, bit for bit.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _variants(evaluation: Evaluation) -> dict[str, Figures]:
    return {"": evaluation, **evaluation.variants}


def _files(facts: CardFacts) -> Iterator[tuple[str, ...]]:
    for name, sha256 in sorted(facts.files.items()):
        used = "training" if name in facts.manifest.training_data else "test"
        quality = facts.quality.get(name)
        told = ("-", "-", "-") if quality is None else (f"{quality.rows:,}", f"{quality.kept:,}", _dropped(quality))
        yield name, used, *told, f"`{sha256}`"


def _dropped(quality: FileQuality) -> str:
    return ", ".join(f"{name} {share:.2%}" for name, share in quality.dropped_share.items()) or "-"
