"""A child process is kept alive, shown and ended."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from boot.local.child import Child, ChildSpec, describe_exit
from boot.local.console import Console
from boot.local.errors import LaunchError
from tests.boot.local.conftest import Screen, python, until
from tests.boot.processes import alive
from tests.promises import check_time, tried_thrice

WAIT = "import signal\nprint('up')\nsignal.pause()"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\nwhile True: signal.pause()"
PARENT = """
import os, signal, subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(grandchild.pid)
signal.pause()
"""


@asynccontextmanager
async def running(spec: ChildSpec, console: Console) -> AsyncIterator[Child]:
    child = Child(spec, console=console)
    task = asyncio.create_task(child.keep_alive())
    try:
        yield child
    finally:
        child.stop()
        async with asyncio.timeout(60):
            await task


async def test_lines_of_both_streams_are_shown_under_the_childs_name(
    tmp_path: Path, console: Console, screen: Screen
) -> None:
    script = "import sys, signal\nprint('out')\nsys.stderr.write('err\\n')\nsignal.pause()"
    async with running(python(script, tmp_path, name="worker-1"), console):
        await until(lambda: len(screen.lines()) == 2)

    assert screen.lines() == ["worker-1 | out", "worker-1 | err"]


async def test_a_line_longer_than_the_buffer_and_one_without_end_are_shown(
    tmp_path: Path, console: Console, screen: Screen
) -> None:
    async with running(python("import sys; sys.stdout.write('x' * 3_000_000)", tmp_path), console):
        await until(lambda: screen.getvalue().count("x") >= 3_000_000)


async def test_a_killed_child_is_back_at_once(tmp_path: Path, console: Console, screen: Screen) -> None:
    async with running(python(WAIT, tmp_path), console) as child:
        await until(lambda: screen.getvalue().count("| up") == 1)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: screen.getvalue().count("| up") == 2)
        assert child.pid != first

    assert "child was killed by SIGKILL; starting it again at once" in screen.getvalue()


async def test_a_child_that_keeps_dying_waits_between_starts(tmp_path: Path, console: Console, screen: Screen) -> None:
    async with running(python("raise SystemExit(3)", tmp_path), console):
        await until(lambda: screen.getvalue().count("exited with status 3") >= 3)

    assert [line.rpartition("again ")[2] for line in screen.lines()[:3]] == ["at once", "in 0.5 s", "in 1 s"]


async def test_a_child_that_may_die_so_often_is_given_up_with_its_last_line(tmp_path: Path, console: Console) -> None:
    child = Child(python("raise SystemExit('no model')", tmp_path), console=console)
    child.attempts = 2

    with pytest.raises(LaunchError, match="child died 2 times in a row at its start: no model"):
        await child.keep_alive()


async def test_stopping_lets_the_child_finish(tmp_path: Path, console: Console, screen: Screen) -> None:
    script = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')))\nprint('up')\nsignal.pause()"
    async with running(python(script, tmp_path), console):
        await until(lambda: "up" in screen.getvalue())

    assert screen.lines()[-1].endswith("| bye")


@tried_thrice
async def test_a_child_that_does_not_stop_is_killed_after_its_grace(
    tmp_path: Path, console: Console, screen: Screen
) -> None:
    shown = screen.getvalue().count("up")
    async with running(python(STUBBORN, tmp_path, grace_s=0.3), console) as child:
        await until(lambda: screen.getvalue().count("up") > shown)
        started = time.monotonic()
    assert child.pid is not None
    assert not alive(child.pid)
    took_s = time.monotonic() - started
    assert took_s >= 0.3
    check_time(took_s, 5, what="the end")


async def test_a_second_request_to_stop_needs_no_grace(tmp_path: Path, console: Console, screen: Screen) -> None:
    async with running(python(STUBBORN, tmp_path, grace_s=60), console) as child:
        await until(lambda: "up" in screen.getvalue())
        child.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_dead_child_had_started_dies_with_it(
    tmp_path: Path, console: Console, screen: Screen, number: int
) -> None:
    async with running(python(PARENT, tmp_path), console) as child:
        await until(screen.lines)
        grandchild = int(screen.lines()[0].rpartition(" ")[2])
        assert child.pid is not None
        os.kill(child.pid, number)
        await until(lambda: not alive(grandchild))


@tried_thrice
async def test_a_child_that_waits_for_its_restart_stops_at_once(
    tmp_path: Path, console: Console, screen: Screen
) -> None:
    shown = screen.getvalue().count("again in 2 s")
    async with running(python("raise SystemExit(1)", tmp_path), console):
        await until(lambda: screen.getvalue().count("again in 2 s") > shown)
        started = time.monotonic()
    check_time(time.monotonic() - started, 1.5, what="the end")


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path, console: Console) -> None:
    spec = ChildSpec(name="broker", command=("no-such-program",), directory=tmp_path, environment={"PATH": "/nowhere"})
    child = Child(spec, console=console)
    child.attempts = 1

    with pytest.raises(LaunchError, match="cannot start no-such-program"):
        await child.keep_alive()


async def test_a_folder_that_does_not_exist_is_a_death_like_others(tmp_path: Path, console: Console) -> None:
    child = Child(python("", tmp_path / "gone"), console=console)
    child.attempts = 1

    with pytest.raises(LaunchError, match="cannot be started: No such file"):
        await child.keep_alive()


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "exited with status 0"), (-15, "was killed by SIGTERM"), (-60, "was killed by signal 60")],
)
def test_an_exit_is_described(status: int, words: str) -> None:
    assert describe_exit(status) == words
