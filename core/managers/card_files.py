"""The files of a model card: the card, its drawings, and what people wrote for it."""

from collections.abc import Mapping
from pathlib import Path

from core.services.card_plots import calibration_plot, residual_plot
from core.services.model_card import CALIBRATION, CARD, RESIDUALS, CardFacts, compose

CARDS = Path(__file__).resolve().parents[1] / "handlers" / "cards"


def card_files(facts: CardFacts) -> Mapping[str, bytes]:
    """Return the content of each file of a card, by its name; the same facts give the same bytes."""
    portrait, unit = facts.evaluation.portrait, facts.evaluation.unit
    return {
        CARD: compose(facts).encode(),
        CALIBRATION: calibration_plot(portrait.calibration, unit=unit),
        RESIDUALS: residual_plot(portrait.residuals, unit=unit),
    }


def prose_of(model: str, folder: Path = CARDS) -> str:
    """Return what people wrote about a family, from ``core/handlers/cards/<model>.md``; nothing without that file."""
    path = folder / f"{model}.md"
    return path.read_text() if path.exists() else ""
