"""A process that beats until it is killed: ``python -m tests.core.managers.beater <url>``."""

import sys
import threading

from core.managers.heartbeat_writer import HeartbeatWriter
from tests.core.managers.rows import heartbeat

if __name__ == "__main__":
    HeartbeatWriter(sys.argv[1], compose=lambda beat, draining: heartbeat("w", beat, draining=draining)).start()
    threading.Event().wait()
