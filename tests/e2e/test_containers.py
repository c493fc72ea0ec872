"""The compose project for real: what `make images` built, brought up, asked, and taken down again.

`make e2e-containers` runs these on the project that it has brought up; by themselves they bring up one of their own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.boot.docker.tools import PROJECT_FILE, image, run_in, tool
from tests.chaos.load import TOLERANCE_MIN, sample_trips
from tests.containers.engine import Engine
from tests.containers.project import Project, create_project
from tests.e2e.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
PARTS = ("redis", "worker", "web")
WRITABLE = ("/data", "/logs", "/models", "/tmp")
STRANGER = """
import redis
try:
    redis.Redis("redis").ping()
except redis.AuthenticationError:
    print("refused")
"""
REACH = """
import socket, sys
for address in sys.argv[1:]:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError:
        print("no")
    else:
        print("yes")
"""
WRITE = """
import os, stat
written = []
for folder, _, _ in os.walk("/", onerror=lambda error: None):
    if folder.startswith(("/proc/", "/sys/", "/dev/")):
        continue
    path = os.path.join(folder, "written-by-a-test")
    try:
        open(path, "x").close()
    except OSError:
        continue
    os.unlink(path)
    written.append(folder)
print(len(written), sorted({"/" + folder.split("/")[1] for folder in written}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project that is up; nothing of one that was brought up here is left afterwards."""
    if PROJECT_FILE in os.environ:
        yield Project.read(Path(os.environ[PROJECT_FILE]))
        return
    for kind in ("web", "worker", "pipeline"):
        image(kind)
    engine = Engine(docker=tool("docker"), own=False, environment={})
    tag = os.environ.get("TAG", "local")
    project = create_project(tmp_path_factory.mktemp("project"), engine, tag=tag)
    try:
        project.make("up")
        yield project
    finally:
        project.down()
        assert project.leftovers() == []


def test_it_answers_what_the_shipped_model_answers(project: Project) -> None:
    for trip in sample_trips(20):
        answer = project.predict(PULocationID=trip.pickup, DOLocationID=trip.dropoff, trip_distance=trip.distance_miles)
        assert answer.status_code == httpx.codes.OK, answer.text
        assert abs(answer.json()["duration"] - trip.expected_min) < TOLERANCE_MIN


def test_a_batch_answers_the_same_in_order(project: Project) -> None:
    trips = sample_trips(300)
    rows = [
        {"PULocationID": trip.pickup, "DOLocationID": trip.dropoff, "trip_distance": trip.distance_miles}
        for trip in trips
    ]
    answer = project.post("/v1/trip/predict/batch", {"request_id": "many", "trips": rows})
    assert answer.status_code == httpx.codes.OK, answer.text
    for trip, row in zip(trips, answer.json()["outcomes"], strict=True):
        assert abs(row["duration"] - trip.expected_min) < TOLERANCE_MIN


def test_the_pages_of_an_operator_are_there(project: Project) -> None:
    assert "swagger" in project.get("/docs").text.lower()
    assert project.get("/health/ready").status_code == httpx.codes.OK
    assert "tripcast" in project.get("/metrics").text


@pytest.mark.parametrize("changes", [{"PULocationID": 0}, {"trip_distance": -1}, {"DOLocationID": "here"}])
def test_a_bad_request_is_refused(project: Project, changes: dict[str, object]) -> None:
    assert project.predict(**changes).status_code == httpx.codes.BAD_REQUEST


def test_redis_refuses_a_client_without_the_password(project: Project) -> None:
    assert project.run_in("web", "python", "-c", STRANGER).stdout == "refused\n"


@pytest.mark.parametrize("part", PARTS)
def test_a_running_container_has_no_rights(project: Project, part: str) -> None:
    status = project.run_in(part, "cat", "/proc/1/status").stdout.split()
    for name in ("CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"):
        assert status[status.index(name) + 1] == "0" * 16
    assert status[status.index("NoNewPrivs:") + 1] == "1"
    assert status[status.index("Uid:") + 1] != "0"
    assert "Read-only file system" in project.run_in(part, "touch", "/etc/written").stderr


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_running_container_writes_nowhere_but_to_its_volumes(project: Project, part: str) -> None:
    done = project.run_in(part, "python", "-c", WRITE)
    count, folders = done.stdout.split(maxsplit=1)
    assert int(count) >= len(WRITABLE), done.stderr
    assert set(folders.strip().strip("[]").replace("'", "").split(", ")) == set(WRITABLE)


def test_only_web_can_be_reached(project: Project) -> None:
    addresses = {part: _address(project, part) for part in PARTS}
    # From where web is reached: the others are in no network of it.
    options = (f"--network={project.name}_front",)
    wanted = [f"{addresses['web']['front']}:8182", f"{addresses['redis']['inside']}:6379"]
    done = project.engine.do("run", "--rm", *options, f"tripcast-web:{project.tag}", "python", "-c", REACH, *wanted)
    assert done.split() == ["yes", "no"]
    # From where the others are, so that the answer above means something.
    assert project.run_in("web", "python", "-c", REACH, wanted[1]).stdout == "yes\n"
    assert set(addresses["redis"]) == set(addresses["worker"]) == {"inside"}
    for part in ("redis", "worker"):
        [container] = project.engine.inspect(project.containers(part)[0])
        assert not any(container["NetworkSettings"]["Ports"].values())


def test_a_worker_has_no_way_out_of_its_network(project: Project) -> None:
    web = _address(project, "web")
    wanted = [f"{web['inside']}:8182", f"{web['front']}:8182"]
    assert project.run_in("worker", "python", "-c", REACH, *wanted).stdout.split() == ["yes", "no"]


def test_the_password_is_in_no_process_and_no_image(project: Project) -> None:
    for part in PARTS:
        [container] = project.containers(part)[:1]
        assert project.password not in project.engine.do("top", container, "-eo", "pid,args")
        [image_] = project.engine.inspect(project.engine.inspect(container)[0]["Image"])
        assert project.password not in str(image_)


def test_a_worker_that_is_killed_comes_back(project: Project) -> None:
    container = project.containers("worker")[0]
    before = int(project.engine.inspect(container)[0]["RestartCount"])

    def back() -> bool:
        count = int(project.engine.inspect(container)[0]["RestartCount"])
        return count == before + 1 and project.healthy(container)

    # The first process of a container cannot be killed from inside; the worker is its one child.
    code = (
        "import os; [os.kill(int(p), 9) for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]"
    )
    project.run_in("worker", "python", "-c", code)
    wait_until(back, timeout_s=120, what="the worker is back")
    assert project.predict().status_code == httpx.codes.OK


def test_the_worker_without_cuda_predicts_the_same(project: Project) -> None:
    """Both variants hold the same code on the same versions; only their base differs."""
    code = """
from core.managers.artifacts import find_champion, load_version
from core.schemas.catalog import TRIP_DURATION
from pathlib import Path
entry = TRIP_DURATION
model = load_version(find_champion(Path("/models"), entry.model), entry=entry)
print(model.predict({"PULocationID": [130], "DOLocationID": [205], "trip_distance": [3.0]}).predictions[0])
"""
    outputs = [run_in(image("worker", variant=variant), "python", "-c", code) for variant in ("", "-cpu")]
    assert abs(float(outputs[0].stdout) - float(outputs[1].stdout)) < TOLERANCE_MIN, outputs


def _address(project: Project, part: str) -> dict[str, str]:
    """Return the addresses of the first container of a part, by network."""
    [container] = project.engine.inspect(project.containers(part)[0])
    networks = container["NetworkSettings"]["Networks"]
    return {name.removeprefix(f"{project.name}_"): network["IPAddress"] for name, network in networks.items()}
