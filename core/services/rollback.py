"""Where a rollback leads to."""

from collections.abc import Iterable

from core.schemas.route import Route
from core.schemas.version import RouteChange

ROLLBACK = "rollback"
"""The action of a change that went back."""
UNDO = "undo"
"""The action of a change that puts back a route, as the one that was noted before it could not be spread."""


def previous_route(changes: Iterable[RouteChange]) -> Route | None:
    """Return the route that a rollback leads to, with the revision of the current one; None where there is none.

    One version alone answers after a rollback: the champion, if a canary runs beside it, else the champion before it.
    Said again, a rollback goes further back, and never to a version that an earlier one went back from: whoever needs
    it twice found two bad versions. The way forward again is to deploy. What was undone has answered nobody, and is no
    champion to go back to.

    Parameters
    ----------
    changes : iterable of RouteChange
        Of one model, the first one first; what was refused is passed over.
    """
    champions: list[str] = []
    current: Route | None = None
    for change in changes:
        if change.route is None:
            continue
        current = change.route
        if change.action in (ROLLBACK, UNDO) and current.champion in champions:
            del champions[_last(champions, current.champion) + 1 :]
        elif champions[-1:] != [current.champion]:
            champions.append(current.champion)
    if current is None:
        return None
    if current.canary is not None:
        return Route(champion=current.champion, revision=current.revision)
    return Route(champion=champions[-2], revision=current.revision) if len(champions) > 1 else None


def _last(champions: list[str], version: str) -> int:
    return len(champions) - 1 - champions[::-1].index(version)
