"""Time the champion on the GPU against the CPU: ``python -m bench.gpu``; ``--data FILE`` asks for real trips.

On a machine without a GPU it says so, and runs the GPU's form on NumPy instead: that tells whether both say the same, and
nothing about how quick a GPU is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from bench.trips import generate_columns
from config import load_settings
from core.handlers.predictor import Predictor
from core.managers.artifacts import LoadedModel, find_champion, load_version
from core.managers.gpu import find_gpu
from core.models.trip_duration.features import PICKUP_TIME
from core.schemas.catalog import TRIP_DURATION
from core.utilities.array_device import ArrayDevice
from core.utilities.errors import DeviceError

SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
CALLS = 5
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Line:
    """A size of batch: the best of some calls on either side, in milliseconds, and how far apart the answers are."""

    rows: int
    cpu_ms: float
    device_ms: float
    equal: int
    worst: float


def main(
    data: Annotated[Path | None, typer.Option(help="A month of green-taxi trips; default: made-up ones.")] = None,
    most: Annotated[int, typer.Option(help="Rows of the largest batch.")] = max(SIZES),
) -> None:
    """Print milliseconds a batch on CPU and GPU, their ratio, and how far the answers are apart."""
    model = load_version(find_champion(load_settings().models_dir, TRIP_DURATION.model), entry=TRIP_DURATION)
    columns = real_trips(data) if data else made_up_trips(max(SIZES))
    try:
        device, name = find_gpu(), "GPU"
        typer.echo(f"{model.version} on {device.name}, against one core with scikit-learn's walk of the trees")
    except DeviceError as error:
        device, name = ArrayDevice(name="NumPy in its place", xp=np, put=np.copy, get=np.asarray), "NumPy"
        typer.echo(
            f"There is no GPU here: {error}.\nWhat a GPU gains is NOT measured. {model.version} on {device.name}:"
        )
    typer.echo(
        f"{'rows':>8}{'CPU, ms':>12}{f'{name}, ms':>12}{f'CPU / {name}':>13}{'equal':>10}{'worst difference':>20}"
    )
    for line in lines(model, device, columns, sizes=[rows for rows in SIZES if rows <= most]):
        typer.echo(
            f"{line.rows:>8}{line.cpu_ms:>12.2f}{line.device_ms:>12.2f}{line.cpu_ms / line.device_ms:>13.2f}{line.equal:>10}{line.worst:>20.1e}"
        )


def lines(model: LoadedModel, device: ArrayDevice, columns: Columns, *, sizes: Sequence[int]) -> list[Line]:
    """Measure batches that begin with the first row, of these sizes; no more rows than there are.

    Raises
    ------
    DeviceError
        If the model has no form for devices.
    """
    form = model.handler.on_device(model.predictor, device)
    if form is None:
        raise DeviceError(f"{model.version} has no form for {device.name}")
    features = model.handler.features_of(model.predictor, columns)
    most = len(next(iter(features.values())))
    return [_line(model.predictor, form, features, min(rows, most)) for rows in sizes]


def made_up_trips(rows: int) -> Columns:
    """Return trips of which every second has a time of pickup."""
    times = np.datetime64("2021-02-01", "s") + np.random.default_rng(6).integers(0, 86_400 * 28, rows)
    times[::2] = np.datetime64("NaT")
    return {**generate_columns(rows), PICKUP_TIME: times}


def real_trips(file: Path) -> Columns:
    """Return the valid trips of a month, again and again if they are too few, every second without its time."""
    from core.handlers.tlc import read_trips  # noqa: PLC0415 (polars, which made-up trips do without)

    columns = read_trips([file]).columns
    trips = {name: np.resize(values, max(SIZES)) for name, values in columns.items()}
    trips[PICKUP_TIME] = trips[PICKUP_TIME].astype("datetime64[s]")
    trips[PICKUP_TIME][::2] = np.datetime64("NaT")
    return trips


def _line(here: Predictor, there: Predictor, features: Columns, rows: int) -> Line:
    batch = {name: values[:rows] for name, values in features.items()}
    cpu_ms, wanted = best(lambda: here.transform(batch))
    device_ms, given = best(lambda: there.transform(batch))
    equal, worst = int((wanted == given).sum()), float(np.abs(wanted - given).max())
    return Line(rows, cpu_ms, device_ms, equal, worst)


def best(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the milliseconds of the best call, and what it returned; the first one does not count."""
    result, taken = call(), []
    for _ in range(CALLS):
        started = perf_counter()
        result = call()
        taken.append(perf_counter() - started)
    return min(taken) * 1e3, result


if __name__ == "__main__":
    typer.run(main)
