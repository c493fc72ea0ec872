"""Children for the launcher's tests: tiny Python programs, and a console that can be read."""

import asyncio
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boot.local.child import ChildSpec
from boot.local.console import Console


class Screen(io.StringIO):
    """What the user sees."""

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def console(screen: Screen) -> Console:
    return Console(stream=screen, environment={})


def python(script: str, directory: Path, **options: Any) -> ChildSpec:
    """Return a child that runs ``script``."""
    options = {"name": "child", "environment": dict(os.environ), **options}
    return ChildSpec(command=(sys.executable, "-u", "-c", script), directory=directory, **options)


async def until(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)
