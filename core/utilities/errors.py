"""Every error this project raises on purpose: one root, one class a cause.

Which HTTP status a class becomes is written in ``apps/api/errors.py`` and nowhere else.
"""


class TripcastError(Exception):
    """Root of all errors that this project raises on purpose."""


class SettingsError(TripcastError):
    """Raised when a setting is missing or wrong; the message names the variable."""


class DataError(TripcastError):
    """Raised when input data cannot be read or breaks the schema."""


class DataQualityError(DataError):
    """Raised when data breaks a quality gate; the message is the report: what, where and how much."""


class EvaluationGateError(TripcastError):
    """Raised when a trained version is not good enough to be registered; the message says why."""


class UnknownModelError(TripcastError):
    """Raised when a model, or a design of it, is asked for that the catalog does not have."""


class RouteRefusedError(TripcastError):
    """Raised when a route is not changed; the message says why, and the old one stands."""


class BoardUnavailableError(RouteRefusedError):
    """Raised when a route is not changed because the Redis that it spreads from cannot be reached."""


class UnknownRunError(TripcastError):
    """Raised when a run is asked for that does not exist."""


class RunStateError(TripcastError):
    """Raised when a run cannot do what is asked of it in the state that it is in."""


class RunInterruptedError(TripcastError):
    """Raised in a process whose run was cancelled, or taken over by another one."""


class DatabaseUnavailableError(TripcastError):
    """Raised when the database of the runs cannot be used."""


class DownloadError(TripcastError):
    """Raised when a file cannot be fetched whole."""


class ArtifactError(TripcastError):
    """Raised when a model version cannot be loaded."""


class ArtifactIntegrityError(ArtifactError):
    """Raised when an artifact's bytes are not those that its manifest names."""


class ArtifactStoreError(ArtifactError):
    """Raised when the storage of versions cannot be used, or does not hold what is asked for."""


class NotStoredError(ArtifactStoreError):
    """Raised when the storage of versions does not hold the version that is asked for."""


class ForbiddenClassError(ArtifactError):
    """Raised when a pickle names a class outside the allow-list."""


class GoldenRowsError(ArtifactError):
    """Raised when a loaded version does not predict its golden rows."""


class ModelBudgetError(ArtifactError):
    """Raised when a version does not fit into the memory that versions may take."""


class DeviceError(TripcastError):
    """Raised when a GPU is not there, cannot be used, or does not say what the CPU says."""


class UnknownVersionError(TripcastError):
    """Raised when a version is asked for that is not held here."""


class VersionStateError(TripcastError):
    """Raised when a version cannot do what is asked of it in the state that it is in."""


class ComparisonError(TripcastError):
    """Raised when two versions cannot be compared; the message says why."""


class ComparisonUnavailableError(TripcastError):
    """Raised when nobody is there who could compare versions."""


class FeatureError(TripcastError):
    """Raised when the columns of a batch are not those of the model."""


class ResumeError(TripcastError):
    """Raised when a bulk run cannot go on where an earlier one stopped."""


class WireError(TripcastError):
    """Raised when a message does not follow the wire format."""


class PredictionError(TripcastError):
    """Raised when the model failed on a row."""


class BrokerUnavailableError(TripcastError):
    """Raised when the broker cannot be reached."""


class NoWorkerError(TripcastError):
    """Raised when no worker answers on the queue."""


class NoVersionError(TripcastError):
    """Raised when workers take the model's tasks, and none of them holds a version of it."""


class LineFullError(TripcastError):
    """Raised when more rows wait than the line may hold."""


class OverloadError(TripcastError):
    """Raised when a request could not be answered in time, so much is to be done before it.

    ``retry_after_s`` says after how many seconds its client shall come back.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("more is to be done than can be done in time")
        self.retry_after_s = retry_after_s


class DeadlinePassedError(TripcastError):
    """Raised when a request's deadline passed before its answer came."""
