"""``/health/backlog`` for an autoscaler: how many rows wait, in all web processes and queues."""

from http import HTTPStatus

from fastapi import APIRouter

from apps.api.dependencies import BacklogDep
from apps.api.errors import PREDICTION_KINDS, Kind, describe
from core.schemas.backlog import Backlog
from core.utilities.errors import BrokerUnavailableError, TripcastError

router = APIRouter(prefix="/health", tags=["health"])
_KINDS: dict[type[TripcastError], Kind] = {BrokerUnavailableError: PREDICTION_KINDS[BrokerUnavailableError]}


@router.get("/backlog", operation_id="backlog", responses=describe(HTTPStatus.SERVICE_UNAVAILABLE, kinds=_KINDS))
async def backlog(board: BacklogDep) -> Backlog:
    """Add up the rows that have no answer yet, whichever web process is asked; 503 where they cannot be known."""
    return await board.read()
