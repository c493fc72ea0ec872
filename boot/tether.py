"""Tie a process's life to its parent's: a launcher that is killed leaves nothing running.

Also a script, ``python tether.py PARENT COMMAND …``: tie this process to PARENT, then become COMMAND. The
launcher starts its children through it rather than with ``preexec_fn``, which is unsafe beside threads. It
imports nothing of ours, so that it can run isolated (``-I -S``) in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""Option of Linux's ``prctl(2)``: the signal that this process gets when its parent dies; survives ``exec``."""


def die_with_parent(parent: int) -> None:
    """Have the kernel send this process SIGTERM when its parent dies. Linux only; elsewhere nothing happens.

    Parameters
    ----------
    parent : int
        Process id of the parent, as the parent knows it.

    Raises
    ------
    SystemExit
        If the parent is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)


def tethered(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``command`` wrapped so that it ends with the calling process."""
    return (sys.executable, "-I", "-S", __file__, str(os.getpid()), *command)


def main() -> None:
    """Become the command, tied to the parent."""
    parent, *command = sys.argv[1:]
    die_with_parent(int(parent))
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell is wanted)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
