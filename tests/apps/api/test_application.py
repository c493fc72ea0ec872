import httpx
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from apps.api.application import Application

DESCRIPTION = {"operation_id": "greet", "summary": "Greet."}


async def greet(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


def create_app() -> Application:
    app = Application()
    app.add_direct_route("/greet", greet, description=DESCRIPTION)
    return app


async def request(app: FastAPI, method: str, path: str, *, root_path: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path)


async def test_a_direct_route_answers_by_itself() -> None:
    assert (await request(create_app(), "POST", "/greet")).text == "hello"


async def test_another_method_is_refused_as_everywhere() -> None:
    answer = await request(create_app(), "GET", "/greet")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


async def test_under_a_root_path_the_long_way_leads_there_too() -> None:
    assert (await request(create_app(), "POST", "/under/greet", root_path="/under")).text == "hello"


def test_it_is_described() -> None:
    assert create_app().openapi()["paths"]["/greet"]["post"]["operationId"] == "greet"
