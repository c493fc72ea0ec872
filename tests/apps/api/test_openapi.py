from typing import Any

import pytest
from fastapi import FastAPI

from core.schemas.catalog import CATALOG, CatalogEntry

STATUSES = {"200", "400", "404", "405", "413", "415", "500", "503", "504"}


def operation(app: FastAPI, entry: CatalogEntry) -> dict[str, Any]:
    described: dict[str, Any] = app.openapi()["paths"][f"/v1/{entry.resource}/predict"]["post"]
    return described


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: str(entry.model))
def test_every_status_of_a_prediction_is_described(app: FastAPI, entry: CatalogEntry) -> None:
    responses = operation(app, entry)["responses"]

    assert set(responses) == STATUSES
    for status in STATUSES - {"200"}:
        assert responses[status]["content"].keys() == {"application/problem+json"}, status


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: str(entry.model))
def test_the_body_has_an_example_that_is_valid(app: FastAPI, entry: CatalogEntry) -> None:
    schema = app.openapi()["components"]["schemas"][entry.request.__name__]

    assert schema["examples"]
    for example in schema["examples"]:
        entry.request.model_validate(example)


def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}

    assert names
    assert names <= set(document["components"]["schemas"])


def test_every_operation_has_an_id_of_its_own(app: FastAPI) -> None:
    ids = [described["operationId"] for path in app.openapi()["paths"].values() for described in path.values()]

    assert len(set(ids)) == len(ids)
