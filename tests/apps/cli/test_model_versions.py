import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT, Settings
from core.managers.database import open_database
from core.managers.registry import Registry
from core.managers.version_files import write_route
from core.schemas.catalog import TIP_SHARE, TRIP_DURATION
from core.schemas.route import Canary, Route
from tests.apps.cli.conftest import Models
from tests.core.managers.paced_versions import store_paced
from tests.core.managers.registered import rewrite_manifest
from tests.core.managers.s3 import BUCKET, KEYS, S3, create_s3

MODEL = TRIP_DURATION.model


def test_versions_are_listed_with_their_state_and_what_the_route_makes_of_them(
    models: Models, models_dir: Path
) -> None:
    route = Route(champion="pace-1", canary=Canary(version="pace-2", share=0.1), shadow="pace-3")
    write_route(models_dir, MODEL, route)
    listed = json.loads(models("list", "--json").stdout)
    assert {item["version"]: item["role"] for item in listed} == {
        "pace-1": "champion",
        "pace-2": "canary 10 %",
        "pace-3": "shadow",
    }
    assert {item["state"] for item in listed} == {"approved"}
    shown = models("list").stdout
    assert all(text in shown for text in ("pace-3", "approved", "champion", "canary 10 %", "shadow", "KiB"))


def test_the_error_on_the_test_rows_is_listed_where_a_version_has_one(models: Models, models_dir: Path) -> None:
    rewrite_manifest(models_dir / MODEL / "pace-2", metrics={"evaluation": {"rows": 1200, "rmse_min": 4.2}})
    listed = models("list").stdout
    assert "test RMSE (min)" in listed
    assert "4.200" in listed
    assert "test RMSE (min): 4.200 on 1,200 rows" in models("show", "pace-2").stdout


@pytest.mark.parametrize("columns", [80, 103, 104, 160])
def test_the_list_has_whole_ids_states_and_roles_in_a_terminal_of_80_columns(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    shutil.copytree(ROOT / "repo" / "models", tmp_path / "shipped")
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "shipped"))
    champion, canary = "2021-01-boosted-485f1362", "2021-01-linear-d0dfed2d"
    write_route(tmp_path / "shipped", MODEL, Route(champion=champion, canary=Canary(version=canary, share=0.1)))
    lines = models("list", columns=columns).stdout.splitlines()
    for version, role in ((champion, "champion"), (canary, "canary 10 %")):
        (line,) = (line for line in lines if version in line)
        assert f" {version} " in line
        assert " approved " in line
        assert f" {role} " in line
    assert max(map(len, lines)) <= columns


def test_another_model_has_versions_of_its_own(models: Models) -> None:
    assert json.loads(models("list", "--model", TIP_SHARE.model, "--json").stdout) == []


def test_a_version_is_approved_frozen_and_retired_with_who_and_why(models: Models, models_dir: Path) -> None:
    store_paced(models_dir, 7)
    registry = Registry(open_database(Settings(data_dir=models_dir.parent / "data").runs_url), models_dir)
    registry.register(MODEL, "pace-7", who="run 1", why="trained")
    assert (
        models("approve", "pace-7", "--why", "it is better", "--who", "ada").stdout == f"{MODEL} pace-7 is approved\n"
    )
    assert models("freeze", "pace-7", "--why", "the regulator asked").exit_code == 0
    assert models("retire", "pace-3", "--why", "it is old").exit_code == 0

    told = json.loads(models("show", "pace-7", "--json").stdout)

    assert told["record"]["state"] == "frozen"
    assert "golden_rows" not in told["manifest"]
    assert [(event["event"], event["why"]) for event in told["events"]] == [
        ("register", "trained"),
        ("approve", "it is better"),
        ("freeze", "the regulator asked"),
    ]
    assert [event["who"] for event in told["events"]][1] == "ada"
    shown = models("show", "pace-7").stdout
    assert all(text in shown for text in ("frozen", "the regulator asked", "ada", told["record"]["sha256"]))


def test_without_who_it_is_the_login_name(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    models("retire", "pace-3", "--why", "it is old")
    assert json.loads(models("show", "pace-3", "--json").stdout)["events"][-1]["who"] == "grace"


def test_a_change_of_state_needs_a_reason(models: Models) -> None:
    for command in ("approve", "freeze", "retire"):
        refused = models(command, "pace-2")
        assert refused.exit_code == 2
        assert "--why" in refused.stderr


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("show", "gone"), "show: there is no version gone of trip_duration\n"),
        (("show", "../x"), "show: there is no such version\n"),
        (("list", "--model", "weather"), "list: no model is called 'weather'; there are: trip_duration, tip_share\n"),
        (
            ("approve", "pace-2", "--why", "x"),
            "approve: a version that is approved cannot approve, only freeze or retire\n",
        ),
        (
            ("retire", "pace-1", "--why", "x"),
            "retire: version pace-1 of trip_duration is on the route; it retires once it is off\n",
        ),
        (
            ("freeze", "pace-2", "--why", "two\nlines"),
            "freeze: --why: one line of text is needed, and not a long one\n",
        ),
        (("push", "pace-2"), "push: ARTIFACT_STORE names no storage\n"),
    ],
)
def test_what_cannot_be_is_one_line(models: Models, command: tuple[str, ...], line: str) -> None:
    refused = models(*command)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", line)


def test_a_database_that_cannot_be_used_is_one_line(models: Models, models_dir: Path) -> None:
    models("list")
    (models_dir.parent / "data" / "runs.sqlite").write_bytes(b"this is no database" * 100)
    refused = models("list")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("list: the database of the runs cannot be used")
    assert len(refused.stderr.splitlines()) == 1


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    server = create_s3(tmp_path)
    monkeypatch.setenv("ARTIFACT_STORE", f"s3://{BUCKET}/team")
    monkeypatch.setenv("S3_ENDPOINT_URL", server.url)
    with server.running():
        yield server


def test_a_version_goes_to_the_storage_and_comes_back(
    models: Models, models_dir: Path, s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert models("push", "pace-2").exit_code == 0
    assert f"team/{MODEL}/pace-2/manifest.json" in s3.keys()  # noqa: SIM118 (no mapping)
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "elsewhere" / "data"))
    fetched = models("fetch", "pace-2", "--who", "ada")
    assert fetched.exit_code == 0, fetched.output
    record = json.loads(models("show", "pace-2", "--json").stdout)["record"]
    assert (record["state"], record["registered_by"]) == ("candidate", "ada")
    artifact = tmp_path / "elsewhere" / MODEL / "pace-2" / "model.pickle"
    assert artifact.read_bytes() == (models_dir / MODEL / "pace-2" / "model.pickle").read_bytes()
    refused = models("fetch", "pace-3")
    assert refused.stderr == f"fetch: the storage holds no version pace-3 of {MODEL}\n"
