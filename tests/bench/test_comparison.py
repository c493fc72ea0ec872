import pytest
from rich.console import Console

from bench.comparison import Difference, checked_out, compare, differences
from bench.provenance import git
from bench.run import QUICK
from config import ROOT
from tests.bench.records import point

ROUNDS = 6


def found(base: list[float], here: list[float]) -> dict[str, Difference]:
    points = {
        name: [point(name, rate, round=number, p99_ms=1000 / rate) for number, rate in enumerate(rates)]
        for name, rates in {"base": base, "here": here}.items()
    }
    return {difference.what: difference for difference in differences(points)}


def test_what_is_slower_in_every_pair_is_slower_by_both_figures() -> None:
    base = [1000.0, 1100.0, 900.0, 1000.0, 1050.0, 950.0]
    here = [rate * factor for rate, factor in zip(base, [0.8, 0.81, 0.79, 0.8, 0.8, 0.82], strict=True)]

    differences = found(base, here)

    assert {difference.verdict for difference in differences.values()} == {"slower"}
    assert differences["requests_per_s"].ratio.middle == pytest.approx(0.803, abs=0.001)
    assert differences["p99_ms"].ratio.middle == pytest.approx(1.245, abs=0.001)


def test_what_is_faster_in_every_pair_is_faster() -> None:
    differences = found([1000.0] * ROUNDS, [1200.0, 1210.0, 1190.0, 1200.0, 1205.0, 1195.0])

    assert {difference.verdict for difference in differences.values()} == {"faster"}


def test_a_difference_within_the_noise_is_none() -> None:
    differences = found([1000.0] * ROUNDS, [1200.0, 900.0, 1100.0, 850.0, 1000.0, 1150.0])

    assert {difference.verdict for difference in differences.values()} == {"no difference shown"}


def test_an_unknown_revision_ends_with_one_line() -> None:
    with pytest.raises(SystemExit, match="no-such-revision is no revision of this repository"):
        compare("no-such-revision", QUICK, console=Console())


@pytest.mark.skipif(not git("rev-parse", "HEAD"), reason="not in a git repository")
def test_a_revision_is_unpacked_with_this_benchmark_and_nothing_is_left() -> None:
    with checked_out("HEAD") as folder:
        assert (folder / "boot" / "local" / "__main__.py").is_file()
        assert (folder / "bench" / "trees.py").read_text() == (ROOT / "bench" / "trees.py").read_text()

    assert not folder.exists()
    assert str(folder) not in git("worktree", "list", "--porcelain")
