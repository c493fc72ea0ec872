from bench.record import ChunkPoint
from bench.tables import Table, tables
from tests.bench.records import dial_points, point, record


def table(found: list[Table], title: str) -> Table:
    return next(table for table in found if table.title.startswith(title))


def test_throughput_has_a_row_a_contender_and_a_column_a_number_of_connections() -> None:
    found = table(
        tables(record(*(point(name, 1234.5, connections=count) for name in ("ours", "echo") for count in (64, 1)))),
        "The linear reference: requests/s",
    )

    assert found.heads == ("", "1 connection", "64 connections")
    assert found.rows == [("echo", "1,234", "1,234"), ("ours", "1,234", "1,234")]


def test_ratios_leave_ours_out_and_show_the_spread_of_rounds() -> None:
    rounds = [(100.0, 200.0), (100.0, 100.0), (100.0, 50.0)]
    points = [
        point(name, rate, round=number)
        for number, rates in enumerate(rounds)
        for name, rate in zip(("ours", "echo"), rates, strict=True)
    ]

    found = table(tables(record(*points)), "The linear reference: ours / contender")

    assert found.rows == [("echo", "1.00 (0.500 to 2.00)")]


def test_costs_are_shown_by_kind_of_process() -> None:
    spent = {"launcher": 0.01, "web": 0.1, "worker": 0.05, "broker": 0.02, "generator": 0.03}
    memory = {"web": [60.4, 40.6], "worker": [170.0], "broker": [8.0], "launcher": [38.0]}

    found = table(
        tables(record(point("ours", 1.0, cpu_s_per_1000=spent, resident_mib=memory, errors=2))),
        "The linear reference: CPU seconds",
    )

    sizes = "web 60 + 41, worker 170, broker 8, launcher 38"
    assert found.rows == [("ours", "0.180", "0.100", "0.050", "0.020", "0.010", "0.030", sizes, "2")]


def test_a_process_that_was_replaced_under_load_is_not_hidden() -> None:
    found = table(tables(record(point("ours", 1.0, restarted=True))), "The linear reference: CPU seconds")

    assert found.rows[0][-1] == "0, restarted"


def test_the_crossover_is_shown_for_each_cost_of_a_row() -> None:
    dial = [
        *dial_points({0.0: 0.5, 100.0: 2.0}),
        *dial_points({0.0: 0.1, 100.0: 0.2}, per_row_us=200.0),
        *dial_points({0.0: 1.1, 100.0: 1.2}, per_row_us=1.0),
    ]

    found = table(tables(record(dial=dial)), "The crossover")

    assert found.rows == [("1 us", "always"), ("2 us", "50 us"), ("200 us", "not up to 100 us")]


def test_what_was_not_measured_has_no_table() -> None:
    titles = [found.title for found in tables(record(point("ours", 1.0)))]

    assert not any(title.startswith(("The dial", "The crossover", "Many rows", "200")) for title in titles)


def test_many_rows_at_once_are_shown() -> None:
    chunk = ChunkPoint(kind="batch", round=0, rows=10_000, rows_per_s=200_000.4, errors=0)

    assert table(tables(record(chunks=[chunk])), "Many rows").rows == [("batch", "10,000", "200,000")]
