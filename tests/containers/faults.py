"""What is done to the containers while the load goes on."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.containers.project import Project
from tests.e2e.processes import wait_until

WORKERS = 3
BACK_TIMEOUT_S = 180.0
CUT_OFF_S = 6.0
"""Longer than a worker may be silent before others are given its work."""
PAUSE_S = 5.0
NOTICE_S = 3.0
"""In which an engine that means to start a container again has begun to."""


@dataclass
class Site:
    """Where faults happen.

    Parameters
    ----------
    device : str
        The variant that is up, as `make` wants it.
    notes : list of str
        What is worth a line in the report.
    """

    project: Project
    notes: list[str]
    device: str = ""

    def worker(self) -> str:
        """Return a container of a worker."""
        return self.project.containers("worker")[-1]

    def redis(self) -> str:
        """Return the container of Redis."""
        return self.project.containers("redis")[0]

    def scale(self, workers: int) -> None:
        """Run so many workers; returns once they are healthy."""
        self.project.make("scale", f"WORKERS={workers}", f"DEVICE={self.device}")

    def wait(self, container: str) -> None:
        """Return once a container is healthy."""
        wait_until(lambda: self.project.healthy(container), timeout_s=BACK_TIMEOUT_S, what=f"{container[:12]} is well")

    def kill_first_process(self, container: str) -> None:
        """SIGKILL the first process of a container, from the machine that it runs on; return once it is started again."""
        [before] = self.project.engine.inspect(container)
        os.kill(int(before["State"]["Pid"]), signal.SIGKILL)
        count = int(before["RestartCount"])
        wait_until(
            lambda: int(self.project.engine.inspect(container)[0]["RestartCount"]) > count,
            timeout_s=BACK_TIMEOUT_S,
            what="the engine starts a container again whose first process was killed",
        )


def is_local(project: Project) -> bool:
    """Tell whether the engine's processes are those of this machine, and ours to kill."""
    [container] = project.engine.inspect(project.containers("worker")[0])
    groups = Path(f"/proc/{container['State']['Pid']}/cgroup")
    return os.geteuid() == 0 and groups.is_file() and container["Id"] in groups.read_text()


def nothing(site: Site) -> None:
    """Let the load run, to compare with."""
    time.sleep(NOTICE_S)
    site.wait(site.worker())


def scale_up(site: Site) -> None:
    """`make scale WORKERS=3`, from one."""
    site.scale(WORKERS)
    assert len(site.project.containers("worker")) == WORKERS


def kill_worker(site: Site) -> None:
    """`docker kill` one of three workers; whoever did so starts it again."""
    container = site.worker()
    site.project.engine.do("kill", container)
    time.sleep(NOTICE_S)
    [state] = site.project.engine.inspect(container)
    if state["State"]["Running"]:
        site.notes.append("docker kill: the engine started the worker again by itself")
    else:
        site.notes.append("docker kill: the worker stays down, as for the engine that is a wish; make scale starts it")
        site.scale(WORKERS)
    site.wait(container)


def kill_first_process(site: Site) -> None:
    """SIGKILL the first process of a worker; the engine starts it again."""
    container = site.worker()
    site.kill_first_process(container)
    site.notes.append("SIGKILL of a worker's first process: the engine started it again by itself")
    site.wait(container)


def cut_off(site: Site) -> None:
    """Take a worker off the network for some seconds."""
    container, network = site.worker(), f"{site.project.name}_inside"
    site.project.engine.do("network", "disconnect", network, container)
    time.sleep(CUT_OFF_S)
    site.project.engine.do("network", "connect", network, container)
    site.wait(container)


def pause_worker(site: Site) -> None:
    """Freeze a worker for some seconds."""
    container = site.worker()
    site.project.engine.do("pause", container)
    time.sleep(PAUSE_S)
    site.project.engine.do("unpause", container)
    site.wait(container)


def restart_redis(site: Site) -> None:
    """`docker restart` of Redis, which keeps its append-only file."""
    container = site.redis()
    site.project.engine.do("restart", container)
    site.wait(container)


def kill_redis(site: Site) -> None:
    """SIGKILL the first process of Redis; the engine starts it again."""
    container = site.redis()
    site.kill_first_process(container)
    site.wait(container)


def kill_all_workers(site: Site) -> None:
    """SIGKILL the first process of one worker right after the other; with none for some seconds, some requests are told so."""
    containers = site.project.containers("worker")
    for container in containers:
        site.kill_first_process(container)
    for container in containers:
        site.wait(container)


def scale_down(site: Site) -> None:
    """`make scale WORKERS=1`: two workers finish what they have in hand, and end."""
    site.scale(1)
    assert len(site.project.containers("worker")) == 1


@dataclass(frozen=True)
class Fault:
    """Something that is done, and whether honest errors are expected meanwhile.

    ``rate_share``: of the rate of the load. Where requests wait, each does so on a connection of its own, and the
    proxy of a published port ends when it may open no more files: it takes six for each.
    ``local``: it needs to be root on the machine that the engine runs on.
    """

    act: Callable[[Site], None]
    errors_expected: bool = False
    rate_share: float = 1.0
    quick: bool = True
    local: bool = False

    @property
    def name(self) -> str:
        """Name for the report."""
        return self.act.__name__


FAULTS = (
    Fault(nothing),
    Fault(scale_up),
    Fault(kill_worker),
    Fault(kill_first_process, local=True),
    Fault(cut_off),
    Fault(pause_worker, quick=False),
    Fault(restart_redis, errors_expected=True),
    Fault(kill_redis, errors_expected=True, quick=False, local=True),
    Fault(kill_all_workers, errors_expected=True, rate_share=0.25, quick=False, local=True),
    Fault(scale_down),
)
