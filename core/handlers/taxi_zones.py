"""The TLC's taxi zones: which borough each lies in."""

import csv
from functools import cache
from pathlib import Path

ZONES_FILE = Path(__file__).with_name("taxi_zones.csv")
"""The TLC's lookup table, https://d37ci6vzurychx.cloudfront.net/misc/taxi_zone_lookup.csv, as it is."""


@cache
def boroughs() -> dict[int, str]:
    """Return the borough of each zone, 1..265; ``Unknown`` and ``EWR`` (Newark) among them."""
    with ZONES_FILE.open(newline="") as file:
        return {int(row["LocationID"]): row["Borough"] for row in csv.DictReader(file)}
