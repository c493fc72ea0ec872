"""What ``bench.rollout`` measures, one function a figure."""

import asyncio
import random
import resource
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import httpx

from bench.rollout_records import shadows_of, wait_until_written
from bench.rollout_rounds import CONNECTIONS, Say, in_turn
from bench.rollout_system import BENCH, KEY, ROLLBACK_COMMAND, Routed, routed_system
from bench.route_load import OK, Answer, RouteLoad
from bench.trips import generate_trips
from bench.verdict import Journal, judge, share_of, unsteady
from bench.versions import MODEL, answers_of
from core.managers.version_files import read_route
from core.utilities.errors import RouteRefusedError

REGISTERED = 20
SHARE_IDS = 5_000
ASKED_TIMES = 2
LIVE_CONNECTIONS = 32
TRIPS = 1_000
WAYS = ("desk", "http", "command")
"""To roll back."""
CALM_S = 1.0
"""Between two rollbacks: answers before and after."""


def measure_throughput(*, rounds: int, seconds: int, say: Say) -> dict[str, Any]:
    """Measure one version against three of twenty, and look at what the three answered."""
    seen: dict[str, Any] = {}

    def look(routed: Routed, requests: int) -> None:
        records = wait_until_written(routed.records_dir, routed.running.broker_url)
        # The warm-up is recorded too, and nobody counted it: the requests that were measured are a lower limit.
        shadows = shadows_of(records, answered=requests)
        say(f"  under load: {shadows}, dropped {shadows.dropped}")
        seen["under_load"] = asdict(shadows) | {"dropped": shadows.dropped}
        seen["closely"] = look_closely(routed, say)

    systems = {"one": lambda: routed_system(versions=1), "three": lambda: routed_system(versions=REGISTERED)}
    found = in_turn(systems, rounds=rounds, seconds=seconds, say=say, then=look)
    return {**found.as_json(), **seen}


def look_closely(routed: Routed, say: Say) -> dict[str, Any]:
    """Ask with many request ids, each more than once, and account for each answer."""
    ids = [f"close-{number}" for number in range(SHARE_IDS)]
    load = RouteLoad(port=routed.port, trips=generate_trips(TRIPS), connections=CONNECTIONS, ids=ids * ASKED_TIMES)
    answers = asyncio.run(load.run())
    good = [answer for answer in answers if answer.status == OK]
    canary = routed.versions[1]
    asked = {answer.request_id: answer.version for answer in good}
    share = share_of(sum(version == canary for version in asked.values()), len(asked))
    records = wait_until_written(routed.records_dir, routed.running.broker_url)
    shadows = shadows_of(records, answered=len(good), transactions={answer.transaction_id for answer in good})
    said = {
        "answers": len(answers),
        "failed": len(answers) - len(good),
        "ids": len(asked),
        "canary_share": asdict(share),
        "unsteady": unsteady([(answer.request_id, answer.version) for answer in good]),
        "shadows": asdict(shadows) | {"dropped": shadows.dropped},
    }
    say(f"  each answer: {said}")
    return said


def measure_changes(*, changes: int, pause_s: float, say: Say) -> dict[str, Any]:
    """Change the route under load, and judge each answer."""
    with routed_system(versions=REGISTERED) as routed:
        trips = generate_trips(TRIPS)
        load = RouteLoad(port=routed.port, trips=trips, connections=LIVE_CONNECTIONS)
        journal, seconds = Journal(), list[float]()
        journal.note([routed.versions[0]], called_at=0.0, done_at=0.0)

        async def change() -> None:
            async with load.beside():
                for step in steps(routed, changes):
                    await asyncio.sleep(pause_s)
                    called_at = time.monotonic()
                    await asyncio.to_thread(step)
                    done_at = time.monotonic()
                    seconds.append(done_at - called_at)
                    journal.note(read_route(routed.models_dir, MODEL).answering, called_at=called_at, done_at=done_at)
                await asyncio.sleep(pause_s)

        asyncio.run(change())
        verdict = judge(load.answers, journal, answers_of(routed.models_dir, routed.versions, trips))
    say(f"{verdict}; a change took {statistics.median(seconds):.3f} s, at most {max(seconds):.3f} s")
    for example in examples(load.answers):
        say(f"  {example}")
    return {"changes": changes, "pause_s": pause_s, **asdict(verdict), "change_s": _spread(seconds)}


def examples(answers: Sequence[Answer]) -> list[str]:
    """Return the first answers that failed, for whoever looks for the reason."""
    return [str(answer) for answer in answers if answer.status != OK][:5]


