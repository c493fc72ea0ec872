"""TCP ports: which are free, and what to say when one is not."""

import errno
import socket

from boot.local.errors import LaunchError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free_port(*, host: str, port: int, setting: str) -> None:
    """Make sure that a server can be bound to ``host:port``.

    Parameters
    ----------
    host, port : str, int
        Where.
    setting : str
        Name of the environment variable that holds the port.

    Raises
    ------
    LaunchError
        If it cannot, with what to do about it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: a port whose last connections are still winding down is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise LaunchError(_complaint(error, host=host, port=port, setting=setting)) from error


def _complaint(error: OSError, *, host: str, port: int, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use on {host}. Stop the program that uses it, or choose another port: "
            f"make run {setting}={port + 1}"
        )
    return f"{setting}: cannot listen on {host}:{port}: {error.strerror}"
