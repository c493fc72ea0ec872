import pytest

from config import Settings
from core.managers.predictor import run_here
from core.utilities.errors import ArtifactError
from tasks.models import create_predictor


@pytest.mark.parametrize("pin", ["2021-01-lin", "tip_share:2021-01-lin"])
def test_a_pinned_version_that_is_nowhere_is_told_with_the_setting_that_pins_it(pin: str) -> None:
    settings = Settings(_env_file=None, model_version=pin)
    with pytest.raises(
        ArtifactError, match=r"MODEL_VERSION: there is no version 2021-01-lin of (trip_duration|tip_share)"
    ):
        create_predictor(settings, worker="w", run=run_here)
