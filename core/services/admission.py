"""Is a request taken now, and when shall one that is not come back?

The wait of a new row is predicted from the rows ahead of it and the pace at which rows were answered lately.
Its deadline leaves room for so much waiting and no more; what would come too late is refused at once.

Not everybody may use the whole room. A new request gets half of it. The other half is kept, not for anybody
in particular but by order of rank, for those who were refused, were told when to come back, and did: so what
they were told comes true. While they stay away the line is as long as new requests make it and no worker
idles, for half the room is more than enough to keep the workers busy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

MARGIN = 0.3
"""Share of the time to the deadline that is left unused. A row that just missed a batch waits for that one too, which
makes its wait longer by a third of what the rows ahead of it take."""
BUSY_CALLS = 4.5
"""Calls for which any row may wait, room permitting: one under way, one that follows at once, its own, and as much again
half to grow. Fewer would make batches of dear calls ever smaller."""
BOOKABLE = 0.8
"""Share of the pace that may be promised; the rest is for what comes in between."""
LONGEST_RETRY_S = 10
"""No promise reaches further: by then the load will be another."""


class Standing(IntEnum):
    """What a client has been told before; ordered by rank."""

    NEW = 0
    """Nothing."""
    INVITED = 1
    """To come back, when no second within ``LONGEST_RETRY_S`` had a place left to promise."""
    BOOKED = 2
    """To come back in a second in which a place is kept for it."""


ROOM: Mapping[Standing, float] = {Standing.NEW: 0.25, Standing.INVITED: 0.5, Standing.BOOKED: 1.0}
"""Share of the room for waiting that each standing may use."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast rows are answered.

    ``row_s`` is what each row takes, its share of the call of its batch included; ``None`` while nobody knows.
    ``call_s`` is what a batch takes apart from its rows.
    """

    row_s: float | None = None
    call_s: float = 0.0


def room_s(pace: Pace, *, lag_s: float, timeout_s: float, standing: Standing) -> float:
    """Return how many seconds the rows ahead of a row may take, so that it is still answered in time.

    Parameters
    ----------
    pace : Pace
        How fast rows are answered now.
    lag_s : float
        How long the process takes for one round of its event loop: what comes in waits that long unseen.
    timeout_s : float
        Seconds to the row's deadline.
    standing : Standing
        The client's.
    """
    room = max(0.0, timeout_s * (1 - MARGIN) - lag_s)
    return min(room, max(room * ROOM[standing], BUSY_CALLS * pace.call_s))


def rows_allowed_ahead(pace: Pace, *, lag_s: float, timeout_s: float, standing: Standing) -> float:
    """Return how many rows may be ahead of one that is taken, see :func:`room_s`.

    Infinity while the pace is not known: what is not known is no reason to refuse. Never less than none: a
    process that has nothing else to do takes any row.
    """
    if not pace.row_s:
        return math.inf
    return room_s(pace, lag_s=lag_s, timeout_s=timeout_s, standing=standing) / pace.row_s


def places_per_s(pace: Pace) -> float:
    """Return how many places can be promised for one second; at least one."""
    return max(1.0, BOOKABLE / pace.row_s) if pace.row_s else 1.0
