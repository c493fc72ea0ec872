"""The web application: ``create_app()`` builds it, the lifespan opens and closes what it holds."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from apps.api.dependencies import State
from apps.api.early_refusal import EarlyRefusal
from apps.api.errors import add_error_handlers
from apps.api.lazy_desk import lazy_runs, lazy_versions
from apps.api.middleware import Stopwatch
from apps.api.openapi import add_openapi
from apps.api.pages import create_app_with_pages
from apps.api.routers import backlog, health
from apps.api.routers.models import BODIES, add_model_routes
from apps.api.routers.offline import add_offline_routes
from apps.api.routers.online import build_online_router
from apps.api.routers.predict import add_predict_route
from apps.api.routers.predict_batch import build_batch_router
from apps.api.routers.runs import add_run_routes
from config import Settings, load_settings
from core.managers.audit import Audit
from core.managers.backlog import BacklogBoard
from core.managers.comparison_board import ComparisonBoard
from core.managers.line_limits import LineLimits
from core.managers.pin_notice import PinNotice
from core.managers.queue_client import QueueClient
from core.managers.records import RecordWriter
from core.managers.shadow import SHADOW_ID, SHADOW_TIMEOUT_S, ShadowLane
from core.schemas.catalog import CATALOG
from core.utilities.errors import SettingsError
from core.utilities.heap import settle_heap

DESCRIPTION = "Predictions through a task queue: concurrent requests are predicted as one batch by a worker."


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the web application.

    Parameters
    ----------
    settings : Settings, optional
        Read from the environment if not given; a wrong value then ends the process with one line.
    """
    if settings is None:
        try:
            settings = load_settings()
        except SettingsError as error:
            sys.exit(f"tripcast web: {error}")
    app = create_app_with_pages(
        title="Tripcast",
        version=settings.api_version,
        description=DESCRIPTION,
        lifespan=_lifespan_for(settings),
    )
    app.add_middleware(Stopwatch)
    add_error_handlers(app)
    app.include_router(health.router)
    app.include_router(backlog.router)
    for entry in CATALOG:
        add_predict_route(app, entry, prefix=f"/{settings.api_version}")
        app.include_router(build_batch_router(entry), prefix=f"/{settings.api_version}")
    add_offline_routes(app, prefix=f"/{settings.api_version}")
    app.include_router(build_online_router(), prefix=f"/{settings.api_version}")
    add_run_routes(app, prefix=f"/{settings.api_version}")
    managed = bool(settings.admin_api_key.get_secret_value())
    if managed:
        add_model_routes(app, prefix=f"/{settings.api_version}")
    add_openapi(app, bodies=BODIES if managed else ())
    return app


def _lifespan_for(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        queue = QueueClient(
            CATALOG,
            broker_url=settings.broker_url,
            backend_url=settings.result_backend_url,
            limits=LineLimits(
                max_batch_rows=settings.max_batch_rows,
                max_inflight_per_worker=settings.max_inflight_per_worker,
                max_waiting_rows=settings.max_waiting_rows,
                worker_grace_s=settings.worker_grace_s,
                wait_for_workers=settings.scale_to_zero == "on",
                max_chunk_rows=settings.max_chunk_rows,
                max_waiting_chunk_rows=settings.max_waiting_chunk_rows,
            ),
            pinned=settings.pinned_versions,
            # Given by the server, where it runs several processes (boot/uvicorn/worker.py).
            returns=getattr(app.state, "returns", None),
        )
        runs, versions = lazy_runs(settings), lazy_versions(settings)
        if settings.admin_api_key.get_secret_value():
            versions.load()
        audit, pins = _audit_for(settings, queue), PinNotice(settings.result_backend_url, settings.pinned_versions)
        board, comparisons = _board_for(settings, queue), ComparisonBoard(settings.result_backend_url)
        pins.start()
        await queue.start()
        audit.start()
        board.start()
        settle_heap()
        paths = {f"/{settings.api_version}/{entry.resource}/predict": entry.model for entry in CATALOG}
        refusal = EarlyRefusal(
            {path: queue.admissions[model] for path, model in paths.items()}, timeout_s=settings.request_timeout_s
        )
        try:
            yield State(
                settings=settings,
                queue=queue,
                runs=runs,
                versions=versions,
                refusal=refusal,
                audit=audit,
                backlog=board,
                comparisons=comparisons,
            )
        finally:
            await board.stop()
            await comparisons.close()
            await pins.stop()
            await audit.stop()
            await queue.stop()
            runs.close()
            versions.close()

    return lifespan


def _board_for(settings: Settings, queue: QueueClient) -> BacklogBoard:
    """Return what reports the rows that this process has no answer for."""
    return BacklogBoard(
        queue.process,
        CATALOG,
        count=queue.count_rows,
        broker_url=settings.broker_url,
        backend_url=settings.result_backend_url,
    )


def _audit_for(settings: Settings, queue: QueueClient) -> Audit:
    """Return what notes the answers of this process."""
    features = {entry.model: entry.features for entry in CATALOG}
    writer = RecordWriter(settings.result_backend_url, features=features)
    shadow = ShadowLane(
        predict=partial(queue.predict_block, request_id=SHADOW_ID, timeout_s=SHADOW_TIMEOUT_S),
        record=writer.add_entry,
        features=features,
    )
    return Audit(
        share=settings.record_share,
        writer=writer,
        shadow=shadow,
        pinned=settings.pinned_versions.keys(),
        route_of=queue.routes.get,
        features=features,
    )
