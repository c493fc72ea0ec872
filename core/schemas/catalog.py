"""The models that this installation serves: one entry each.

Routes, OpenAPI, queues, task names and conformance tests follow from this list. An entry names its
handler as a dotted path, so that the web process, which reads the catalog too, imports no model code.
"""

from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel

from core.schemas.batch import batch_reply_model, batch_request_model
from core.schemas.tip import TipReply, TipRequest, TipRow
from core.schemas.trip import TripReply, TripRequest, TripRow
from core.utilities.errors import UnknownModelError


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """One model family as the outside sees it.

    Parameters
    ----------
    model : str
        Name of the model; also the folder under ``repo/models/``.
    resource : str
        Segment of the URL and of the Celery names: ``/v1/<resource>/predict``, ``tasks.<resource>``.
    row : type of pydantic.BaseModel
        The features of one prediction.
    request : type of pydantic.BaseModel
        ``row`` and the ``request_id``: the HTTP body.
    reply : type of pydantic.BaseModel
        The HTTP answer.
    output : str
        Field of ``reply`` that carries the prediction.
    handler : str
        ``module:Class`` of the handler that trains and serves the model.
    collection : str
        Field of a batch's body that holds its rows.
    designs : tuple of str
        Names of the handler's designs, the default first; empty: the family is not trained here.
    essential : bool
        Workers do not start without a version of it, and readiness waits for it. Without a version of another model
        only requests for that model are refused.
    """

    model: str
    resource: str
    row: type[BaseModel]
    request: type[BaseModel]
    reply: type[BaseModel]
    output: str
    handler: str
    collection: str
    designs: tuple[str, ...] = ()
    essential: bool = True

    @cached_property
    def batch_request(self) -> type[BaseModel]:
        """The HTTP body of a batch."""
        return batch_request_model(title=self._title, rows_field=self.collection, row=self.row)

    @cached_property
    def batch_reply(self) -> type[BaseModel]:
        """The HTTP answer to a batch."""
        return batch_reply_model(title=self._title, output=self.output, reply=self.reply)

    @property
    def _title(self) -> str:
        return self.resource.replace("-", " ").title().replace(" ", "")

    @property
    def queue(self) -> str:
        """Name of the queue that carries this model's predictions."""
        return f"tasks.{self.resource}"

    @property
    def quarantine_queue(self) -> str:
        """Name of the queue for rows whose batch killed its worker."""
        return f"{self.queue}.quarantine"

    @property
    def predict_rows_task(self) -> str:
        """Name of the internal task that predicts a batch."""
        return f"tasks.{self.resource}.tasks.predict_rows"

    @property
    def prepare_rows_task(self) -> str:
        """Name of the internal task that tells what the model looks at in a batch."""
        return f"tasks.{self.resource}.tasks.prepare_rows"

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the feature columns, in the order of the row schema; those that a row may leave out come last."""
        return (*self.required_features, *self.optional_features)

    @cached_property
    def required_features(self) -> tuple[str, ...]:
        """Names of the features that every row has."""
        return tuple(name for name, field in self.row.model_fields.items() if field.is_required())

    @cached_property
    def optional_features(self) -> tuple[str, ...]:
        """Names of the features that a row may leave out; they are ``None`` there."""
        return tuple(name for name, field in self.row.model_fields.items() if not field.is_required())


TRIP_DURATION = CatalogEntry(
    model="trip_duration",
    resource="trip",
    row=TripRow,
    request=TripRequest,
    reply=TripReply,
    output="duration",
    handler="core.handlers.trip_duration:TripDurationHandler",
    collection="trips",
    designs=("boosted", "linear"),
)

TIP_SHARE = CatalogEntry(
    model="tip_share",
    resource="tip",
    row=TipRow,
    request=TipRequest,
    reply=TipReply,
    output="tip_share",
    handler="core.handlers.tip_share:TipShareHandler",
    collection="trips",
    designs=("zones",),
    essential=False,
)

CATALOG: tuple[CatalogEntry, ...] = (TRIP_DURATION, TIP_SHARE)
"""The first one is the installation's own: ``/health`` names its version."""


def entry_of(model: str) -> CatalogEntry:
    """Return the entry of a model.

    Raises
    ------
    UnknownModelError
        If the catalog has none of that name.
    """
    for entry in CATALOG:
        if entry.model == model:
            return entry
    raise UnknownModelError(f"no model is called {model!r}; there are: {', '.join(entry.model for entry in CATALOG)}")
