import inspect
import re
from http import HTTPStatus

import pytest

from apps.api import errors as api_errors
from apps.api.errors import KINDS, RequestError, describe
from config import ROOT
from core.utilities import errors as core_errors
from core.utilities.errors import TripcastError

NEVER_DURING_A_REQUEST: dict[type[TripcastError], str] = {
    core_errors.TripcastError: "a root, never raised itself",
    core_errors.ResumeError: "bulk scoring runs from the command line",
    api_errors.RequestError: "a root, never raised itself",
    core_errors.SettingsError: "settings are read before the web server listens",
    core_errors.DataError: "raised while training",
    core_errors.DataQualityError: "raised while training",
    core_errors.EvaluationGateError: "raised while training",
    core_errors.RunInterruptedError: "raised while training",
    core_errors.DownloadError: "raised while training",
    core_errors.ModelBudgetError: "raised while a worker loads a version",
    core_errors.ArtifactStoreError: "no request waits for the storage of versions",
    core_errors.NotStoredError: "no request waits for the storage of versions",
    core_errors.DeviceError: "raised while a worker looks for a GPU; a failing one is a batch for the CPU",
    core_errors.ForbiddenClassError: "raised while a worker loads a model",
    core_errors.GoldenRowsError: "raised while a worker loads a model",
    core_errors.FeatureError: "raised in a worker; reaches the web process as the code of a row",
    core_errors.WireError: "the queue client makes a PredictionError of it",
}

CONTRACT = {
    HTTPStatus.BAD_REQUEST: 100,
    HTTPStatus.UNAUTHORIZED: 102,
    HTTPStatus.NOT_FOUND: 100,
    HTTPStatus.CONFLICT: 100,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 100,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 100,
    HTTPStatus.INTERNAL_SERVER_ERROR: 101,
    HTTPStatus.SERVICE_UNAVAILABLE: 103,
    HTTPStatus.GATEWAY_TIMEOUT: 1,
}


def error_classes() -> list[type[TripcastError]]:
    """Return every error class of the project that is written down beside a status or in the core."""
    return [
        member
        for module in (core_errors, api_errors)
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, TripcastError)
    ]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: str(error.__name__))
def test_an_error_has_a_status_or_a_reason_why_none(error: type[TripcastError]) -> None:
    assert (error in KINDS) != (error in NEVER_DURING_A_REQUEST)


def test_all_errors_are_written_in_one_place_each() -> None:
    def below(root: type[TripcastError]) -> set[type[TripcastError]]:
        return {root}.union(*(below(child) for child in root.__subclasses__()))

    served = {error for error in below(TripcastError) if error.__module__.startswith(("core.", "apps.api"))}

    assert served == set(error_classes())


@pytest.mark.parametrize("error", KINDS, ids=lambda error: str(error.__name__))
def test_a_status_has_the_reply_code_of_the_contract(error: type[TripcastError]) -> None:
    assert KINDS[error].reply_code == CONTRACT[KINDS[error].status]


def test_each_kind_of_problem_has_a_type_of_its_own() -> None:
    assert len({kind.urn for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("error", [error for error in KINDS if KINDS[error].status is HTTPStatus.SERVICE_UNAVAILABLE])
def test_a_503_says_when_to_come_back(error: type[TripcastError]) -> None:
    assert int(KINDS[error].headers["Retry-After"]) >= 1


@pytest.mark.parametrize("error", [error for error in KINDS if issubclass(error, RequestError)])
def test_a_fault_of_the_caller_is_a_4xx(error: type[TripcastError]) -> None:
    assert 400 <= KINDS[error].status < 500


@pytest.mark.parametrize("error", KINDS, ids=lambda error: str(error.__name__))
def test_the_type_of_each_problem_is_documented(error: type[TripcastError]) -> None:
    documented = re.findall(r"`([a-z-]+)`", (ROOT / "docs" / "http.md").read_text())
    assert KINDS[error].urn.rpartition(":")[2] in documented


def test_a_described_status_names_what_can_cause_it() -> None:
    described = describe(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT)

    assert "No worker" in described[503]["description"]
    assert "Retry-After" in described[503]["headers"]
    assert described[409]["description"] == "Conflict"
