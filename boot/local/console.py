"""The launcher's terminal: its own lines and those of its children, each under its name."""

import os
from collections.abc import Mapping
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34)
"""ANSI foreground colours; one a kind of child."""
_WIDTH = 8


class Console:
    """Write lines with a name in front.

    Parameters
    ----------
    stream : text stream
        Where lines go. When it is gone, lines are dropped: the children keep their own log files.
    environment : Mapping of str to str
        ``NO_COLOR`` and ``FORCE_COLOR`` are honoured, as by the children.
    """

    def __init__(self, *, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        forced = bool(environment.get("FORCE_COLOR"))
        self.colour = not environment.get("NO_COLOR") and (forced or stream.isatty())

    def say(self, text: str) -> None:
        """Write what the launcher itself has to say."""
        self.line("tripcast", text)

    def line(self, name: str, text: str) -> None:
        """Write one line of the child ``name``."""
        self._write(f"{self._painted(name)} | {text}\n")

    def block(self, text: str) -> None:
        """Write text as it is, to be copied."""
        self._write(f"{text}\n")

    def _painted(self, name: str) -> str:
        padded = name.ljust(_WIDTH)
        if not self.colour:
            return padded
        # Children of a kind share a colour: `worker-1` and `worker-2` differ in nothing else.
        kind = name.partition("-")[0]
        return f"\x1b[{_COLOURS[sum(kind.encode()) % len(_COLOURS)]}m{padded}\x1b[0m"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return
