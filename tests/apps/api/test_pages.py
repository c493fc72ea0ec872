import re

import httpx
import pytest
from fastapi import FastAPI

from apps.api.pages import create_app_with_pages


async def get(app: FastAPI, path: str, *, root_path: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_a_page_names_no_other_host_and_may_ask_none(path: str) -> None:
    page = await get(create_app_with_pages(), path)

    assert page.status_code == 200
    assert not re.search("https?://", page.text)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_what_a_page_loads_is_there(path: str) -> None:
    app = create_app_with_pages()
    assets = re.findall(r'(?:src|href)="([^"]+)"', (await get(app, path)).text)

    assert any(asset.endswith(".js") for asset in assets)
    for asset in assets:
        assert (await get(app, asset)).status_code == 200, asset


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_behind_a_proxy_a_page_loads_from_below_its_prefix(path: str) -> None:
    page = await get(create_app_with_pages(), f"/trips{path}", root_path="/trips")

    links = re.findall(r'(?:src|href|spec-url)="(/[^"]+)"', page.text)
    assert links
    assert all(link.startswith("/trips/") for link in links)
    assert "/trips/openapi.json" in page.text


@pytest.mark.parametrize("root", ["", "/trips"])
async def test_who_asks_for_no_page_is_led_to_the_documentation(root: str) -> None:
    answer = await get(create_app_with_pages(), f"{root}/", root_path=root)

    assert answer.is_redirect
    assert answer.headers["Location"] == f"{root}/docs"
