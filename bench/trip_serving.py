"""Time the linear reference against scikit-learn's own calls: ``python -m bench.trip_serving``."""

from collections.abc import Callable
from functools import partial
from timeit import repeat

import typer

from bench.trips import REFERENCE_VERSION
from config import load_settings
from core.managers.artifacts import load_version
from core.models.trip_duration.features import derive
from core.models.trip_duration.linear import PairRegression, records
from core.schemas.catalog import TRIP_DURATION

CALLS = 200


def main() -> None:
    """Print microseconds a row, best of five runs, for batches of known pairs."""
    folder = load_settings().models_dir / TRIP_DURATION.model / REFERENCE_VERSION
    model = load_version(folder, entry=TRIP_DURATION)
    if model.manifest is None or not isinstance(model.predictor, PairRegression):
        raise SystemExit("that version is not of the reference design")
    vectorizer, regression = model.predictor.vectorizer, model.predictor.regression
    typer.echo(f"{'rows':>5}{'served, us a row':>20}{'scikit-learn, us a row':>26}")
    for rows in (1, 64, 512):
        batch = {name: (values[:16] * 32)[:rows] for name, values in model.manifest.golden_rows.columns.items()}
        served = best(partial(model.predict, batch))
        theirs = best(lambda: regression.predict(vectorizer.transform(records(derive(batch)))))  # noqa: B023 (called here)
        typer.echo(f"{rows:>5}{served / rows:>20.2f}{theirs / rows:>26.2f}")


def best(call: Callable[[], object]) -> float:
    """Return the microseconds of one call, in the best of five runs."""
    return min(repeat(call, number=CALLS)) / CALLS * 1e6


if __name__ == "__main__":
    main()
