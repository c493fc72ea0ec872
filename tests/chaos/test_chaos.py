"""A cut of ``make chaos``: the quick faults, some of them one after the other in one installation."""

import pytest

from tests.chaos.poison import KILLS_MILES, RAISES_MILES
from tests.chaos.run import run_scenario
from tests.chaos.scenarios import Scenario, Site, garbage, kill_broker, kill_workers, restart_web
from tests.promises import LateError, tried_thrice

SECONDS = 2.0
RATE = 100.0


async def faults_that_cost_nothing(site: Site) -> None:
    """Faults under which every request has its right answer."""
    await kill_workers(site)
    await restart_web(site)
    await garbage(site)


async def quick_poison(site: Site) -> None:
    """Send a row that raises and one that kills; one that hangs takes longer than this cut may."""
    assert site.poison is not None
    assert [await site.poison(miles) for miles in (RAISES_MILES, KILLS_MILES)] == [500, 500]
    await site.whole()


CUT = (
    Scenario(faults_that_cost_nothing),
    Scenario(kill_broker, errors_allowed=True),
    Scenario(quick_poison, poisoned=True),
)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize("scenario", CUT, ids=lambda scenario: scenario.name)
@tried_thrice
async def test_no_answer_is_wrong_or_lost_under(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> None:
    report = await run_scenario(scenario, tmp_path_factory.mktemp("chaos"), rate=RATE, seconds=SECONDS)
    if report.excused:
        raise LateError(f"nothing went on for {report.standstill_s:.1f} s: {report.failures()}")
    assert report.failures() == [], report.tally.examples
