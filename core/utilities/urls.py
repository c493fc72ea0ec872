"""URLs that may carry a password, made fit to be shown."""

import re

_SECRET = re.compile(
    r"""(?P<head>[a-z][a-z0-9+.-]*://[^\s:/@"']*):(?P<password>[^\s"']*)@   # redis://user:password@host
      | (?P<key>[?&](?:password|token|secret)=)[^\s&"']*                    # redis://host?password=password
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """Hide the password of every URL in ``text``.

    A password may itself hold ``@`` or ``/``, so everything up to the last ``@`` of the word goes.

    Examples
    --------
    >>> redact("cannot reach redis://:s3cret@db:6379/0 (refused)")
    'cannot reach redis://:***@db:6379/0 (refused)'
    """
    return _SECRET.sub(_hidden, text) if "://" in text else text


def redact_url(url: str) -> str:
    """Return ``url`` with its password hidden: the only form in which a URL of a setting may be shown.

    Examples
    --------
    >>> redact_url("rediss://worker:s3cret@db:6379/0?timeout=3")
    'rediss://worker:***@db:6379/0?timeout=3'
    """
    return redact(url)


def _hidden(match: re.Match[str]) -> str:
    """Return what stands where a secret was found."""
    return f"{match['key']}***" if match["key"] else f"{match['head']}:***@"
