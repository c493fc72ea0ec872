import polars as pl

from bench.rollout_records import Shadows, shadows_of


def records(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["request_id", "transaction_id", "version", "role"], orient="row")


def test_an_answer_is_complete_with_one_record_of_the_shadow() -> None:
    found = records(
        ("r1", "t1", "a", "champion"),
        ("r1", "t1", "c", "shadow"),
        ("r2", "t2", "b", "canary"),
        ("r3", "t3", "a", "champion"),
        ("r3", "t3", "c", "shadow"),
        ("r3", "t3", "c", "shadow"),
        ("r1", "t4", "b", "canary"),
        ("r1", "t4", "c", "shadow"),
    )
    assert shadows_of(found, answered=5) == Shadows(answered=5, recorded=4, shadowed=2, unsteady=1)
    assert shadows_of(found, answered=5).dropped == 3
    assert shadows_of(found, answered=1, transactions={"t1"}) == Shadows(answered=1, recorded=1, shadowed=1, unsteady=0)
