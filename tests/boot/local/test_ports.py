"""Ports that are free, and those that are not."""

import socket

import pytest

from boot.local.errors import LaunchError
from boot.local.ports import LOOPBACK, free_port, require_free_port


def test_a_free_port_passes() -> None:
    require_free_port(host=LOOPBACK, port=free_port(), setting="HTTP_PORT")


def test_a_port_in_use_is_one_line_that_says_what_to_do() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(LaunchError, match=f"Port {port} is in use .* make run HTTP_PORT={port + 1}") as caught:
            require_free_port(host=LOOPBACK, port=port, setting="HTTP_PORT")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_one_line(host: str) -> None:
    with pytest.raises(LaunchError, match=f"HTTP_PORT: cannot listen on {host}"):
        require_free_port(host=host, port=8182, setting="HTTP_PORT")
