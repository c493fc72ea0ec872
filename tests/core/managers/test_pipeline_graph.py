from config import ROOT
from core.managers.pipeline_graph import graph_steps
from core.services.graph_drawing import draw
from tests.core.managers.pipeline_files import STEPS

DRAWING = ROOT / "docs" / "pipeline.svg"


def test_the_steps_come_in_the_order_in_which_they_run() -> None:
    steps = graph_steps()
    assert tuple(step.name for step in steps) == STEPS
    for place, step in enumerate(steps):
        assert set(step.reads) <= {earlier.name for earlier in steps[:place]}


def test_what_hamilton_finds_is_in_the_graph() -> None:
    split = next(step for step in graph_steps() if step.name == "split")
    assert split.reads == ("combine",)
    assert {"train_months", "test_months", "validation_days"} <= set(split.inputs)
    assert split.summary


def test_the_drawing_in_the_docs_is_up_to_date() -> None:
    now = draw(graph_steps(), title="The steps of the training pipeline")
    assert DRAWING.read_text() == now, "python -m apps.cli pipeline graph --output docs/pipeline.svg"
