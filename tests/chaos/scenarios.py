"""The faults, each for as many seconds as it is given, while the load goes on."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import psutil
import redis

from core.managers.dead_letters import COUNT_KEY
from tests.chaos.installation import Installation
from tests.chaos.poison import HANGS_MILES, KILLS_MILES, RAISES_MILES
from tests.chaos.proxy import Proxy
from tests.e2e.processes import wait_until

KIBIBYTE = 1024
FULL_DISK_KIB = 64

Fault = Callable[["Site"], Awaitable[None]]


@dataclass
class Site:
    """Where a fault happens, and for how long."""

    installation: Installation
    seconds: float
    proxy: Proxy | None = None
    poison: Callable[[float], Awaitable[int]] | None = None

    async def whole(self) -> None:
        """Wait until everything is up again."""
        await asyncio.to_thread(self.installation.wait_until_whole)

    def rounds(self) -> "Rounds":
        """Iterate until the time is over."""
        return Rounds(time.monotonic() + self.seconds)


@dataclass
class Rounds:
    """An iterator over the rounds of a fault."""

    end: float
    count: int = 0

    def __iter__(self) -> "Rounds":
        return self

    def __next__(self) -> int:
        if self.count and time.monotonic() >= self.end:
            raise StopIteration
        self.count += 1
        return self.count


async def kill_workers(site: Site) -> None:
    """SIGKILL one of the workers in mid-batch, again and again."""
    for _ in site.rounds():
        site.installation.kill_worker()
        await asyncio.sleep(1.2)
        await site.whole()
        await asyncio.sleep(0.5)


async def kill_all_workers(site: Site) -> None:
    """SIGKILL all workers at once."""
    for _ in site.rounds():
        for pid in site.installation.workers():
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(1.2)
        await site.whole()
        await asyncio.sleep(0.5)


async def stop_workers(site: Site) -> None:
    """SIGSTOP a worker for five seconds."""
    for _ in site.rounds():
        pid = site.installation.kill_worker(signal.SIGSTOP)
        await asyncio.sleep(5)
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(1.5)
        await site.whole()


async def restart_workers(site: Site) -> None:
    """SIGTERM one worker after the other; the launcher starts new ones."""
    for _ in site.rounds():
        pid = site.installation.kill_worker(signal.SIGTERM)
        await _until(partial(_is_gone, site, pid))
        await site.whole()


async def recycle_workers(site: Site) -> None:
    """Let workers retire after some thousand rows; the launcher starts successors before they go."""
    started = set(site.installation.workers())
    for _ in site.rounds():
        await asyncio.sleep(1)
    await _until(lambda: not started & set(site.installation.workers()))


async def restart_web(site: Site) -> None:
    """SIGHUP gunicorn: new web processes come, the old ones drain."""
    for _ in site.rounds():
        master = site.installation.web_master()
        old = {child.pid for child in master.children()}
        master.send_signal(signal.SIGHUP)
        await _until(partial(_are_gone, master, old))
        await site.whole()


async def _until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(lambda: wait_until(condition))


def _is_gone(site: Site, worker: int) -> bool:
    return worker not in site.installation.workers()


def _are_gone(master: psutil.Process, processes: set[int]) -> bool:
    return not processes & {child.pid for child in master.children()}


async def kill_web(site: Site) -> None:
    """SIGKILL a web process behind gunicorn."""
    for _ in site.rounds():
        master = site.installation.web_master()
        master.children()[0].kill()
        await asyncio.sleep(2)
        await site.whole()


async def stop_web(site: Site) -> None:
    """SIGSTOP the web processes for one and a half seconds, and for five: what came in time counts, however late it is seen."""
    for count in site.rounds():
        processes = site.installation.web_master().children()
        for process in processes:
            process.suspend()
        await asyncio.sleep(1.5 if count % 2 else 5)
        for process in processes:
            process.resume()
        await asyncio.sleep(1.5)
        await site.whole()


async def kill_broker(site: Site) -> None:
    """SIGKILL the broker and start it with its append-only file."""
    await _kill_broker(site, forget=False)


async def empty_broker(site: Site) -> None:
    """SIGKILL the broker and start it with nothing."""
    await _kill_broker(site, forget=True)


async def _kill_broker(site: Site, *, forget: bool) -> None:
    for _ in site.rounds():
        site.installation.kill_broker(forget=forget)
        await asyncio.sleep(1)
        await asyncio.to_thread(site.installation.start_broker)
        await site.whole()
        await asyncio.sleep(2)


async def bad_network(site: Site) -> None:
    """Delay, reset and silently drop what passes between everybody and the broker."""
    assert site.proxy is not None
    for _ in site.rounds():
        site.proxy.delay_s = 0.02
        await asyncio.sleep(2)
        site.proxy.delay_s = 0.0
        site.proxy.reset()
        await asyncio.sleep(3)
        site.proxy.dropping = True
        await asyncio.sleep(6)
        site.proxy.dropping = False
        site.proxy.reset()
        await site.whole()
        await asyncio.sleep(2)


async def garbage(site: Site) -> None:
    """Push what is no message into the queue, and publish what is no result."""
    with site.installation.stack.broker.client() as client:
        for count in site.rounds():
            _push_garbage(client, huge=count == 1)
            await asyncio.sleep(0.2)
        await _until(lambda: int(client.get(COUNT_KEY) or 0) > 0)


def _push_garbage(client: redis.Redis, *, huge: bool) -> None:
    client.lpush("tasks.trip", b"garbage", b"[]", b'{"properties": {}}', b"\x80\x04N.")
    client.publish("celery-task-meta-garbage", b"\xff")
    for channel in client.pubsub_channels():
        client.publish(channel, b"garbage")
    if huge:
        client.lpush("tasks.trip", b"x" * 50_000_000)


async def full_disk(site: Site) -> None:
    """Let no log file grow beyond 64 KiB, as if the disk were full; nothing but lines may be lost."""
    for _ in site.rounds():
        await asyncio.sleep(1)
    logs = site.installation.stack.folder.joinpath("logs").rglob("*.jsonl")
    assert any(log.stat().st_size >= FULL_DISK_KIB * KIBIBYTE - KIBIBYTE for log in logs)


async def poison(site: Site) -> None:
    """Send rows that raise, hang, and kill the process, among the others."""
    assert site.poison is not None
    for _ in site.rounds():
        statuses = [await site.poison(miles) for miles in (RAISES_MILES, KILLS_MILES, HANGS_MILES)]
        assert statuses == [500, 500, 500], statuses
        await site.whole()


async def everything(site: Site) -> None:
    """Kill workers, web processes and the broker in turn."""
    for count in site.rounds():
        site.installation.kill_worker()
        if count % 2:
            site.installation.web_master().children()[0].kill()
        if not count % 3:
            site.installation.kill_broker()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(site.installation.start_broker)
        await asyncio.sleep(1.2)
        await site.whole()


@dataclass(frozen=True)
class Scenario:
    """A fault, and what it may cost: honest errors, or connections of a killed web process."""

    fault: Fault
    errors_allowed: bool = False
    deaths_allowed: bool = False
    proxied: bool = False
    poisoned: bool = False
    max_rows: int = 0
    disk_kib: int = 0

    @property
    def name(self) -> str:
        """Name of the fault."""
        return self.fault.__name__


SCENARIOS = (
    Scenario(kill_workers),
    Scenario(kill_all_workers),
    Scenario(stop_workers),
    Scenario(restart_workers),
    Scenario(recycle_workers, max_rows=1000),
    Scenario(restart_web),
    Scenario(kill_web, deaths_allowed=True),
    Scenario(stop_web),
    Scenario(kill_broker, errors_allowed=True),
    Scenario(empty_broker, errors_allowed=True),
    Scenario(bad_network, errors_allowed=True, proxied=True),
    Scenario(garbage),
    Scenario(full_disk, disk_kib=FULL_DISK_KIB),
    Scenario(poison, poisoned=True),
    Scenario(everything, errors_allowed=True, deaths_allowed=True),
)