def steps(routed: Routed, count: int) -> Iterator[Callable[[], object]]:
    """Yield changes of every kind, the same ones each time."""
    draw = random.Random(count)  # noqa: S311 (no secret)
    for _ in range(count):
        route = read_route(routed.models_dir, MODEL)
        others = [version for version in routed.versions if version not in route.versions]
        version, share = draw.choice(others), draw.choice((0.1, 0.3, 0.5))
        kinds = [
            partial(routed.desk.deploy, MODEL, version, **BENCH),
            partial(routed.desk.canary, MODEL, version, share, **BENCH),
            partial(routed.desk.shadow, MODEL, version, **BENCH),
        ]
        if route.canary is not None:
            going_on = (routed.desk.promote, routed.desk.stop_canary, routed.desk.rollback)
            kinds += [partial(step, MODEL, **BENCH) for step in going_on]
        yield draw.choice(kinds)


def measure_rollbacks(*, count: int, say: Say, only: Sequence[str] = WAYS) -> dict[str, Any]:
    """Roll back under load, in each way that is asked for; the time from the call to the last old answer."""
    with routed_system(versions=REGISTERED) as routed:
        ways: dict[str, Callable[[], object]] = {
            "desk": partial(routed.desk.rollback, MODEL, **BENCH),
            "http": partial(ask_for_rollback, routed.port),
            "command": partial(run_rollback, routed.env),
        }
        return {
            name: roll_back_often(routed, partial(asyncio.to_thread, way), name=name, count=count, say=say)
            for name, way in ways.items()
            if name in only
        }


def roll_back_often(
    routed: Routed, roll_back: Callable[[], Awaitable[object]], *, name: str, count: int, say: Say
) -> dict[str, Any]:
    """Deploy and roll back ``count`` times under load; return the times of the call, and until the last old answer."""
    load = RouteLoad(port=routed.port, trips=generate_trips(TRIPS), connections=CONNECTIONS)
    last_old_s, call_s, command_cpu_s = [], [], []
    champion, other = routed.versions[:2]

    async def repeat() -> None:
        async with load.beside():
            for _ in range(count):
                await asyncio.to_thread(routed.desk.deploy, MODEL, other, **BENCH)
                await asyncio.sleep(CALM_S)
                seen, called_at, spent_s = len(load.answers), time.monotonic(), _ended_commands_cpu_s()
                await roll_back()
                call_s.append(time.monotonic() - called_at)
                command_cpu_s.append(_ended_commands_cpu_s() - spent_s)
                await asyncio.sleep(CALM_S)
                old = [answer.given_at for answer in load.answers[seen:] if answer.version == other]
                last_old_s.append(max(old, default=called_at) - called_at)
                if load.answers[-1].version != champion:
                    raise RouteRefusedError(f"{load.answers[-1].version} still answers after a rollback")

    asyncio.run(repeat())
    failed = sum(answer.status != OK for answer in load.answers)
    said = {
        "last_old_s": _spread(last_old_s),
        "call_s": _spread(call_s),
        "command_cpu_s": _spread(command_cpu_s),
        "answers": len(load.answers),
        "failed": failed,
    }
    say(f"  {count} rollbacks by {name}: {said}")
    return said


def ask_for_rollback(port: int) -> None:
    """Roll back by a request to the web processes that the load keeps busy."""
    url = f"http://127.0.0.1:{port}/v1/models/{MODEL}/route/rollback"
    httpx.post(url, json=BENCH, headers={"X-API-Key": KEY}, timeout=30).raise_for_status()


def run_rollback(env: Mapping[str, str]) -> None:
    """Roll back by the command."""
    subprocess.run(ROLLBACK_COMMAND, env=env, capture_output=True, check=True)  # noqa: S603 (ours)


def measure_recording(*, rounds: int, seconds: int, say: Say) -> dict[str, Any]:
    """Measure what recording every prediction costs."""
    systems = {
        "unrecorded": lambda: routed_system(versions=1),
        "recorded": lambda: routed_system(versions=1, record_share=1.0),
    }
    recorded: list[int] = []

    def count(routed: Routed, requests: int) -> None:
        rows = wait_until_written(routed.records_dir, routed.running.broker_url).height
        recorded.append(rows)
        say(f"  {rows} rows in the files, {requests} answers measured")

    found = in_turn(systems, rounds=rounds, seconds=seconds, say=say, then=count)
    return {**found.as_json(), "rows_in_files": recorded}


def _ended_commands_cpu_s() -> float:
    """Return the processor time of all child processes that have ended, which the system under load has not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(seconds), "max": max(seconds)}
