import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.e2e.crowd import TIMEOUT_S, Answer, ask_once, encode, overload
from tests.e2e.pickles import write_team_model
from tests.e2e.problems import FIELDS
from tests.e2e.processes import Stack, create_stack
from tests.e2e.team_models import CLASS
from tests.promises import TRIES

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SECONDS = 8.0
WARM_UP_S = 2.0
"""Until the pace is known nobody is refused."""
IN_TIME = 0.9
"""The machine may do other things too, and change its pace under the prediction; `make bench-overload` measures it."""
SOONEST_S = 3
"""Only clients that are told to come back so soon do so while the overload lasts."""


Played = tuple[list[Answer], list[Answer], list[Answer]]


async def come_back(stack: Stack, name: str) -> Answer | None:
    """Ask until refused, wait as long as told, ask again; return that answer, ``None`` if never told to come so soon."""
    first = await ask_once(stack.http_port, encode(name))
    if first.status != HTTPStatus.SERVICE_UNAVAILABLE or int(first.headers["retry-after"]) > SOONEST_S:
        return None
    await asyncio.sleep(int(first.headers["retry-after"]))
    return await ask_once(stack.http_port, encode(name))


async def play(stack: Stack) -> Played:
    """Return the answers of an overload, of those who came back in it, and of some clients afterwards."""
    returned: list[Answer | None] = []

    async def obey() -> None:
        coming = []
        for number in range(30):
            coming.append(asyncio.create_task(come_back(stack, f"obeys-{number}")))
            await asyncio.sleep(0.1)
        returned.extend(await asyncio.gather(*coming))

    crowd = await overload(stack.http_port, SECONDS, then=obey)
    afterwards = [await ask_once(stack.http_port, encode(f"afterwards-{number}")) for number in range(5)]
    return crowd, [answer for answer in returned if answer is not None], afterwards


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play it for all tests: a slow model, one worker, four times what it can do.

    A machine that stalls meanwhile spoils the times: then it is played again, up to three times.
    """
    folder: Path = tmp_path_factory.mktemp("overload")
    model = {"TRIP_DURATION_MODEL": str(write_team_model(folder)), "MODEL_ALLOWED_CLASSES": CLASS}
    with create_stack(folder).running(worker=model) as stack:
        for _ in range(TRIES - 1):
            if is_in_time(crowd := asyncio.run(play(stack))):
                return crowd
        return asyncio.run(play(stack))


def test_what_cannot_be_done_in_time_is_refused_at_once(played: Played) -> None:
    crowd, _, _ = played
    refused = [answer for answer in crowd if answer.status == HTTPStatus.SERVICE_UNAVAILABLE]
    assert len(refused) > len(crowd) / 4
    for answer in refused:
        assert answer.body.keys() == FIELDS
        assert (answer.body["reply_code"], answer.body["status"]) == (103, 503)
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert answer.headers["content-type"] == "application/problem+json"
    assert refusal_s(played) < TIMEOUT_S / 4


def test_what_is_taken_is_answered_in_time(played: Played) -> None:
    taken = taken_of(played)
    assert {answer.status for answer in taken} <= {HTTPStatus.OK, HTTPStatus.GATEWAY_TIMEOUT}
    assert len(taken) > 50
    assert share_in_time(played) > IN_TIME


def test_who_comes_back_when_told_is_taken(played: Played) -> None:
    _, returned, _ = played
    assert len(returned) >= 3
    assert share_of_returned(played) >= IN_TIME


def test_once_the_crowd_is_gone_everything_is_as_before(played: Played) -> None:
    _, _, afterwards = played
    assert [answer.status for answer in afterwards] == [HTTPStatus.OK] * len(afterwards)
    assert afterwards_s(played) < TIMEOUT_S / 2


def is_in_time(played: Played) -> bool:
    """Tell whether all that the tests measure is as fast as they want it."""
    return (
        refusal_s(played) < TIMEOUT_S / 4
        and share_in_time(played) > IN_TIME
        and share_of_returned(played) >= IN_TIME
        and afterwards_s(played) < TIMEOUT_S / 2
    )


def refusal_s(played: Played) -> float:
    """Return what nine of ten refusals took at most."""
    crowd, _, _ = played
    seconds = sorted(answer.seconds for answer in crowd if answer.status == HTTPStatus.SERVICE_UNAVAILABLE)
    return seconds[int(0.9 * len(seconds))] if seconds else 0.0


def taken_of(played: Played) -> list[Answer]:
    """Return the answers to those of the crowd who were not refused, once the pace was known."""
    crowd, _, _ = played
    start = min(answer.asked_at for answer in crowd) + WARM_UP_S
    return [answer for answer in crowd if answer.status != HTTPStatus.SERVICE_UNAVAILABLE and answer.asked_at > start]


def share_in_time(played: Played) -> float:
    """Return the share of those who were taken that was answered before the deadline."""
    taken = taken_of(played)
    in_time = [answer for answer in taken if answer.status == HTTPStatus.OK and answer.seconds <= TIMEOUT_S]
    return len(in_time) / max(1, len(taken))


def share_of_returned(played: Played) -> float:
    """Return the share of those who came back as told that was taken then; none counts as none."""
    _, returned, _ = played
    taken = [answer for answer in returned if answer.status != HTTPStatus.SERVICE_UNAVAILABLE]
    return len(taken) / max(1, len(returned))


def afterwards_s(played: Played) -> float:
    """Return what the slowest answer took once the crowd was gone."""
    _, _, afterwards = played
    return max(answer.seconds for answer in afterwards)
