"""The collector of cyclic garbage, kept from stopping a process that serves."""

import gc

YOUNG_OBJECTS = 10_000
"""New containers between two looks at the young ones; Python's 700 is less than one large batch allocates."""


def settle_heap() -> None:
    """Take all that lives now out of the collector's sight; to be called once everything is imported and loaded.

    A full collection walks every container of the process: 40 to 100 ms for the libraries alone, several times
    a second under load. What was there at the start stays until the end, so walking it finds nothing. May be
    called again, after a model was loaded say.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
