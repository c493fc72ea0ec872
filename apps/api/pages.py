"""``/docs``, where ``/`` leads too, and ``/redoc``: pages for people, which load nothing from any other host."""

from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from apps.api.application import Application

ASSETS = "/static-offline-docs"
"""Where the scripts and styles are that ``fastapi-offline`` carries."""

OWN_HOST_ONLY = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:"
    )
}
"""The scripts themselves name other hosts (ReDoc's its logo); with this the browser does not ask them."""


def create_app_with_pages(**options: Any) -> Application:  # noqa: ANN401 (FastAPI's own)
    """Return an application with its pages; ``options`` are FastAPI's."""
    app = Application(docs_url=None, redoc_url=None, **options)
    app.mount(ASSETS, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))

    @app.get("/", include_in_schema=False)
    async def home(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            title=app.title,
            openapi_url=f"{root}{app.openapi_url}",
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
        )
        return _own_host_only(page)

    @app.get("/redoc", include_in_schema=False)
    async def redoc(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_redoc_html(
            title=app.title,
            openapi_url=f"{root}{app.openapi_url}",
            redoc_js_url=f"{root}{ASSETS}/redoc.standalone.js",
            redoc_favicon_url=f"{root}{ASSETS}/favicon.png",
            with_google_fonts=False,
        )
        return _own_host_only(page)

    return app


def _own_host_only(page: HTMLResponse) -> HTMLResponse:
    page.headers.update(OWN_HOST_ONLY)
    return page
