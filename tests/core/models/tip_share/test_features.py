import pytest

from core.models.tip_share.features import BAND, BAND_STARTS_DOLLARS, derive


@pytest.mark.parametrize(("fare", "band"), [(2.5, 0), (4.99, 0), (5.0, 1), (49.99, 6), (50.0, 7), (500.0, 7)])
def test_a_band_begins_with_its_own_start(fare: float, band: int) -> None:
    columns = derive({"PULocationID": [1], "DOLocationID": [2], "fare_amount": [fare]})
    assert columns[BAND].tolist() == [band]


def test_bands_rise() -> None:
    assert sorted(BAND_STARTS_DOLLARS) == list(BAND_STARTS_DOLLARS)
