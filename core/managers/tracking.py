"""Experiment tracking: what a run was asked for and what came of it, for comparison with others."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from loguru import logger

from core.managers import tracker
from core.managers.checkpoints import Checkpoints
from core.managers.codecs import JsonCodec
from core.managers.versions import code_revision
from core.managers.workplace import Workplace
from core.schemas.evaluation import Evaluation, Figures
from core.schemas.run import Run, RunState
from core.schemas.tracking import TrackedRun
from core.services.flat import flat

TIMEOUT_S = 120.0
"""mlflow creates its tables at the first time, which takes seconds on a busy machine; it must not hold a run for ever."""
ROOT = Path(__file__).resolve().parents[2]
TEXT_CHARACTERS = 500


def track(run: Run, workplace: Workplace) -> None:
    """Keep a run that ended; what goes wrong is logged, and is nothing to the run.

    Parameters
    ----------
    run : Run
        As it ended; one that did not is left out.
    workplace : Workplace
        Names the database, if there shall be one, and has the run's checkpoints.
    """
    if workplace.tracking_db is None or run.state not in (RunState.SUCCEEDED, RunState.FAILED):
        return
    try:
        tracked = describe(run, workplace.tracking_db, _evaluation(run, workplace))
        command = [sys.executable, "-W", "ignore", "-m", tracker.__name__]
        subprocess.run(  # noqa: S603 (our own module)
            command,
            input=tracked.model_dump_json().encode(),
            cwd=ROOT,
            capture_output=True,
            check=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        logger.bind(run_id=run.id).warning("the run is not tracked: {}", _short(last))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        logger.bind(run_id=run.id).warning("the run is not tracked: {}", type(error).__name__)


def describe(run: Run, database: Path, evaluation: Evaluation | None) -> TrackedRun:
    """Return what is kept of a run: parameters as text, errors of all variants, and where to find the rest."""
    tags = {"version": run.version, "failed_step": None if run.version else run.step, "error": run.error,
            "champion": run.parameters.champion, "code_revision": code_revision()}  # fmt: skip
    return TrackedRun(
        database=database,
        experiment=run.parameters.model,
        run_id=run.id,
        name=run.version or run.id,
        succeeded=run.state is RunState.SUCCEEDED,
        started_at=run.started_at or run.created_at,
        finished_at=run.finished_at or run.created_at,
        parameters={name: _short(value) for name, value in flat(run.parameters.model_dump(mode="json")).items()},
        metrics={} if evaluation is None else dict(_metrics(evaluation)),
        tags={name: _short(value) for name, value in tags.items() if value},
    )


def _short(text: str) -> str:
    return text[:TEXT_CHARACTERS]


def _evaluation(run: Run, workplace: Workplace) -> Evaluation | None:
    """Return what the step ``evaluate`` left, also of a run that the gate refused; None if it never came so far."""
    keys = [step.input_sha256 for step in run.steps if step.step == "evaluate" and step.output_sha256]
    if not keys:
        return None
    kept = Checkpoints(workplace.steps_dir).load("evaluate", keys[-1], JsonCodec(Evaluation))
    return None if kept is None else kept.value


def _metrics(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    told: Mapping[str, Figures] = {"": evaluation, **{f"{name}/": it for name, it in evaluation.variants.items()}}
    for prefix, figures in told.items():
        for name in ("rmse", "mae", "bias", "validation_rmse"):
            value = getattr(figures, name)
            if value is not None:
                yield f"{prefix}{name}", value
        if figures.comparison is not None:
            yield f"{prefix}difference", figures.comparison.difference
            yield f"{prefix}stability_index", figures.comparison.stability_index
    for column, importance in evaluation.importances.items():
        yield f"importance/{column}", importance.candidate
