import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.e2e.crowd import TIMEOUT_S, Answer, ask_once, encode, overload
from tests.e2e.pickles import write_team_model
from tests.e2e.problems import FIELDS
from tests.e2e.processes import Stack, create_stack
from tests.e2e.team_models import CLASS

pytestmark = pytest.mark.e2e
SECONDS = 8.0
WARM_UP_S = 2.0
"""Until the pace is known nobody is refused."""
IN_TIME = 0.9
"""The machine may do other things too, and change its pace under the prediction; `make bench-overload` measures it."""
SOONEST_S = 3
"""Only clients that are told to come back so soon do so while the overload lasts."""


async def come_back(stack: Stack, name: str) -> Answer | None:
    """Ask until refused, wait as long as told, ask again; return that answer, ``None`` if never told to come so soon."""
    first = await ask_once(stack.http_port, encode(name))
    if first.status != HTTPStatus.SERVICE_UNAVAILABLE or int(first.headers["retry-after"]) > SOONEST_S:
        return None
    await asyncio.sleep(int(first.headers["retry-after"]))
    return await ask_once(stack.http_port, encode(name))


async def play(stack: Stack) -> tuple[list[Answer], list[Answer], list[Answer]]:
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
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Answer], list[Answer], list[Answer]]:
    """Play it once for all tests: a slow model, one worker, four times what it can do."""
    folder: Path = tmp_path_factory.mktemp("overload")
    model = {"TRIP_DURATION_MODEL": str(write_team_model(folder)), "MODEL_ALLOWED_CLASSES": CLASS}
    with create_stack(folder).running(worker=model) as stack:
        return asyncio.run(play(stack))


Played = tuple[list[Answer], list[Answer], list[Answer]]


def test_what_cannot_be_done_in_time_is_refused_at_once(played: Played) -> None:
    crowd, _, _ = played
    refused = [answer for answer in crowd if answer.status == HTTPStatus.SERVICE_UNAVAILABLE]
    assert len(refused) > len(crowd) / 4
    for answer in refused:
        assert answer.body.keys() == FIELDS
        assert (answer.body["reply_code"], answer.body["status"]) == (103, 503)
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert answer.headers["content-type"] == "application/problem+json"
    seconds = sorted(answer.seconds for answer in refused)
    assert seconds[int(0.9 * len(seconds))] < TIMEOUT_S / 4


def test_what_is_taken_is_answered_in_time(played: Played) -> None:
    crowd, _, _ = played
    start = min(answer.asked_at for answer in crowd)
    taken = [
        answer
        for answer in crowd
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE and answer.asked_at > start + WARM_UP_S
    ]
    in_time = [answer for answer in taken if answer.status == HTTPStatus.OK and answer.seconds <= TIMEOUT_S]
    assert {answer.status for answer in taken} <= {HTTPStatus.OK, HTTPStatus.GATEWAY_TIMEOUT}
    assert len(taken) > 50
    assert len(in_time) > IN_TIME * len(taken)


def test_who_comes_back_when_told_is_taken(played: Played) -> None:
    _, returned, _ = played
    assert len(returned) >= 3
    taken = [answer for answer in returned if answer.status != HTTPStatus.SERVICE_UNAVAILABLE]
    assert len(taken) >= 0.9 * len(returned)


def test_once_the_crowd_is_gone_everything_is_as_before(played: Played) -> None:
    _, _, afterwards = played
    assert [answer.status for answer in afterwards] == [HTTPStatus.OK] * len(afterwards)
    assert max(answer.seconds for answer in afterwards) < TIMEOUT_S / 2
