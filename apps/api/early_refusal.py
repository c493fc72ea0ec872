"""Refusing a request of an overload from its bytes, before anything expensive is done with it.

Under three times the load that can be served, two of three requests are refused by the process that answers
the third. The usual way to a refusal (parser, task, validation, error handler) costs as much as half a
prediction; this one costs a tenth. It knows one form of request, the usual one, and leaves all others to
the usual way, which decides by the same rules.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from apps.api.errors import PROBLEM_JSON, overload_body
from core.managers.admission import Admission

HEADS = 1024
"""Request heads that are remembered: one client's are all alike but for the length of the body."""
LONGEST_HEAD = 4096
_REQUEST_ID = re.compile(rb'"request_id"\s*:\s*"([ !#-\[\]-~]{1,128})"')
"""Printable ASCII without quote and backslash: what can be copied into a header and into JSON as it is."""
_LENGTH = re.compile(rb"\r\ncontent-length:([^\r]*)(?=\r\n)")
_TIMEOUT = re.compile(rb"\r\nx-request-timeout:([^\r]*)(?=\r\n)")
_UNUSUAL = re.compile(rb"\r\n(?:transfer-encoding|expect|upgrade|connection:(?! *keep-alive\r))|\n[ \t]|[^\r]\n")
Headers = Sequence[tuple[bytes, bytes]]


class Head(NamedTuple):
    """What the head of a request says, as far as it matters here."""

    path: str
    body_length: int
    timeout_s: float


class EarlyRefusal:
    """Refuses requests for some paths.

    Parameters
    ----------
    admissions : mapping of str to Admission
        Who decides, by path.
    timeout_s : float
        Deadline of a request that names none.
    """

    def __init__(self, admissions: Mapping[str, Admission], *, timeout_s: float) -> None:
        self._admissions = dict(admissions)
        self._all = tuple(admissions.values())
        self._bodies = {path: overload_body(path) for path in admissions}
        self._timeout_s = timeout_s
        self._heads: dict[bytes, Head | None] = {}
        self._default_headers: Headers = ()
        self._starts: dict[tuple[int, int], bytes] = {}

    @property
    def pressed(self) -> bool:
        """Whether a request may be refused at all; cheap, for it is asked before each one."""
        for admission in self._all:  # noqa: SIM110 (a generator would cost more than all the rest)
            if admission.pressed:
                return True
        return False

    def answer(self, data: bytes, default_headers: Headers) -> bytes | None:
        """Return the answer that refuses a request, ``None`` if it is to be handled as usual.

        Parameters
        ----------
        data : bytes
            What came in on a connection that is between two requests.
        default_headers : sequence of (bytes, bytes)
            What the server adds to each answer.
        """
        end = data.find(b"\r\n\r\n", 0, LONGEST_HEAD) + 4
        key = data[:end]
        head = self._heads[key] if key in self._heads else self._read(key)
        if head is None or head.body_length != len(data) - end:
            return None
        found = _REQUEST_ID.search(data, end)
        if found is None:
            return None
        request_id = found[1]
        retry_after_s = self._admissions[head.path].refuse_early(str(request_id, "ascii"), head.timeout_s)
        if retry_after_s is None:
            return None
        before, after = self._bodies[head.path]
        length = len(before) + len(request_id) + len(after)
        start = self._start(length, retry_after_s, default_headers)
        return b"".join((start, request_id, b"\r\n\r\n", before, request_id, after)) if start else None

    def _read(self, data: bytes) -> Head | None:
        """Read the head of a request; ``None`` if it is not of the usual form."""
        if len(self._heads) >= HEADS:
            self._heads.clear()
        self._heads[data] = head = self._parse(data)
        return head

    def _parse(self, data: bytes) -> Head | None:
        first_line, _, rest = data.partition(b"\r\n")
        method, _, target = first_line.partition(b" ")
        path, _, version = target.decode("latin-1").partition(" ")
        if method != b"POST" or version != "HTTP/1.1" or path not in self._admissions:
            return None
        lines = b"\r\n" + rest.lower()
        lengths, timeouts = _LENGTH.findall(lines), _TIMEOUT.findall(lines)
        if len(lengths) != 1 or not lengths[0].strip().isdigit() or len(timeouts) > 1 or _UNUSUAL.search(lines):
            return None
        timeout_s = self._timeout_of(timeouts[0]) if timeouts else self._timeout_s
        return None if timeout_s is None else Head(path, int(lengths[0]), timeout_s)

    def _timeout_of(self, value: bytes) -> float | None:
        try:
            wanted = float(value)
        except ValueError:
            return None
        return min(wanted, self._timeout_s) if wanted > 0 else None

    def _start(self, length: int, retry_after_s: int, default_headers: Headers) -> bytes:
        """Return the answer up to the request id; nothing while the server says that it closes its connections."""
        if default_headers is not self._default_headers:
            self._default_headers = default_headers
            self._starts.clear()
        start = self._starts.get((length, retry_after_s))
        if start is None:
            start = self._starts[length, retry_after_s] = _render(length, retry_after_s, default_headers)
        return start


def _render(length: int, retry_after_s: int, default_headers: Headers) -> bytes:
    if any(name.lower() == b"connection" for name, _ in default_headers):
        return b""
    lines = [
        *default_headers,
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", b"%d" % length),
        (b"retry-after", b"%d" % retry_after_s),
        # Some microseconds: to measure them would cost more than to spend them.
        (b"server-timing", b"total;dur=0.0"),
        (b"x-request-id", b""),
    ]
    return b"HTTP/1.1 503 Service Unavailable\r\n" + b"\r\n".join(b"%b: %b" % line for line in lines)
