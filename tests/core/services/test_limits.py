from core.schemas.gate_limits import GateLimits
from core.schemas.limits import FamilyLimits
from core.schemas.quality import QualityLimits
from core.services.limits import override


def test_a_limit_that_was_asked_for_wins_and_the_others_stay() -> None:
    limits = override(QualityLimits(null_share=0.2, rows_min=5), QualityLimits(rows_min=7))
    assert (limits.null_share, limits.rows_min) == (0.2, 7)


def test_a_default_that_was_not_given_does_not_win() -> None:
    assert override(QualityLimits(null_share=0.2), QualityLimits()) == QualityLimits(null_share=0.2)


def test_a_limit_may_be_lifted() -> None:
    assert override(GateLimits(rmse_max=5.0), GateLimits(rmse_max=None)).rmse_max is None


def test_limits_inside_of_others_are_taken_one_by_one() -> None:
    file = FamilyLimits(gate=GateLimits(rmse_max=5.0, noise_factor=1.0))
    asked = FamilyLimits.model_validate({"gate": {"noise_factor": 3.0}})
    assert override(file, asked).gate == GateLimits(rmse_max=5.0, noise_factor=3.0)
