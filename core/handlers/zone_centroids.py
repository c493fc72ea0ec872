"""Where the TLC's taxi zones lie."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.schemas.trip import ZONE_ID_MAX

CENTROIDS_FILE = Path(__file__).with_name("zone_centroids.csv")
"""Centroids of the TLC's zone polygons, in degrees, to a metre; 264 ("unknown") and 265 ("outside NYC") have none.

The polygons: https://d37ci6vzurychx.cloudfront.net/misc/taxi_zones.zip, open data of the City of New York."""


@cache
def zone_centroids() -> NDArray[np.float64]:
    """Return latitude and longitude by zone id, (266, 2) float64; NaN where a zone has no place. Do not write to it."""
    centroids = np.full((ZONE_ID_MAX + 1, 2), np.nan)
    with CENTROIDS_FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            centroids[int(row["LocationID"])] = float(row["latitude"]), float(row["longitude"])
    return centroids
