"""What every error answer must look like."""

import re
from http import HTTPStatus
from typing import Any

import httpx

FIELDS = {"type", "title", "status", "detail", "instance", "request_id", "reply_code"}
LEAKS = re.compile(r"Traceback|File \"|\.py\b|site-packages|/home/|/usr/|/tmp/|0x[0-9a-f]{6}|swordfish|redis://")
"""What only the inside knows: stacks, paths, addresses, exception texts of models."""


def check_problem(
    answer: httpx.Response, status: HTTPStatus, reply_code: int, *, request_id: str | None = None
) -> dict[str, Any]:
    """Check a problem document member by member and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not LEAKS.search(answer.text), answer.text
    problem: dict[str, Any] = answer.json()
    assert problem.keys() - {"errors"} == FIELDS
    assert (problem["status"], problem["reply_code"]) == (status, reply_code)
    assert problem["request_id"] == request_id
    assert problem["instance"] == answer.request.url.path
    assert problem["type"].startswith("urn:tripcast:problem:")
    assert problem["title"]
    assert problem["detail"]
    assert "duration" not in problem
    assert answer.headers["X-Request-ID"] == (request_id or answer.headers["X-Request-ID"])
    assert answer.headers["Server-Timing"].startswith("total;dur=")
    return problem
