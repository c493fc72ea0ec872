import pytest
from httpx import ASGITransport, AsyncClient

from bench.contenders import echo, folded, inprocess, lean_echo, microbatch
from bench.models import MODELS
from bench.trips import KNOWN
from bench.wrk import PREDICT_PATH
from core.schemas.trip import TripReply

APPS = {"echo": echo, "lean_echo": lean_echo, "inprocess": inprocess, "folded": folded, "microbatch": microbatch}
ECHOES = {"echo", "lean_echo"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", APPS)
async def test_every_contender_validates_alike_and_answers_with_the_same_fields(
    name: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "folded" and model != "linear":
        pytest.skip("trees have no folded form")
    served = MODELS[model]()
    for variable, value in served.environment.items():
        monkeypatch.setenv(variable, value)

    app = APPS[name].create_app()

    transport = ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://bench") as client:
        answer = await client.post(PREDICT_PATH, json=KNOWN)
        refusal = await client.post(PREDICT_PATH, json={**KNOWN, "PULocationID": 266})

    reply = TripReply.model_validate(answer.json())
    expected = KNOWN["trip_distance"] if name in ECHOES else served.expected_min
    assert reply.duration == pytest.approx(expected, rel=1e-12)
    assert refusal.status_code != 200
