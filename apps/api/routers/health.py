"""``/health`` for people, ``/health/live`` and ``/health/ready`` for probes."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from apps.api.dependencies import QueueDep, SettingsDep
from core.schemas.catalog import CATALOG

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """Who answers."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    api_version: str
    model_version: str


class Liveness(BaseModel):
    """The process runs and its event loop turns."""

    status: str = "live"


class Readiness(BaseModel):
    """Whether predictions can be served from here; ``missing`` names what is not there.

    ``devices`` says how many workers compute large batches on which device: ``{"cpu": 2, "cuda:0 NVIDIA H200": 1}``.
    """

    status: str
    missing: list[str]
    devices: dict[str, int]


@router.get("", operation_id="health")
async def health(settings: SettingsDep, queue: QueueDep) -> Health:
    """Name the service, its API version and the version of the champion; empty until a worker was seen."""
    version = queue.champion(CATALOG[0].model)
    return Health(name=settings.project_app, api_version=settings.api_version, model_version=version)


@router.get("/live", operation_id="live")
async def live() -> Liveness:
    """Answer as long as the process can."""
    return Liveness()


@router.get("/ready", operation_id="ready", responses={503: {"model": Readiness, "description": "Not ready."}})
async def ready(settings: SettingsDep, queue: QueueDep, response: Response) -> Readiness:
    """Answer 200 once the broker is reached, a worker answers on the queue and its model is loaded.

    Models that the catalog does not call essential may be missing. Where requests wait for a worker
    (``SCALE_TO_ZERO``), it may be missing too: who is not asked can hold no request that would bring one.
    """
    missing = sorted({part for entry in CATALOG if entry.essential and (part := queue.missing(entry.model))})
    is_ready = not missing or (settings.scale_to_zero == "on" and missing == ["worker"])
    if not is_ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    status = "ready" if is_ready else "not ready"
    return Readiness(status=status, missing=missing, devices=queue.workers.devices())
