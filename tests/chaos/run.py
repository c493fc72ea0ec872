"""Run a scenario: bring up the system, load it, inject the fault, judge every answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tests.chaos.installation import Installation, create_installation
from tests.chaos.load import Load, Tally, Trip, sample_trips
from tests.chaos.proxy import Proxy
from tests.chaos.scenarios import Scenario, Site
from tests.chaos.standstill import STILL_S, Standstill
from tests.e2e.processes import wait_until

CALM_S = 1.0
"""Before and after the fault."""


@dataclass(frozen=True)
class Report:
    """What a scenario did to the requests."""

    scenario: Scenario
    tally: Tally
    seconds: float
    standstill_s: float
    """How long nothing went on at most."""

    def failures(self) -> list[str]:
        """Return the promises that were broken."""
        tally, broken = self.tally, []
        if self._untrue:
            broken.append(f"{tally.wrong} wrong, {tally.lost} lost, {tally.right} right")
        if tally.honest_errors and not self.scenario.errors_allowed:
            broken.append(f"{tally.honest_errors} honest errors: {dict(tally.errors)}")
        if (tally.died or tally.refused) and not self.scenario.deaths_allowed:
            broken.append(f"{tally.died} connections died, {tally.refused} were refused")
        return broken

    @property
    def excused(self) -> bool:
        """Whether what failed was neither wrong nor lost, and the machine stood still for so long that it had to."""
        return bool(self.failures()) and not self._untrue and self.standstill_s > STILL_S

    @property
    def _untrue(self) -> bool:
        return bool(self.tally.wrong or self.tally.lost or not self.tally.right)


async def run_scenario(scenario: Scenario, folder: Path, *, rate: float, seconds: float) -> Report:
    """Run one scenario at ``rate`` requests/s; the fault lasts at least ``seconds``."""
    installation = create_installation(
        folder,
        proxied=scenario.proxied,
        poisoned=scenario.poisoned,
        max_rows=scenario.max_rows,
        disk_kib=scenario.disk_kib,
    )
    proxy = Proxy(port=installation.broker_port, target=installation.stack.broker.port) if scenario.proxied else None
    if proxy is not None:
        await proxy.start()
    running = installation.running()
    await asyncio.to_thread(running.__enter__)
    try:
        trips = _poison_free_trips() if scenario.poisoned else sample_trips(5000)
        site = Site(installation, seconds, proxy=proxy, poison=_poisoner(installation))
        return await _load_and_break(scenario, site, trips, rate=rate)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
        if proxy is not None:
            await proxy.stop()


async def _load_and_break(scenario: Scenario, site: Site, trips: list[Trip], *, rate: float) -> Report:
    started = time.monotonic()
    stack = site.installation.stack
    load, standstill = Load(stack.http_port, rate=rate, trips=trips), Standstill(stack.broker)
    with standstill.watched():
        loading = asyncio.create_task(load.run())
        try:
            await asyncio.sleep(CALM_S)
            await scenario.fault(site)
            await asyncio.sleep(CALM_S)
        finally:
            load.stop()
            tally = await loading
    return Report(scenario, tally, time.monotonic() - started, standstill.longest_s)


def _poison_free_trips() -> list[Trip]:
    return [Trip(130, 205, miles, 10.0 + 2.0 * miles) for miles in range(400)]


def _poisoner(installation: Installation) -> Callable[[float], Awaitable[int]]:
    async def poison(miles: float) -> int:
        def taken() -> int:
            status = installation.stack.predict(trip_distance=miles).status_code
            return 0 if status == HTTPStatus.SERVICE_UNAVAILABLE else status

        return await asyncio.to_thread(lambda: wait_until(taken, what="the row is taken"))

    return poison
