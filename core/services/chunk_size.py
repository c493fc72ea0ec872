"""How many rows a chunk shall have, so that no single request waits long behind it."""

from math import inf

TARGET_MS = 25.0
"""A chunk shall keep a worker's model busy for no longer; a single request waits for one chunk at most."""
FIRST_ROWS = 32
"""Size of the first chunk, before anything was measured: at 10 ms a row it takes a third of a second."""
GROWTH = 4


def next_chunk_rows(current: int, *, rows: int, took_ms: float, max_rows: int) -> int:
    """Return the size of the next chunk.

    It aims at ``TARGET_MS`` by the cost of the last one, grows at most fourfold at a time, and shrinks at once.

    Parameters
    ----------
    current : int
        The size so far.
    rows : int
        Rows of the chunk that came back; the rest of a block may have fewer than ``current``.
    took_ms : float
        What it kept the model busy for, in milliseconds.
    max_rows : int
        Never more than this.

    Examples
    --------
    >>> next_chunk_rows(100, rows=100, took_ms=10.0, max_rows=2048)
    250
    >>> next_chunk_rows(100, rows=100, took_ms=100.0, max_rows=2048)
    25
    >>> next_chunk_rows(100, rows=3, took_ms=1.0, max_rows=2048)
    100
    """
    if 2 * rows < current and took_ms <= TARGET_MS:
        return current  # mostly fixed costs: it says nothing about a whole chunk
    fitting = rows * TARGET_MS / took_ms if took_ms > 0 else inf
    return max(1, int(min(fitting, GROWTH * current, max_rows)))
