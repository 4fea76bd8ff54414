"""Every form of ``--host``, and ports that are in use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from sqs_facade import listening, port_holders
from sqs_facade.startup import ServingError
from tests.patience import PATIENCE_SECONDS
from tests.serving.conftest import Serve, client_of, is_running
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings

Start = Callable[..., Serve]
_RESOLVE = socket.getaddrinfo
BOTH = ["127.0.0.1", "::1"]


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "in_url"),
    [
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.1.2.3", "127.1.2.3"),
        pytest.param("::1", "[::1]", marks=needs_ipv6),
        pytest.param("[::1]", "[::1]", marks=needs_ipv6),
        pytest.param("0:0:0:0:0:0:0:1", "[0:0:0:0:0:0:0:1]", marks=needs_ipv6),
    ],
)
def test_the_service_listens_on_a_host_of_this_machine(serve: Start, host: str, in_url: str) -> None:
    service = serve("--ephemeral", "--host", host).wait_ready()
    assert service.url == f"http://{in_url}:{urlsplit(service.url).port}"
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="first")
    assert service.errors.read_text() == ""


@pytest.mark.parametrize(
    ("host", "called"),
    [
        ("0.0.0.0", ["127.0.0.1"]),
        pytest.param("::", BOTH, marks=needs_ipv6),
        pytest.param("[::]", BOTH, marks=needs_ipv6),
        pytest.param("*", BOTH, marks=needs_ipv6),
    ],
)
def test_an_open_bind_is_called_by_every_family(serve: Start, host: str, called: list[str]) -> None:
    assert "--open-bind" in serve("--ephemeral", "--host", host).refused()
    service = serve("--ephemeral", "--host", host, "--open-bind").wait_ready()
    for address in called:
        socket.create_connection((address, urlsplit(service.url).port or 0), 5).close()


def test_a_websocket_process_listens_on_a_host_in_brackets(free_port: int) -> None:
    """The same port is held and served."""
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    command = [sys.executable, "-m", "sqs_facade", "websocket", "--ephemeral", "--host", "[::1]", "--port"]
    process = subprocess.Popen([*command, str(free_port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"sqs-facade is ready: ws://[::1]:{free_port}\n"
        socket.create_connection(("::1", free_port), 5).close()
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize(
    "host", ["no.such.host.invalid", "a..b", "x" * 70, "[", "[::1", "::1]", "127.0.0.1:9324", " ", "http://localhost"]
)
def test_a_host_that_is_none_is_one_line(serve: Start, host: str) -> None:
    line = serve("--ephemeral", "--host", host).refused()
    assert line.startswith("sqs-facade: cannot listen on ")


@pytest.mark.parametrize("host", ["localhost.example", "::1234", "::ffff:10.0.0.1", "10.0.0.1"])
def test_a_host_that_only_looks_like_loopback_needs_open_bind(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "example" in host:
        _resolve_to(monkeypatch, "192.0.2.1")
    with pytest.raises(SettingsInvalid, match="--open-bind"):
        listening.resolve(Settings(host=host))
    assert listening.resolve(Settings(host=host, open_bind=True))


def test_other_machines_may_call_where_all_callers_need_credentials() -> None:
    assert listening.resolve(Settings(host="10.0.0.1", credentials_file=Path("credentials.toml")))
    with pytest.raises(SettingsInvalid, match="set credentials_file, or add --open-bind"):
        listening.resolve(Settings(host="10.0.0.1", auth_strategy="keystone"))


@pytest.mark.parametrize("host", ["::ffff:127.0.0.1", "127.9.9.9"])
def test_every_loopback_address_needs_no_open_bind(host: str) -> None:
    [address] = listening.resolve(Settings(host=host))
    assert address.is_loopback


def _resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses, as a resolver with several records does."""
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, port, **how: [found for host in hosts for found in _RESOLVE(host, port, **how)]
    )


