"""Ctrl-C and SIGTERM end a run once: what comes afterwards is cleaning up, and is not interrupted."""

import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def take_one_interrupt() -> None:
    """Let the first of the signals raise ``KeyboardInterrupt``, and the others do nothing."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def ignore_interrupts() -> None:
    """Let none of the signals do anything from now on."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    ignore_interrupts()
    raise KeyboardInterrupt
