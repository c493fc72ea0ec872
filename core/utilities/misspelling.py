"""Names that are nearly known ones: a setting with a letter too few would pass unnoticed."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

LIKENESS = 0.88
"""From which on two names are taken for one, 1 being the same: a letter or two of ten may be missing or swapped."""


def misspelt(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return what is nearly a known name but none, with the known name that is most like it.

    Nothing is said of a name whose counterpart is among the names too, nor of one that begins otherwise: that belongs
    to another program.
    """
    given = set(names)
    unknown = sorted(name for name in given if name and name not in known)
    likely = {
        name: get_close_matches(name, [other for other in known if other[0] == name[0]], n=1, cutoff=LIKENESS)
        for name in unknown
    }
    return {name: found[0] for name, found in likely.items() if found and found[0] not in given}
