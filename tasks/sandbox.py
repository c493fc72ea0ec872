"""Entry point of a sandbox child: ``python -m tasks.sandbox``, started by a worker."""

import faulthandler
import os
import sys

from config import load_settings
from core.managers.predictor import run_here
from core.managers.sandbox import serve_sandbox
from tasks.models import create_predictor


def main() -> None:
    """Serve one batch from stdin to stdout; whatever a model prints goes to stderr."""
    settings = load_settings()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    predictor, _ = create_predictor(settings, worker=f"sandbox-{os.getpid()}", run=run_here)
    serve_sandbox(
        predictor.compute,
        requests=sys.stdin.buffer,
        replies=replies,
        before_row=lambda: faulthandler.dump_traceback_later(settings.model_timeout_s, exit=True),
    )


if __name__ == "__main__":
    main()
