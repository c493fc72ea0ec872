"""The web process under gunicorn: uvicorn on uvloop and httptools."""

import os
import signal
import sys
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn_worker import UvicornWorker

from boot.uvicorn.draining import DrainingServer
from boot.uvicorn.protocol import WebProtocol


class WebWorker(UvicornWorker):
    """uvicorn's worker with the fast loop and parser named, not guessed: without them it must not start."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": WebProtocol,
        # Nothing here asks who is behind a proxy.
        "proxy_headers": False,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
    }

    async def _serve(self) -> None:
        """Serve as the base does, with a server that drains."""
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    async def callback_notify(self) -> None:
        """Beat, unless the master is gone: an orphan would hold the port for ever.

        On Linux the kernel has told it already (`boot.tether`); elsewhere the beat notices.
        """
        if os.getppid() == self.ppid:
            await super().callback_notify()
        else:
            os.kill(os.getpid(), signal.SIGTERM)
