"""Waiting until the system answers."""

import asyncio
import http.client
import json
import time
from collections.abc import Callable

from boot.local.errors import LaunchError

READY_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 5.0
_POLL_S = 0.1
_TEXT_MAX = 200


def missing_part(*, host: str, port: int, path: str) -> str | None:
    """Ask the web server whether all is there.

    Returns
    -------
    str or None
        What is missing, in words; None when ``path`` answers 200.
    """
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return None if response.status == http.HTTPStatus.OK else _in_words(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return "the web server does not answer yet"
    finally:
        connection.close()


async def wait_until_ready(
    probe: Callable[[], str | None], *, say: Callable[[str], None], timeout_s: float = READY_TIMEOUT_S
) -> None:
    """Wait until ``probe`` finds nothing missing, and say what is while it changes.

    Raises
    ------
    LaunchError
        If something is still missing after ``timeout_s`` seconds; the message names it.
    """
    give_up = time.monotonic() + timeout_s
    said = None
    while (missing := await asyncio.to_thread(probe)) is not None:
        if time.monotonic() > give_up:
            raise LaunchError(f"Not ready after {timeout_s:g} s: {missing}.")
        if missing != said:
            say(f"waiting: {missing}")
            said = missing
        await asyncio.sleep(_POLL_S)


def _in_words(status: int, body: bytes) -> str:
    """Return what the readiness answer names as missing, or its status alone."""
    try:
        missing = ", ".join(json.loads(body)["missing"])
    except (ValueError, KeyError, TypeError):
        missing = ""
    return missing[:_TEXT_MAX] or f"the web server answers {status}"
