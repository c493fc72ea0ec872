from bench.contenders.folded import Folded
from bench.trips import generate_columns, reference
from core.models.trip_duration.features import derive
from core.schemas.trip import TripRow


def test_the_folded_model_gives_the_floats_of_the_served_one() -> None:
    columns = generate_columns(5_000, seed=7)
    served = reference().transform(derive(columns))
    folded = Folded()

    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    given = [folded.predict(TripRow(**dict(zip(columns, row, strict=True)))) for row in rows]

    assert given == served.tolist()
