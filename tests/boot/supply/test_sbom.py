"""The bills of materials, by the tool that writes them and its own validator."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from boot.supply.image_lists import KINDS, packages_of
from boot.supply.sbom import main, write_sbom

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the text of each."""
    folder = tmp_path_factory.mktemp("sbom")
    assert main([str(folder)]) == 0
    return {kind: (folder / f"tripcast-{kind}.cdx.json").read_text() for kind in KINDS}


def components(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["components"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_bill_is_valid_to_the_letter(bills: dict[str, str], kind: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bills[kind]) is None


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_what_the_image_installs_with_every_hash(bills: dict[str, str], kind: str) -> None:
    named = {(one["name"], one["version"]): one for one in components(bills[kind])}
    assert named.keys() == {(package.name, package.version) for package in packages_of(kind)}
    for package in packages_of(kind):
        one = named[package.name, package.version]
        assert one["purl"].startswith(f"pkg:pypi/{package.name}@{package.version}")
        [source] = one["externalReferences"]
        assert {f"sha256:{item['content']}" for item in source["hashes"]} == set(package.hashes)


def test_it_tells_the_images_apart(bills: dict[str, str]) -> None:
    holders = {
        name: {kind for kind in KINDS if any(one["name"] == name for one in components(bills[kind]))}
        for name in ("scikit-learn", "cupy-cuda12x")
    }
    assert holders == {"scikit-learn": {"worker", "worker-gpu", "pipeline"}, "cupy-cuda12x": {"worker-gpu"}}
    assert json.loads(bills["web"])["metadata"]["component"]["name"] == "tripcast"


def test_the_same_list_gives_the_same_bill(bills: dict[str, str], tmp_path: Path) -> None:
    assert write_sbom("web", tmp_path).read_text() == bills["web"]
