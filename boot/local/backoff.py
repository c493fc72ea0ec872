"""When a child that died is started again."""

LIVED_LONG_S = 30.0
"""A child that lived so long starts with a clean record."""
DELAY_MAX_S = 10.0
_FIRST_DELAY_S = 0.5


def restart_delay_s(deaths: int) -> float:
    """Return how long to wait after the ``deaths``-th death in a row: 0, 0.5, 1, 2, 4, 8, 10, 10 … seconds.

    The first restart is at once: a worker that was killed is missed by every request until it is back.

    Raises
    ------
    ValueError
        If there was no death.
    """
    if deaths < 1:
        raise ValueError("no death, no restart")
    # The exponent is bounded, since a float overflows after a thousand deaths.
    return 0.0 if deaths == 1 else min(_FIRST_DELAY_S * 2.0 ** min(deaths - 2, 10), DELAY_MAX_S)


def deaths_in_a_row(before: int, *, lived_s: float) -> int:
    """Return how many deaths now count: one more than ``before``, or the first after a long life."""
    return 1 if lived_s >= LIVED_LONG_S else before + 1
