import re

import pytest

from core.schemas.catalog import CATALOG, TRIP_DURATION, CatalogEntry


def test_the_names_of_the_trip_model_are_those_of_the_contract() -> None:
    assert TRIP_DURATION.queue == "tasks.trip"
    assert TRIP_DURATION.quarantine_queue == "tasks.trip.quarantine"
    assert TRIP_DURATION.predict_rows_task == "tasks.trip.tasks.predict_rows"
    assert TRIP_DURATION.features == ("PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")


def test_no_two_models_share_a_name() -> None:
    for attribute in ("model", "resource", "handler"):
        names = [getattr(entry, attribute) for entry in CATALOG]
        assert len(set(names)) == len(names), attribute


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: str(entry.model))
def test_a_request_is_the_row_an_id_and_perhaps_a_version(entry: CatalogEntry) -> None:
    assert issubclass(entry.request, entry.row)
    assert set(entry.request.model_fields) - set(entry.row.model_fields) == {"request_id", "model_version"}


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: str(entry.model))
def test_the_output_is_a_number_of_the_reply(entry: CatalogEntry) -> None:
    assert entry.reply.model_fields[entry.output].annotation is float


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: str(entry.model))
def test_a_name_can_be_a_folder_and_a_url(entry: CatalogEntry) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", entry.model)
    assert re.fullmatch(r"[a-z][a-z0-9-]*", entry.resource)
