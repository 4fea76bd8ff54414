"""The output of a start: the URL, or one clear line."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from sqs_facade import cli
from sqs_facade.cli import main
from sqs_facade.listening import Held
from tests.patience import PATIENCE_SECONDS, until
from tests.private_valkey import private_valkey
from tests.serving.conftest import Serve, client_of
from zaqar_core.configuration.settings import Settings
from zaqar_core.store import keys

Start = Callable[..., Serve]


def test_a_start_prints_the_url_and_writes_it_to_the_ready_file(serve: Start) -> None:
    service = serve("--ephemeral").wait_ready()
    assert service.output.read_text().splitlines()[0] == f"sqs-facade is ready: {service.url}"
    assert service.errors.read_text() == ""
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="first")


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] == resource.RLIM_INFINITY, reason="open files are not limited"
)
def test_the_ready_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """Others can make one where the file is in a folder of temporary files."""
    ready, precious = tmp_path / "ready", tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / ".ready.new").symlink_to(precious)
    cli._report_ready(Settings(ready_file=ready), ["http://localhost:1"], Held((), (), 1))
    assert (ready.read_text(), precious.read_text()) == ("http://localhost:1\n", "mine")


def test_a_start_names_the_limit_of_connections_that_is_in_force(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQS_FACADE_MAX_CONNECTIONS", "100000000")
    limited = serve("--ephemeral").wait_ready()
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 256 - Settings().store_connections
    until(lambda: len(limited.output.read_text().splitlines()) == 2, "the second line")
    assert f"Each worker accepts {allowed:,} connections, not 100,000,000" in limited.output.read_text()
    monkeypatch.setenv("SQS_FACADE_MAX_CONNECTIONS", "100")
    unlimited = serve("--ephemeral").wait_ready()
    assert unlimited.output.read_text() == f"sqs-facade is ready: {unlimited.url}\n"


def test_an_idle_worker_takes_less_than_80_megabytes(serve: Start) -> None:
    service = serve("--ephemeral").wait_ready()
    [worker] = service.workers()
    assert worker.memory_info().rss < 80_000_000


def test_a_port_in_use_is_one_line(serve: Start, data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        line = serve("--port", other.getsockname()[1], "--data-dir", data).refused()
    assert "in use" in line
    assert not data.exists()


def test_a_port_in_use_by_another_service_is_one_line(serve: Start) -> None:
    first = serve("--ephemeral").wait_ready()
    line = serve("--ephemeral", "--port", first.url.rpartition(":")[2]).refused()
    assert "in use" in line


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--nope"], "--nope"),
        (["--port", "word"], "--port"),
        (["--port", "70000"], "port"),
        (["--durability", "often"], "durability"),
        (["--ephemeral", "--durability", "fsync"], "durability"),
        (["--redis", "redis://127.0.0.1:1"], "flag --redis: the Redis server does not respond"),
        (["--redis", "nonsense"], "Redis"),
        (["--redis", "redis://127.0.0.1:1,127.0.0.1:2"], "redis+cluster"),
        (["--redis", "redis+sentinel://127.0.0.1:1"], "must name the master"),
        (["--redis", "redis+sentinel://127.0.0.1:1/main"], "no living master"),
        (["--redis", "redis+cluster://127.0.0.1:1"], "does not respond"),
        (["--redis", "redis+cluster://127.0.0.1:1", "--test-hooks"], "test hooks"),
        (["--host", "0.0.0.0", "--ephemeral"], "--open-bind"),
        (["--host", "no.such.host.invalid", "--open-bind", "--ephemeral"], "listen"),
        (["--workers", "0", "--ephemeral"], "workers"),
        (["--durability", "replicated"], "replica"),
        (["--data-dir", "/dev/null/x"], "/dev/null/x"),
        (["--config", "missing.toml"], "missing.toml"),
    ],
)
def test_a_failed_start_is_one_line(serve: Start, flags: list[str], word: str) -> None:
    assert word in serve(*flags).refused()


def test_wrong_settings_are_a_line_each_and_exit_code_2(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQS_FACADE_PROT", "1")
    service = serve("--workers", "0", "--ephemeral")
    assert service.process.wait(PATIENCE_SECONDS) == 2
    assert service.errors.read_text() == (
        "sqs-facade: environment variable SQS_FACADE_PROT is not a setting; did you mean SQS_FACADE_PORT?\n"
        'sqs-facade: flag --workers must be a whole number, at least 1, not "0"\n'
    )


def test_wrong_settings_and_wrong_queues_of_one_file_are_listed_together(tmp_path: Path) -> None:
    """Without a process: a file that is wrong ends the command before anything starts."""
    file = tmp_path / "f.toml"
    file.write_text("prot = 1\nworkers = 0\n[queue.a]\nVisibilityTimout = 1\n")
    found = CliRunner().invoke(main, ["serve", "--config", str(file), "--ephemeral"])
    assert found.exit_code == 2
    assert [line.removeprefix(f"sqs-facade: {file}:")[:18] for line in found.stderr.splitlines()] == [
        "1: prot is not a s", "2: workers must be", "4: queue.a.Visibil",
    ]  # fmt: skip
    file.write_text("[queue.a\n")
    found = CliRunner().invoke(main, ["serve", "--config", str(file), "--ephemeral"])
    assert len(found.stderr.splitlines()) == 1


def test_variables_of_a_kubernetes_service_do_not_prevent_a_start(
    serve: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQS_FACADE_PORT", "tcp://10.0.0.11:9324")
    monkeypatch.setenv("SQS_FACADE_PORT_9324_TCP_ADDR", "10.0.0.11")
    monkeypatch.setenv("SQS_FACADE_SERVICE_HOST", "10.0.0.11")
    with client_of(serve("--ephemeral").wait_ready()) as client:
        client.call("CreateQueue", QueueName="first")


def test_a_directory_in_use_with_another_durability_is_one_line(serve: Start, data: Path) -> None:
    first = serve("--data-dir", data).wait_ready()
    assert "durability fsync" in serve("--data-dir", data, "--durability", "memory").refused()
    with client_of(first) as client:
        client.call("CreateQueue", QueueName="untouched")


def test_a_store_with_pools_and_no_pooling_is_one_line(serve: Start) -> None:
    with private_valkey() as server:
        with server.client() as store:
            store.hset(keys.POOLS.decode() + ":pools", "a", "registered")
        assert "set pooling" in serve("--redis", server.url, "--durability", "memory").refused()


def test_a_server_without_the_durability_is_one_line(serve: Start, valkey: str) -> None:
    assert "appendonly yes" in serve("--redis", valkey).refused()
