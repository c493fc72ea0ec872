"""Health of a web container: whether predictions can be served from here."""

import os
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 4.0


def complaint() -> str | None:
    """Return what ``/health/ready`` complains of, None if it is ready.

    The one setting that matters is read without `config`: its libraries would cost more than the question does.
    """
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("HTTP_PORT") or "8182"), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read(1000).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"no answer: {type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status == HTTPStatus.OK else f"{answer.status}: {body}"