@needs_ipv6
@pytest.mark.parametrize("wanted", ["free", "given"])
def test_a_name_with_several_addresses_is_served_on_each(
    monkeypatch: pytest.MonkeyPatch, free_port: int, wanted: str
) -> None:
    _resolve_to(monkeypatch, *BOTH, "127.0.0.1")
    held = listening.hold_port(listening.resolve(Settings(host="both")), free_port if wanted == "given" else 0)
    try:
        sockets = listening.listen(held)
        assert [one.getsockname()[:2] for one in sockets] == [(host, held.port) for host in BOTH]
    finally:
        held.close()


def test_an_address_that_this_machine_does_not_have_is_left_out_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, "127.0.0.1", "192.0.2.1")
    held = listening.hold_port(listening.resolve(Settings(host="both", open_bind=True)), 0)
    held.close()
    assert [address.host for address in held.addresses] == ["127.0.0.1"]
    _resolve_to(monkeypatch, "192.0.2.1")
    with pytest.raises(ServingError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        listening.hold_port(listening.resolve(Settings(host="away", open_bind=True)), 0)


@needs_ipv6
def test_an_address_in_use_among_several_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, *BOTH)
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServingError, match=rf"cannot listen on \[::1\]:{port}: the port is in use"):
            listening.hold_port(listening.resolve(Settings(host="both")), port)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_process_that_holds_a_port_is_named(serve: Start, host: str) -> None:
    with socket.create_server((host, 0)) as other:
        line = serve("--ephemeral", "--port", str(other.getsockname()[1])).refused()
    assert f"the port is in use by process {os.getpid()} (" in line


def test_a_port_is_taken_when_its_holder_ends_between_the_try_and_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    other = socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]

    def look(host: str, wanted: int) -> list[port_holders.Holder]:
        other.close()
        return found(host, wanted)

    found = port_holders.of
    monkeypatch.setattr(port_holders, "of", look)
    held = listening.hold_port(listening.resolve(Settings()), port)
    held.close()
    assert held.port == port


def test_a_port_whose_holder_cannot_be_seen_is_refused_after_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def see_none(_host: str, wanted: int) -> list[port_holders.Holder]:
        looks.append(wanted)
        return []

    monkeypatch.setattr(port_holders, "of", see_none)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServingError, match=r"the port is in use$"):
            listening.hold_port(listening.resolve(Settings()), port)
    assert looks == [port] * 3


@pytest.fixture
def workers_left(serve: Start) -> Iterator[tuple[str, list[psutil.Process]]]:
    """The port and the workers of a service whose main process was killed while its workers were stopped."""
    service = serve("--ephemeral").wait_ready()
    workers = service.workers()
    below = psutil.Process(service.process.pid).children(recursive=True)
    for worker in workers:
        worker.suspend()
    service.process.send_signal(signal.SIGKILL)
    service.process.wait()
    yield service.url.rpartition(":")[2], workers
    for worker in workers:
        if is_running(worker.pid):
            worker.kill()
    psutil.wait_procs(below, PATIENCE_SECONDS)  # its Valkey ends by itself, as long as nobody kills its keeper


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_port_is_taken_over_from_the_workers_of_a_killed_service(
    workers_left: tuple[str, list[psutil.Process]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was stopped goes on only after the next service has found the port in use."""
    port, workers = int(workers_left[0]), workers_left[1]
    seen: list[port_holders.Holder] = []

    def look(host: str, wanted: int) -> list[port_holders.Holder]:
        holders = find(host, wanted)
        seen.extend(holders)
        for worker in workers if len(seen) == len(holders) else ():
            worker.resume()
        return holders

    find = port_holders.of
    monkeypatch.setattr(port_holders, "of", look)
    held = listening.hold_port(listening.resolve(Settings()), port)
    held.close()
    assert held.port == port
    assert (seen[0].pid, seen[0].is_orphaned_worker, seen[0].is_ending) == (workers[0].pid, True, True)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_port_that_a_worker_of_a_killed_service_keeps_names_that_worker(
    serve: Start, workers_left: tuple[str, list[psutil.Process]]
) -> None:
    port, [worker] = workers_left
    line = serve("--ephemeral", "--port", port).refused()
    assert f"in use by process {worker.pid} (" in line
    assert "a worker of a service whose main process has ended" in line
