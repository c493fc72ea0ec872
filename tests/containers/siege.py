"""One fault under a steady load: every answer is judged, and the recovery measured."""

import asyncio
import time
from dataclasses import dataclass

from tests.chaos.load import Load, Tally, Trip
from tests.containers.faults import Fault, Site
from tests.containers.recovery import Recovery, recovery


@dataclass(frozen=True, kw_only=True)
class Siege:
    """What a fault did to the requests.

    ``whole_s``: until all containers were healthy again, in seconds from when the fault began.
    """

    fault: Fault
    tally: Tally
    recovery: Recovery
    whole_s: float

    def failures(self) -> list[str]:
        """Return the promises that were broken: every request has an answer, and no answer is wrong."""
        tally, broken = self.tally, []
        if tally.wrong or tally.lost or not tally.right:
            broken.append(f"{tally.wrong} wrong, {tally.lost} lost, {tally.right} right")
        if tally.died or tally.refused:
            broken.append(f"{tally.died} connections died, {tally.refused} were refused")
        return broken

    def surprises(self) -> list[str]:
        """Return honest errors where none are expected.

        They are told, and no failure: on a busy machine an engine may stall longer than web waits for its broker.
        ``make chaos`` allows none of them, without an engine in between.
        """
        if self.fault.errors_expected or not self.tally.honest_errors:
            return []
        return [f"{self.tally.honest_errors} errors that were not expected: {dict(self.tally.errors)}"]


async def besiege(fault: Fault, site: Site, trips: list[Trip], *, rate: float, calm_s: float) -> Siege:
    """Run one fault at ``rate`` requests/s, with ``calm_s`` seconds of load alone before and after."""
    load = Load(site.project.port, rate=rate * fault.rate_share, trips=trips)
    loading = asyncio.create_task(load.run())
    try:
        await asyncio.sleep(calm_s)
        started = time.monotonic()
        await asyncio.to_thread(fault.act, site)
        whole_s = time.monotonic() - started
        await asyncio.sleep(calm_s)
    except asyncio.CancelledError:
        loading.cancel()
        raise
    finally:
        load.stop()
    tally = await loading
    return Siege(fault=fault, tally=tally, recovery=recovery(load.outcomes, fault_s=started), whole_s=whole_s)
