"""Services that are attacked, each with its store: on a data directory, on a server of its own, behind a proxy."""

from __future__ import annotations

import contextlib
import random
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from tests.deployments import (
    MASTER,
    ON_DISK,
    Deployed,
    Server,
    cluster,
    deployed,
    in_step,
    sentinel_group,
    until,
)
from tests.faults.proxy import Proxy
from tests.faults.shim import Shim
from tests.serving.conftest import Serve, is_running, kill_valkey, valkey_pid

Rig = TypeVar("Rig", bound="Services")

MOUNT = ("mount", "-t", "tmpfs", "-o")
_DISK_BYTES = 96 << 20
#: Until a promotion, or until a server that came back is a replica in step with its primary.
_FAIL_OVER_SECONDS = 60.0


class Services:
    """Services that share one store. A service that was killed is replaced by another."""

    def __init__(self, folder: Path, *flags: str | Path, number: int = 1, workers: int = 2,
                 environment: Mapping[str, str] = {}) -> None:  # fmt: skip
        self.folder = folder
        self._flags = ("--workers", str(workers), *map(str, flags))
        # A short path for sockets.
        self._environment = {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": "", **environment}
        self.services: list[Serve] = []
        self._started: list[Serve] = []
        try:
            self.services = self._start(number)
        except BaseException:
            self.end()
            raise

    def urls(self) -> list[str]:
        return [service.url for service in self.services]

    def end(self) -> None:
        """Kill all services that were ever started."""
        for service in self._started:
            service.kill()

    def worker(self, rng: random.Random) -> psutil.Process:
        """Return any process that answers requests. Waits for one if all were killed."""
        service = rng.choice(self.services)
        until(service.workers, "a worker")
        return rng.choice(service.workers())

    def replace(self, at: int) -> None:
        """Kill the main process of a service, and start another service."""
        self.services[at].process.kill()
        self.services[at].process.wait()
        [self.services[at]] = self._start(1)

    def _start(self, number: int) -> list[Serve]:
        started = [Serve(self.folder, *self._flags, environment=self._environment) for _ in range(number)]
        self._started += started
        return [service.wait_ready() for service in started]


class Directory(Services):
    """Two services on one data directory, whose Valkey one of them runs."""

    def __init__(self, folder: Path, data: Path, environment: Mapping[str, str] = {}) -> None:
        self.data = data
        super().__init__(folder, "--data-dir", data, number=2, workers=1, environment=environment)

    def valkey(self) -> int:
        """Return the process id of the Valkey that runs, or ran last."""
        return valkey_pid(self.data)

    def kill_valkey(self) -> None:
        kill_valkey(self.data)

    def kill_keepers(self) -> None:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if str(self.data) in command and any(word.endswith("watchdog.py") for word in command):
                    process.kill()

    def kill_all(self) -> None:
        """Kill all processes at once, and start again."""
        self._kill_what_runs()
        self.services = self._start(len(self.services))

    def end(self) -> None:
        super().end()
        self._kill_what_runs()

    def _kill_what_runs(self) -> None:
        for service in self.services:
            service.kill()
        self.kill_keepers()  # before Valkey, which it would end in good order
        self.kill_valkey()
        with contextlib.suppress(OSError, ValueError, KeyError):
            until(lambda: not is_running(self.valkey()), "the end of Valkey")


class Shimmed(Directory):
    """A data directory whose disk fails, and forgets what was not synchronised when Valkey is killed."""

    def __init__(self, folder: Path) -> None:
        self.shim = Shim(folder / "shim")
        self.shim.hold_back(torn=True)
        super().__init__(folder, folder / "data", self.shim.environment)


class OnServer(Services):
    """A service on a server of its own."""

    def __init__(self, folder: Path, server: Server, port: int, durability: str = "fsync") -> None:
        self.server = server
        super().__init__(folder, "--redis", f"redis://127.0.0.1:{port}", "--durability", durability)


class Proxied(OnServer):
    """A service whose connections to its server go through a proxy."""

    def __init__(self, folder: Path, server: Server, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(folder, server, proxy.port)


class Replicated(Services):
    """A service on a group under Sentinel or on a cluster, whose primaries have so many replicas."""

    def __init__(self, folder: Path, group: Deployed, *, replicas: int = 1, durability: str = "replicated") -> None:
        self.group = group
        setting = {"SQS_FACADE_CONFIRMING_REPLICAS": str(replicas)} if durability == "replicated" else {}
        super().__init__(folder, "--redis", group.url, "--durability", durability, environment=setting)

    def primaries(self) -> list[Server]:
        """Return the servers that are primaries by the sentinels, or by the nodes of the cluster that run."""
        if self.group.sentinels:
            port = int(self.group.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])
            return [server for server in self.group.servers if server.port == port]
        running = next(server for server in self.group.servers if server.process.poll() is None)
        nodes = [line.split() for line in running.command("CLUSTER", "NODES").decode().splitlines()]
        ports = [int(node[1].partition("@")[0].rpartition(":")[2]) for node in nodes if _has_slots(node)]
        return [server for server in self.group.servers if server.port in ports]

    def is_led_by_others(self, than: Server) -> bool:
        return than not in self.primaries()

    def bring_back(self, server: Server) -> None:
        """Start a server that was killed, as a replica of the primary that replaced it."""
        if self.group.sentinels:
            [primary] = self.primaries()
            server.arguments = (*ON_DISK, "--replicaof", f"127.0.0.1 {primary.port}")
        server.start()

    def await_replicas(self) -> None:
        """Wait until every server is a primary or a replica in step."""

        def is_whole() -> bool:
            leaders = self.primaries()
            return all(in_step(one) for one in self.group.servers if one not in leaders) and all(
                one.info("replication")["connected_slaves"] for one in leaders
            )

        until(is_whole, "replicas in step", _FAIL_OVER_SECONDS)


def _has_slots(node: list[str]) -> bool:
    """Return whether a line of CLUSTER NODES is that of a primary with slots that counts as alive."""
    flags = node[2].split(",")
    return "master" in flags and "fail" not in flags and len(node) > 8


@contextmanager
def _folder() -> Iterator[Path]:
    """Provide a folder with a short path, as the working directory too: services must not run in the checkout."""
    with (
        tempfile.TemporaryDirectory(prefix="sf", dir="/tmp", ignore_cleanup_errors=True) as folder,
        contextlib.chdir(folder),
    ):
        yield Path(folder)


@contextmanager
def _running(services: Rig) -> Iterator[Rig]:
    try:
        yield services
    finally:
        services.end()


@contextmanager
def directory() -> Iterator[Directory]:
    with _folder() as folder, _running(Directory(folder, folder / "data")) as rig:
        yield rig


@contextmanager
def shimmed() -> Iterator[Shimmed]:
    with _folder() as folder, _running(Shimmed(folder)) as rig:
        yield rig


@contextmanager
def small_disk() -> Iterator[Directory]:
    """A data directory on a file system of its own."""
    with _folder() as folder, _mounted(folder / "disk") as disk, _running(Directory(folder, disk / "data")) as rig:
        yield rig


@contextmanager
def _mounted(place: Path) -> Iterator[Path]:
    place.mkdir()
    subprocess.run([*MOUNT, f"size={_DISK_BYTES}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def on_server() -> Iterator[OnServer]:
    with _folder() as folder, deployed() as servers:
        server = servers.server(*ON_DISK)
        with _running(OnServer(folder, server, server.port)) as rig:
            yield rig


@contextmanager
def on_careless_server() -> Iterator[OnServer]:
    """A service that accepts any settings of its server, for which kill -9 is a power cut."""
    with _folder() as folder, deployed() as servers:
        shim = Shim(folder / "shim")
        shim.hold_back()
        server = servers.server(*ON_DISK, environment=shim.environment)
        with _running(OnServer(folder, server, server.port, "memory")) as rig:
            yield rig


@contextmanager
def proxied() -> Iterator[Proxied]:
    with _folder() as folder, deployed() as servers:
        server = servers.server(*ON_DISK)
        with contextlib.closing(Proxy(server.port)) as proxy, _running(Proxied(folder, server, proxy)) as rig:
            yield rig


@contextmanager
def sentinels(durability: str = "replicated") -> Iterator[Replicated]:
    """Two replicas, either of which may be promoted."""
    with (
        _folder() as folder,
        sentinel_group(replicas=2, arguments=ON_DISK) as group,
        _running(Replicated(folder, group, replicas=2, durability=durability)) as rig,
    ):
        yield rig


@contextmanager
def clustered() -> Iterator[Replicated]:
    with (
        _folder() as folder,
        cluster(primaries=3, replicas=3, arguments=ON_DISK) as group,
        _running(Replicated(folder, group)) as rig,
    ):
        yield rig
