"""What an engine changes on the machine beside its own folder, and how that is put back."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.processes import wait_until
from tests.promises import LateError

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
ROUTES = Path("/proc/net/route")


@dataclass(frozen=True)
class Host:
    """Network interfaces, packet filter and forwarding, as they were at some time."""

    interfaces: frozenset[str]
    rules: str
    forwarding: str

    @classmethod
    def now(cls) -> "Host":
        """Look around."""
        forwarding = FORWARDING.read_text() if FORWARDING.is_file() else ""
        return cls(frozenset(name for _, name in socket.if_nameindex()), _rules(), forwarding)

    def free_network(self) -> str:
        """Return an address with its network, of 254 addresses, that no route of this machine leads to."""
        routes = ROUTES.read_text().splitlines()[1:] if ROUTES.is_file() else []
        taken = {int.from_bytes(bytes.fromhex(line.split()[1])[:2][::-1], "big") for line in routes}
        while True:
            second, third = 200 + secrets.randbelow(50), secrets.randbelow(256)
            if (second << 8 | 10) not in taken:
                return f"10.{second}.{third}.1/24"

    def restore(self) -> None:
        """Put back what an engine has changed since."""
        now = Host.now()
        for name in sorted(now.interfaces - self.interfaces):
            subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)  # noqa: S607
        if _plain(now.rules) != _plain(self.rules):
            command = ["iptables-restore"]
            subprocess.run(command, input=self.rules, text=True, capture_output=True, check=False)
        if self.forwarding and now.forwarding != self.forwarding:
            FORWARDING.write_text(self.forwarding)

    def changes(self) -> list[str]:
        """Return what is different from then, a line each."""
        now = Host.now()
        found = [f"network interface {name}" for name in sorted(now.interfaces - self.interfaces)]
        if _plain(now.rules) != _plain(self.rules):
            found.append("rules of the packet filter")
        if now.forwarding != self.forwarding:
            found.append("forwarding of packets")
        return found


def _rules() -> str:
    program = shutil.which("iptables-save", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return ""
    return subprocess.run([program], capture_output=True, text=True, check=False).stdout


def _plain(rules: str) -> list[str]:
    """Return the rules without times and counters."""
    return [line.split(" [")[0] for line in rules.splitlines() if not line.startswith("#")]


def processes_below(folder: Path) -> list[psutil.Process]:
    """Return the processes that name a folder on their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def end_below(folder: Path) -> None:
    """SIGKILL what an engine that is gone has left running."""
    for process in processes_below(folder):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    try:
        wait_until(lambda: not processes_below(folder), timeout_s=10)
    except LateError:
        return


def mounts_below(folder: Path) -> list[str]:
    """Return the mount points in a folder, the innermost first."""
    table = Path("/proc/mounts")
    points = [line.split()[1] for line in table.read_text().splitlines()] if table.is_file() else []
    return sorted((point for point in points if point.startswith(f"{folder}/")), key=len, reverse=True)


def unmount_below(folder: Path) -> None:
    """Unmount what an engine has left mounted."""
    for point in mounts_below(folder):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)  # noqa: S607
