from xml.etree import ElementTree

from core.schemas.graph import GraphStep
from core.services.graph_drawing import draw

SVG = "{http://www.w3.org/2000/svg}"


def step(name: str, *reads: str, inputs: tuple[str, ...] = ()) -> GraphStep:
    return GraphStep(name=name, summary=f"Does <{name}> & more.", reads=reads, inputs=inputs)


def elements(steps: list[GraphStep], kind: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(draw(steps, title="A & B"))  # noqa: S314 (our own text)
    return [element for element in root.iter() if kind in str(element.get("class")).split()]


def test_each_step_is_a_box_with_its_name_in_the_given_order() -> None:
    steps = [step("a"), step("b", "a"), step("c", "b")]
    assert [element.text for element in elements(steps, "name")] == ["a", "b", "c"]
    tops = [int(str(box.get("y"))) for box in elements(steps, "box")]
    assert tops == sorted(set(tops))


def test_each_reading_and_the_inputs_of_a_step_are_an_arrow() -> None:
    steps = [step("a", inputs=("months",)), step("b", "a"), step("c", "a", "b")]
    assert len(elements(steps, "edge")) == len(elements(steps, "tip")) == 4
    assert [element.text for element in elements(steps, "input")] == ["months"]


def test_what_is_read_from_further_up_runs_beside_the_boxes_in_between() -> None:
    steps = [step("a"), step("b", "a"), step("c", "a", "b")]
    (lane,) = [edge for edge in elements(steps, "edge") if str(edge.get("d")).count("H") == 2]
    box = elements(steps, "box")[1]
    across = float(str(lane.get("d")).split("H")[1].split("V")[0])
    assert across > float(str(box.get("x"))) + float(str(box.get("width")))


def test_two_steps_that_are_read_from_afar_have_lanes_of_their_own() -> None:
    steps = [step("a"), step("b"), step("c"), step("d", "a", "b")]
    lanes = {str(edge.get("d")).split("H")[1].split("V")[0] for edge in elements(steps, "edge")}
    assert len(lanes) == 2
