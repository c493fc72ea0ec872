import asyncio
import random
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.e2e.crowd import LONGEST_S, ROW_S, Answer, Client, ask_once, connected, encode, overload
from tests.e2e.pickles import write_team_model
from tests.e2e.processes import Stack, create_stack
from tests.e2e.team_models import CLASS

pytestmark = pytest.mark.e2e
SECONDS = 4.0


async def ask_until(client: Client, name: str, *, early: bool) -> Answer:
    """Ask on one connection, each time as somebody else, until refused before or after the request was read."""
    number = 0
    while True:
        number += 1
        answer = await client.ask(encode(f"{name}-{number}", escaped=not early))
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.early is early:
            assert answer.body["request_id"] == answer.headers["x-request-id"] == f"{name}-{number}"
            return answer
        # At no fixed time after an answer: just then there is room for those who come at once.
        await asyncio.sleep(random.uniform(0.0, 10 * ROW_S))  # noqa: S311


async def play(stack: Stack) -> tuple[list[Answer], list[Answer]]:
    """Return the refusals of one connection in an overload, early and not in turns, and its answer afterwards."""
    async with connected(stack.http_port) as client:
        refusals: list[Answer] = []

        async def be_refused() -> None:
            async with asyncio.timeout(LONGEST_S):
                for early in (True, True, False, True, False, False):
                    refusals.append(await ask_until(client, f"turn{len(refusals)}", early=early))

        crowd = await overload(stack.http_port, SECONDS, then=be_refused)
        assert any(answer.early for answer in crowd if answer.status == HTTPStatus.SERVICE_UNAVAILABLE)
        await ask_once(stack.http_port, encode("last of the crowd"))
        afterwards = [await client.ask(encode(f"afterwards-{number}")) for number in range(2)]
    return refusals, afterwards


@pytest.mark.slow
def test_early_refusals_look_like_usual_ones_and_the_connection_lives_on(tmp_path: Path) -> None:
    model = {"TRIP_DURATION_MODEL": str(write_team_model(tmp_path)), "MODEL_ALLOWED_CLASSES": CLASS}
    with create_stack(tmp_path).running(worker=model) as stack:
        refusals, afterwards = asyncio.run(play(stack))

    assert [refusal.early for refusal in refusals] == [True, True, False, True, False, False]
    early, usual = refusals[0], refusals[2]
    assert list(early.headers) == list(usual.headers) or set(early.headers) == set(usual.headers)
    assert early.headers["content-type"] == usual.headers["content-type"]
    assert early.body | {"request_id": None} == usual.body | {"request_id": None}
    assert {int(refusal.headers["retry-after"]) for refusal in refusals} <= set(range(1, 11))
    assert [answer.status for answer in afterwards] == [HTTPStatus.OK] * 2
