"""Fetch a file whole: resumable, its length checked, and its content checked before it gets its name.

Beside ``<name>`` there is ``<name>.part`` while bytes are missing, and ``<name>.part.etag``, which tells whether the
rest on the server still belongs to the part.
"""

from collections.abc import Callable
from pathlib import Path

import httpx

from core.utilities.errors import DataError, DownloadError

TLC_URL = "https://d37ci6vzurychx.cloudfront.net/trip-data"
"""Where the NYC TLC publishes its trip records; the page that links to it is
https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page"""

Progress = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes of the whole file."""


def green_trips_file(month: str) -> str:
    """Return the TLC's name of a month's green-taxi trips; ``month`` is like ``2021-01``."""
    return f"green_tripdata_{month}.parquet"


def fetch(client: httpx.Client, url: str, target: Path, *, check: Callable[[Path], None], progress: Progress) -> Path:
    """Download ``url`` to ``target``, unless it is there; continue where an earlier try broke off.

    Parameters
    ----------
    client : httpx.Client
        Its timeouts apply.
    url, target : str, Path
        From where to where.
    check : callable
        Raises DataError if the file is not what it should be.
    progress : callable
        Called after each piece.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    DownloadError
        If the server cannot be reached, does not have the file, or the file is not whole or not right.
    """
    if target.exists():
        return target
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _complete(client, url, part, progress)
        _check(part, check)
        part.rename(target)
        _etag_file(part).unlink(missing_ok=True)
    except httpx.TransportError as error:
        raise DownloadError(f"cannot download {url}: no connection ({type(error).__name__})") from error
    except httpx.HTTPError as error:
        raise DownloadError(f"cannot download {url}: {type(error).__name__}") from error
    except OSError as error:
        raise DownloadError(f"cannot download {url} to {target}: {error.strerror}") from error
    return target


def _complete(client: httpx.Client, url: str, part: Path, progress: Progress) -> None:
    """Bring ``part`` to the length that the server names."""
    headers = {"Accept-Encoding": "identity"}  # the length of other encodings is not the file's
    if part.exists() and part.stat().st_size > 0 and _etag_file(part).exists():
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": _etag_file(part).read_text()}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            whole = _total(response)
            if whole != part.stat().st_size:
                part.unlink()
                raise DownloadError(f"cannot download {url}: the part was too long and is removed; try again")
            return
        _check_status(response, url)
        _append(response, part, progress)


def _check_status(response: httpx.Response, url: str) -> None:
    # The TLC's storage answers 403 for a file that it does not have.
    if response.status_code in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise DownloadError(f"cannot download {url}: there is no such file ({response.status_code})")
    if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        raise DownloadError(f"cannot download {url}: the server answered {response.status_code}")


def _append(response: httpx.Response, part: Path, progress: Progress) -> None:
    """Write the response behind what is there, or, if the server sends all of it, in its place."""
    resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):  # only a strong one can vouch for a part
        _etag_file(part).write_text(etag)
    elif not resumed:
        _etag_file(part).unlink(missing_ok=True)
    with part.open("ab" if resumed else "wb") as file:
        here, whole = file.tell(), _total(response)
        if resumed and _offset(response) != here:
            raise DownloadError(f"cannot download {response.url}: the server sent another part than asked for")
        for piece in response.iter_bytes(1 << 16):
            file.write(piece)
            here += len(piece)
            progress(here, whole)
    if here != whole:
        raise DownloadError(f"cannot download {response.url}: {here} of {whole} bytes came; try again to continue")


def _total(response: httpx.Response) -> int:
    """Return the length of the whole file, as the server names it."""
    in_range = response.headers.get("Content-Range", "").rpartition("/")[2]
    text = in_range or response.headers.get("Content-Length", "")
    if not text.isdigit():
        raise DownloadError(f"cannot download {response.url}: the server does not name the length")
    return int(text)


def _offset(response: httpx.Response) -> int:
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else -1


def _check(part: Path, check: Callable[[Path], None]) -> None:
    """Remove a file that is complete and wrong: continuing it could never help."""
    try:
        check(part)
    except DataError as error:
        part.unlink()
        _etag_file(part).unlink(missing_ok=True)
        raise DownloadError(f"what came is removed: {error}") from error


def _etag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")
