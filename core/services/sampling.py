"""Which requests belong to a share of all: the same request always gets the same answer."""

from hashlib import blake2b

_PURPOSE = b"record"
"""Makes the choice independent of others that are made by the same id, such as the canary's."""
_BYTES = 6


def is_recorded(request_id: str, share: float) -> bool:
    """Tell whether a request is among the recorded ones.

    Parameters
    ----------
    request_id : str
        The caller's id, printable ASCII.
    share : float
        0..1, of all requests.
    """
    if share <= 0 or share >= 1:
        return share >= 1
    digest = blake2b(request_id.encode(), digest_size=_BYTES, person=_PURPOSE).digest()
    return int.from_bytes(digest) < share * (1 << 8 * _BYTES)
