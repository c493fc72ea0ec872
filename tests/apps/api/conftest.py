"""The web application in this process, with a broker that cannot be reached."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from apps.api.main import create_app
from config import Settings

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def app(empty_folder: Path) -> FastAPI:
    return create_app(Settings(celery_broker_url=NOWHERE, celery_result_backend=NOWHERE, data_dir=empty_folder))


@asynccontextmanager
async def calling(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run the lifespan of ``app`` and yield a client of it."""

    async def with_state(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 (ASGI)
        await app(scope | {"state": dict(state or {})}, receive, send)

    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
