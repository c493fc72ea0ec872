"""The models of the benchmark: what each contender needs to serve one, and what the right answer is."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench import dial, trees
from bench.contenders.models import Champion
from bench.trips import KNOWN, REFERENCE_VERSION, reference
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP
from core.schemas.trip import TripRow


@dataclass(frozen=True, kw_only=True)
class Served:
    """A model that is ready to be served.

    Parameters
    ----------
    name : str
        ``linear``, ``champion``, ``trees`` or ``dial``.
    expected_min : float
        What scikit-learn's own calls answer to the known trip, in minutes.
    file : Path, optional
        The pickle; none for a version that ships.
    allowed_class : str
        The class that the pickle may name.
    version : str
        Which of the versions that ship; empty for the one that answers by default.
    more : mapping of str to str
        Further settings of our system.
    """

    name: str
    expected_min: float
    file: Path | None = None
    allowed_class: str = ""
    version: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(init=False)
    """The environment of our worker."""
    environment: dict[str, str] = field(init=False)
    """The environment of the others."""

    def __post_init__(self) -> None:
        ours = {"TRIP_DURATION_MODEL": str(self.file), "MODEL_ALLOWED_CLASSES": self.allowed_class}
        theirs = {"BENCH_MODEL": self.name, "BENCH_MODEL_FILE": str(self.file)}
        object.__setattr__(self, "settings", {**(ours if self.file else {"MODEL_VERSION": self.version}), **self.more})
        object.__setattr__(self, "environment", theirs)


def linear() -> Served:
    """Return the linear reference that ships."""
    model = reference()
    row = {PAIR: f"{KNOWN[PICKUP]}_{KNOWN[DROPOFF]}", DISTANCE: KNOWN[DISTANCE]}
    minutes = model.regression.predict(model.vectorizer.transform([row]))
    return Served(name="linear", expected_min=float(minutes[0]), version=REFERENCE_VERSION)


def champion() -> Served:
    """Return the version that answers by default."""
    return Served(
        name="champion",
        expected_min=Champion().predict([TripRow(**{name: KNOWN[name] for name in (PICKUP, DROPOFF, DISTANCE)})])[0],
    )


def two_hundred_trees() -> Served:
    """Return the gradient-boosted trees."""
    file = trees.trees_artifact()
    model: trees.TreesModel = pickle.loads(file.read_bytes())  # noqa: S301 (the benchmark's own)
    minutes = model.regressor.predict(np.array([[KNOWN[PICKUP], KNOWN[DROPOFF], KNOWN[DISTANCE]]]))
    return Served(name="trees", expected_min=float(minutes[0]), file=file, allowed_class=trees.CLASS)


def dialled(file: Path) -> Served:
    """Return the model whose cost can be set, from the pickle that :func:`bench.dial.write_dial` wrote."""
    return Served(name="dial", expected_min=dial.DURATION_MIN, file=file, allowed_class=dial.CLASS)


MODELS = {"linear": linear, "champion": champion, "trees": two_hundred_trees}
TITLES = {
    "linear": "the linear reference",
    "champion": "the version that answers by default",
    "trees": "200 gradient-boosted trees",
}
