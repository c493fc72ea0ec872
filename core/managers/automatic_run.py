"""Start a run that nobody asked for: on the newest months, if there is anything new."""

from loguru import logger

from core.managers.checkpoints import key_of
from core.managers.raw_store import RawStore
from core.managers.run_creation import create_run
from core.managers.runs import Runs
from core.managers.versions import code_revision
from core.managers.workplace import Workplace
from core.schemas.run import Run, RunParameters
from core.services.run_plan import newest_months
from core.utilities.errors import RunStateError


def start_if_new(runs: Runs, workplace: Workplace, *, train_months: int) -> Run | None:
    """Queue a run on the newest months of the raw store, unless there was one of the same code, data and parameters.

    Training is the same bit for bit, so such a run could find nothing new; and one that failed is for a person to look at.
    Of two schedulers that come here at once, one queues it: the database holds one run of each occasion.

    Parameters
    ----------
    runs : Runs
        Where runs are recorded.
    workplace : Workplace
        The folders.
    train_months : int
        How many months to train on at most.
    """
    store = RawStore(workplace.raw_dir)
    months = newest_months(store.names(), taxi="green", train_months=train_months)
    if months is None:
        return None
    parameters = RunParameters(train_months=months[0], test_months=(months[1],))
    try:
        run = create_run(runs, parameters, workplace.models_dir, for_worker=True, occasion=_occasion(parameters, store))
    except RunStateError:
        return None
    logger.bind(run_id=run.id, train_months=months[0], test_month=months[1]).info("a run starts by itself")
    return run


def _occasion(parameters: RunParameters, store: RawStore) -> str:
    """Hash what decides the outcome."""
    names = [f"{taxi}_tripdata_{month}" for month in (*parameters.train_months, *parameters.test_months)
             for taxi in parameters.taxis]  # fmt: skip
    found = [store.find(f"{name}.parquet") or store.find(f"{name}.csv") for name in names]
    return key_of(
        {
            "code": code_revision(),
            "data": [snapshot.sha256 if snapshot else None for snapshot in found],
            "parameters": parameters.model_dump(mode="json"),
        }
    )
