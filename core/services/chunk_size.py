"""How many rows a chunk shall have, so that no single request waits long behind it."""

from dataclasses import dataclass
from math import inf

TARGET_MS = 25.0
"""A chunk shall keep a worker's model busy for no longer; a single request waits for one chunk at most."""
FIRST_ROWS = 32
"""Size of the first chunk, before anything was measured: at 10 ms a row it takes a third of a second."""
GROWTH = 4
APART = 2
"""Chunks are compared with each other where one has so many times the rows of the other."""


@dataclass(frozen=True, kw_only=True)
class ChunkPace:
    """What is known of a version's chunks.

    Parameters
    ----------
    rows : int
        Of the next one.
    fixed_ms : float
        What a chunk costs whatever is in it.
    seen : tuple of int and float, optional
        Rows and milliseconds of the chunk that later ones are compared with.
    """

    rows: int = FIRST_ROWS
    fixed_ms: float = 0.0
    seen: tuple[int, float] | None = None


def next_pace(pace: ChunkPace, *, rows: int, took_ms: float, max_rows: int) -> ChunkPace:
    """Return the pace after a chunk of ``rows`` rows that took ``took_ms``.

    It is cut to ``TARGET_MS``, unless most of that is a cost that no cut makes smaller: then cutting further would only
    pay it more often, and a chunk has as many rows as cost about the same again.

    Examples
    --------
    >>> pace = next_pace(ChunkPace(), rows=32, took_ms=32.0, max_rows=2048)
    >>> pace.rows
    25
    >>> pace = next_pace(ChunkPace(rows=14, seen=(32, 30.0)), rows=14, took_ms=30.0, max_rows=2048)
    >>> pace.fixed_ms, pace.rows
    (30.0, 56)
    """
    fixed_ms, seen = _compared(pace, rows, took_ms)
    if 2 * fixed_ms <= TARGET_MS:
        size = next_chunk_rows(pace.rows, rows=rows, took_ms=took_ms, max_rows=max_rows)
    elif APART * rows < pace.rows and took_ms <= 2 * fixed_ms:
        size = pace.rows  # the rest of a block
    else:
        fitting = rows * fixed_ms / (took_ms - fixed_ms) if took_ms > fixed_ms else inf
        size = max(1, int(min(fitting, GROWTH * pace.rows, max_rows)))
    return ChunkPace(rows=size, fixed_ms=fixed_ms, seen=seen)


def _compared(pace: ChunkPace, rows: int, took_ms: float) -> tuple[float, tuple[int, float]]:
    """Return what is fixed by two chunks of different sizes, and the one to compare with from now on."""
    if pace.seen is None:
        return pace.fixed_ms, (rows, took_ms)
    seen_rows, seen_ms = pace.seen
    if max(rows, seen_rows) < APART * min(rows, seen_rows):
        return min(pace.fixed_ms, took_ms), pace.seen
    row_ms = max(0.0, (took_ms - seen_ms) / (rows - seen_rows))
    return max(0.0, min(took_ms, seen_ms) - row_ms * min(rows, seen_rows)), (rows, took_ms)


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
