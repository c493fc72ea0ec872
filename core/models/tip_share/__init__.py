"""Share of the fare that a passenger who pays by card adds as a tip: the smallest family, and the worked example."""
