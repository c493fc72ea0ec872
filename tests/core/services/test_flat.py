from core.services.flat import flat


def test_values_inside_of_others_are_named_by_their_path() -> None:
    assert flat({"a": {"b": {"c": 1}}, "d": None}) == {"a.b.c": "1", "d": "None"}


def test_a_list_is_one_text() -> None:
    assert flat({"months": ["2021-01", "2021-02"], "none": []}) == {"months": "2021-01, 2021-02", "none": ""}
