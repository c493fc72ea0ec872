"""The FastAPI application, with a short way in for the routes that carry the load.

FastAPI's own way to an endpoint (a router, ten middlewares, an exit stack and a solver of dependencies) costs
more than all the rest of a prediction. A direct route is known to FastAPI, which describes it and refuses what is
not its method, but a request that matches path and method goes straight to its ASGI application.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send


class Application(FastAPI):
    """A FastAPI application with direct routes."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (FastAPI's own)
        super().__init__(**options)
        self._direct: dict[str, ASGIApp] = {}

    def add_direct_route(self, path: str, endpoint: ASGIApp, *, description: Mapping[str, Any]) -> None:
        """Let ``POST path`` be answered by ``endpoint``, which reads, answers and meets errors by itself.

        Parameters
        ----------
        path : str
            The whole path, without parameters.
        endpoint : ASGI application
            Called with a scope that no middleware has seen.
        description : mapping
            What OpenAPI says about it: the options of ``FastAPI.add_api_route``.
        """

        self.add_handed_over_route(path, endpoint, description=description)
        self._direct[path] = endpoint

    def add_handed_over_route(self, path: str, endpoint: ASGIApp, *, description: Mapping[str, Any]) -> None:
        """Let ``POST path`` be answered by ``endpoint`` after FastAPI's own way to it; ``path`` may have parameters.

        A direct route is reached so under a root path, say.
        """

        async def hand_over(_: Request) -> Response:
            return _HandedOver(endpoint)

        self.add_api_route(path, hand_over, methods=["POST"], **description)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["method"] == "POST":
            endpoint = self._direct.get(scope["path"])
            if endpoint is not None:
                await endpoint(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


class _HandedOver(Response):
    """An answer that another ASGI application gives."""

    def __init__(self, endpoint: ASGIApp) -> None:
        super().__init__()
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint(scope, receive, send)
