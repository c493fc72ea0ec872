"""gunicorn's own log lines, sent where all others go."""

from typing import Any

from gunicorn.glogging import Logger


class GunicornLogger(Logger):
    """gunicorn's logger without its own format and streams.

    ``configure_logging`` ran before: it set up where lines go.
    """

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 (gunicorn is untyped)
        """Take the levels from gunicorn's configuration; the root's handler writes the lines."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
