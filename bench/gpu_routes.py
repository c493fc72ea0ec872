"""Ask the libraries that read scikit-learn's trees whether they say what it says: ``python -m bench.gpu_routes``.

On the CPU, with ``OMP_NUM_THREADS=1`` before it on one thread each; those that are not installed are named. ``docs/adr/0015-a-gpu-through-the-array-api.md`` tells what came.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from bench.gpu import best
from bench.trees import train
from bench.trips import generate_columns
from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP

SIZES = (1, 100, 10_000)
UNRECORDED = 20
"""One row in so many has no distance, as the champion's may."""
Ask = Callable[[NDArray[np.float64]], Any]


def hummingbird(regressor: Any) -> Ask:  # noqa: ANN401 (scikit-learn's)
    """Return Microsoft's translation into tensors of PyTorch."""
    from hummingbird.ml import convert  # noqa: PLC0415 (an experiment that nobody needs)

    predict: Ask = convert(regressor, "torch", device="cpu").predict
    return predict


def nvforest(regressor: Any) -> Ask:  # noqa: ANN401
    """Return NVIDIA's walk, in doubles, which has a form for the CPU."""
    from nvforest import load_from_sklearn  # noqa: PLC0415

    predict: Ask = load_from_sklearn(regressor, device="cpu", precision="double").predict
    return predict


def treelite(regressor: Any) -> Ask:  # noqa: ANN401
    """Return the reference walk of the format that nvforest reads."""
    from treelite import gtil, sklearn  # noqa: PLC0415

    model = sklearn.import_model(regressor)
    return lambda matrix: gtil.predict(model, matrix, nthread=1)


ROUTES: dict[str, Callable[[Any], Ask]] = {"hummingbird": hummingbird, "nvforest": nvforest, "treelite": treelite}


def main() -> None:
    """Print how long scikit-learn and each library take, and how far apart they are."""
    regressor, columns = train().regressor, generate_columns(max(SIZES))
    matrix = np.column_stack([columns[PICKUP], columns[DROPOFF], columns[DISTANCE]]).astype(np.float64)
    matrix[::UNRECORDED, 2] = np.nan
    for name, build in ROUTES.items():
        if find_spec(name) is None:
            typer.echo(f"{name}: not installed")
            continue
        ask = build(regressor)
        for rows in SIZES:
            theirs_ms, given = best(lambda: np.asarray(ask(matrix[:rows])).ravel())  # noqa: B023 (called here)
            ours_ms, wanted = best(lambda: regressor.predict(matrix[:rows]))  # noqa: B023
            worst = float(np.abs(wanted - given).max())
            typer.echo(
                f"{name:>12}{rows:>8} rows: scikit-learn {ours_ms:.2f} ms, it {theirs_ms:.2f} ms, off by {worst:.1e}"
            )


if __name__ == "__main__":
    typer.run(main)
