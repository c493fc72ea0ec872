"""Which version answers a request."""

import hashlib

from core.schemas.route import Canary, Route


def choose_version(route: Route, request_id: str) -> str:
    """Return the champion or the canary; for the same id always the same one, as long as the canary stays.

    A share that grows keeps those who were in it. Another canary is another sample of the ids.

    Examples
    --------
    >>> choose_version(Route(champion="a"), "42")
    'a'
    """
    canary = route.canary
    return canary.version if canary is not None and is_in_share(canary, request_id) else route.champion


def is_in_share(canary: Canary, request_id: str) -> bool:
    """Tell whether the canary answers requests of this id."""
    return hashlib.blake2b(canary.salt + request_id.encode(), digest_size=8).digest() < canary.bound
