"""How soon all was well again after a fault, from what became of each request."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.load import Outcome

LATE_S = 1.0
"""A right answer that takes longer counts as trouble; ordinary ones take some milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Times since a fault began, in seconds.

    Parameters
    ----------
    first_good_s : float or None
        Until the first right answer to a request that was sent after the fault; None: there was none.
    steady_s : float
        From when on every request sent was answered rightly within `LATE_S`; 0 where no one noticed the fault.
    """

    first_good_s: float | None
    steady_s: float


def recovery(outcomes: Sequence[Outcome], *, fault_s: float) -> Recovery:
    """Return the times; ``fault_s`` is when the fault began, by the clock of the outcomes."""
    good = [outcome.ended_s for outcome in outcomes if outcome.right and outcome.sent_s >= fault_s]
    troubled = [outcome.sent_s for outcome in outcomes if outcome.ended_s >= fault_s and _in_trouble(outcome)]
    return Recovery(
        first_good_s=min(good) - fault_s if good else None,
        steady_s=max(0.0, max(troubled, default=fault_s) - fault_s),
    )


def _in_trouble(outcome: Outcome) -> bool:
    return not outcome.right or outcome.ended_s - outcome.sent_s > LATE_S
