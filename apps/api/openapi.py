"""The OpenAPI document: FastAPI's own, and the schemas that routes name by reference."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from core.schemas.catalog import CATALOG
from core.schemas.problem import Problem
from core.schemas.raw_trip import RawTripRequest
from core.schemas.run import IngestRequest, PrepareRequest, RunRequest

_TEMPLATE = "#/components/schemas/{model}"


def add_openapi(app: FastAPI, *, bodies: Iterable[type[BaseModel]] = ()) -> None:
    """Let ``app.openapi()`` describe the request bodies and problems too, and further ``bodies``.

    Routes read their bodies themselves (one validation, from bytes), so that FastAPI does not see them.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            rows = (model for entry in CATALOG for model in (entry.request, entry.batch_request))
            models: list[type[BaseModel]] = [
                Problem,
                RawTripRequest,
                IngestRequest,
                PrepareRequest,
                RunRequest,
                *rows,
                *bodies,
            ]
            _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_TEMPLATE)
            document.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
            for operation in (operation for path in document["paths"].values() for operation in path.values()):
                # FastAPI's word for a wrong parameter; ours are texts, of which none is wrong.
                operation["responses"].pop("422", None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this as the way to extend it.
