from importlib.util import find_spec

from bench.lineup import CONTENDERS
from bench.rendering import PAGE


def test_every_contender_is_described_in_the_documentation() -> None:
    text = PAGE.read_text()

    assert [name for name in CONTENDERS if f"`{name}`" not in text] == []


def test_every_application_is_there_and_only_ours_is_none() -> None:
    applications = {contender.name: contender.application for contender in CONTENDERS.values()}

    assert [name for name, application in applications.items() if not application] == ["ours"]
    assert all(find_spec(f"bench.contenders.{application}") for application in applications.values() if application)
