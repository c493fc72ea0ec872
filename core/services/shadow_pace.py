"""How much of the workers' time a shadow may take, where its batches cannot be cut short."""

from dataclasses import dataclass

from core.services.chunk_size import FIRST_ROWS, GROWTH

HEAVY_MS = 100.0
"""Chunks are cut to a quarter of this. One that takes longer all the same costs so much whatever is in it, and whoever
asks for a prediction meanwhile waits for it."""
SHARE = 0.05
"""Of a worker's time, for a shadow like that."""
MAX_REST_S = 30.0


@dataclass(frozen=True, kw_only=True)
class ShadowPace:
    """How many rows a shadow is given next, and how long it rests before."""

    rows: int = FIRST_ROWS
    rest_s: float = 0.0


def next_pace(rows: int, *, chunks: int, took_ms: float, max_rows: int) -> ShadowPace:
    """Return the pace after a block of ``rows`` rows.

    One block that took long says little: the machine may have stood still. It makes the next one smaller; a shadow whose
    single rows take as long rests.

    Parameters
    ----------
    rows : int
        What the block might have had.
    chunks : int
        In how many chunks it came back; 0 where nothing did.
    took_ms : float
        What all of them kept models busy for, in milliseconds.
    max_rows : int
        Never more than this.

    Examples
    --------
    >>> next_pace(32, chunks=1, took_ms=5.0, max_rows=2000)
    ShadowPace(rows=128, rest_s=0.0)
    >>> next_pace(32, chunks=1, took_ms=500.0, max_rows=2000)
    ShadowPace(rows=8, rest_s=0.0)
    >>> next_pace(1, chunks=1, took_ms=500.0, max_rows=2000)
    ShadowPace(rows=1, rest_s=9.5)
    """
    if chunks and took_ms <= HEAVY_MS * chunks:
        return ShadowPace(rows=min(GROWTH * rows, max_rows))
    if rows > 1:
        return ShadowPace(rows=max(1, rows // GROWTH))
    rest_s = took_ms / 1000 * (1 / SHARE - 1) if chunks else MAX_REST_S
    return ShadowPace(rows=1, rest_s=min(rest_s, MAX_REST_S))
