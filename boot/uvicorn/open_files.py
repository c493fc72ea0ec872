"""How many files and connections this process, and those that it forks, may have open."""

import resource
from contextlib import suppress

ENOUGH = (65_536, 10_240)
"""Of each caller that waits one is its connection, and `MAX_WAITING_ROWS` bounds them. The second is macOS' most.

No more: what may be open is what some libraries walk through.
"""


def allow_many_open_files() -> int:
    """Raise the soft limit as far as the hard one allows, and return it.

    It is 1,024 in most logins and, by systemd's default, in containers of Docker 29. Beyond it the event loop closes
    connections as soon as it has accepted them: callers lose requests, and a health check finds nobody.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for enough in ENOUGH:
        wanted = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            break
        with suppress(ValueError, OSError):  # more than this system allows, whatever its hard limit says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft
