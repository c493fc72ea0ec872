"""The web process under gunicorn: uvicorn on uvloop and httptools."""

import os
import signal
import sys
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn_worker import UvicornWorker

from boot.uvicorn.draining import DrainingServer
from boot.uvicorn.protocol import WebProtocol
from core.managers.return_table import ReturnTable

DOORS = 8
"""Times that each listening socket is listened on: uvloop accepts one connection on each in a round of its loop.

With one, the last of 256 clients that connect at once waits for 256 rounds, a third of a second under load.
"""


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

    returns: ReturnTable | None = None
    """What refused clients were told; the same memory in all web processes."""

    async def _serve(self) -> None:
        """Serve as the base does, with a server that drains."""
        self.wsgi.state.returns = self.returns
        self.config.app = self.wsgi
        server = DrainingServer(config=self.config)
        self._install_sigquit_handler()
        doors = [sock.dup() for sock in self.sockets for _ in range(DOORS)]
        for sock in self.sockets:
            sock.close()
        await server.serve(sockets=doors)
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
