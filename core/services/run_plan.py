"""Which months a run uses that starts by itself."""

from collections.abc import Iterable
from datetime import date

from core.schemas.snapshot import TRIPS_FILE, Taxi

RECENT_MONTHS = 6
"""The TLC publishes a month some two months after its end."""


def newest_months(names: Iterable[str], *, taxi: Taxi, train_months: int) -> tuple[tuple[str, ...], str] | None:
    """Return the months to train on and the one to test on: the newest, and those before it.

    Parameters
    ----------
    names : iterable of str
        Of the files at hand, as the TLC names them.
    taxi : str
        Whose files count.
    train_months : int
        How many months to train on at most.

    Returns
    -------
    tuple or None
        None where there are not two months.

    Examples
    --------
    >>> names = [f"green_tripdata_2021-{month}.parquet" for month in ("01", "02", "03")]
    >>> newest_months(names, taxi="green", train_months=1)
    (('2021-02',), '2021-03')
    """
    # Only whole names: the pattern leaves room for parts such as ``.head``, which no run looks for.
    whole = {name for name in names if name.count(".") == 1}
    matches = [match for name in whole if (match := TRIPS_FILE.match(name)) is not None]
    months = sorted({f"{match['year']}-{match['month']}" for match in matches if match["taxi"] == taxi})
    return (tuple(months[-1 - train_months : -1]), months[-1]) if len(months) > 1 else None


def recent_files(today: date, *, taxi: Taxi) -> list[str]:
    """Return the names that the files of the last months have, the oldest first; a server cannot be asked for a list."""
    ago = [today.year * 12 + today.month - 1 - back for back in range(RECENT_MONTHS, 0, -1)]
    return [f"{taxi}_tripdata_{month // 12}-{month % 12 + 1:02}.parquet" for month in ago]
