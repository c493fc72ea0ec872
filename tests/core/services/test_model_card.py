from datetime import UTC, datetime
from typing import Any

from core.schemas.evaluation import Evaluation, Importance, Slice, Verdict, WeightShift
from core.schemas.gate_limits import GateLimits
from core.schemas.manifest import GoldenRows, Manifest
from core.schemas.quality import FileQuality
from core.services.model_card import CardFacts, compose
from tests.core.services.evaluations import comparison, evaluation, figures, part

JANUARY, FEBRUARY = "green_tripdata_2021-01.parquet", "green_tripdata_2021-02.parquet"


def manifest(created_at: datetime) -> Manifest:
    return Manifest(
        name="trip_duration",
        version="v7",
        artifact="model.pickle",
        sha256="a" * 64,
        libraries={"numpy": "2.4.6", "python": "3.11.7"},
        feature_schema={},
        training_data={JANUARY: "b" * 64},
        parameters={"filters": {"miles_below": 100}, "design": "a | b"},
        code_revision="sources-0",
        metrics={},
        golden_rows=GoldenRows(columns={}, predictions=[]),
        created_at=created_at,
    )


def card(measured: Evaluation | None = None, *, year: int = 2026, **values: Any) -> str:
    quality = FileQuality(rows=1000, kept=900, null_share={}, dropped_share={"duration": 0.1})
    facts: dict[str, Any] = {
        "manifest": manifest(datetime(year, 1, 1, tzinfo=UTC)),
        "evaluation": measured or evaluation(),
        "limits": GateLimits(rmse_max=5.1),
        "quality": {JANUARY: quality},
        "files": {JANUARY: "b" * 64, FEBRUARY: "c" * 64},
        "command": "make it so",
        "prose": "## Intended use\n\nTrips.",
    }
    return compose(CardFacts(**{**facts, **values}))


def test_the_card_names_the_version_its_data_and_how_to_make_it_again() -> None:
    told = card()
    assert told.startswith("# trip_duration v7\n")
    assert "## Intended use\n\nTrips.\n" in told
    assert f"| {JANUARY} | training | 1,000 | 900 | duration 10.00% | `{'b' * 64}` |" in told
    assert f"| {FEBRUARY} | test | - | - | - | `{'c' * 64}` |" in told
    assert "| filters.miles_below | 100 |" in told
    assert "| rmse_max | 5.1 |" in told
    assert "\n    make it so\n" in told


def test_the_same_version_has_the_same_card_whenever_it_is_written() -> None:
    assert card(year=2026) == card(year=2027)


def test_a_pipe_in_a_value_does_not_break_the_table() -> None:
    assert "| design | a \\| b |" in card()


def test_errors_of_each_variant_stand_beside_the_champions() -> None:
    told = card(
        evaluation(
            figures(5.0, comparison(-1.25, 0.02)), variants={"without time": figures(5.6, comparison(-0.5, 0.01))}
        )
    )
    assert "| all | 1,000 | 5.000 | 5.000 | -1.250 ± 0.020 | 3.000 | +0.000 | - |" in told
    assert "| without time | 1,000 | 5.600 | 5.000 | -0.500 ± 0.010 | 3.000 | +0.000 | - |" in told
    assert "Predictions beside those of old" in told


def test_a_first_version_has_a_card_without_a_champion() -> None:
    told = card()
    assert "| all | 1,000 | 5.000 | - | - | 3.000 |" in told
    assert "Predictions beside" not in told


def test_slices_have_the_columns_of_each_variant() -> None:
    lone = Slice(rows=200, rmse=7.0, champion_rmse=None, standard_error=None)
    main = figures(5.0, None, pickup_hour={"04": part(0.5), "05": lone})
    told = card(evaluation(main, variants={"without time": figures(6.0, None, pickup_hour={"04": part(1.5)})}))
    assert "| pickup_hour | rows | RMSE | champion | without time RMSE | without time champion |" in told
    assert "| 04 | 1,000 | 5.500 | 5.000 | 6.500 | 5.000 |" in told
    assert "| 05 | 200 | 7.000 | - | - | - |" in told


def test_slices_that_begin_with_a_number_stand_in_its_order() -> None:
    told = card(evaluation(figures(5.0, None, miles={name: part(0.0) for name in ("10 and more", "2 to 5", "any")})))
    places = [told.index(f"| {name} | 1,000") for name in ("2 to 5", "10 and more", "any")]
    assert places == sorted(places)


def test_what_the_regression_test_found_is_told() -> None:
    shift = WeightShift(shared=3, appeared=1, vanished=2, relative_shift=0.25, largest={})
    relied = {"trip_distance": Importance(candidate=4.0, champion=1.0)}
    verdict = Verdict(passed=True, reasons=(), warnings=("it moved",))
    told = card(evaluation(weights=shift, importances=relied, verdict=verdict))
    assert "- it moved" in told
    assert "| `trip_distance` | 4.000 | 1.000 | 100% / 100% |" in told
    assert "moved by 0.250 of their size" in told


def test_every_table_has_as_many_columns_in_each_row() -> None:
    told = card(evaluation(figures(5.0, comparison(0.1, prediction_shift={"0.05": -0.1, "0.5": 0.2}))))
    for block in told.split("\n\n"):
        rows = [text.count(" | ") for text in block.splitlines() if text.startswith("| ")]
        assert len(set(rows)) <= 1, block
