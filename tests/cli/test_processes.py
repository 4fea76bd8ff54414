"""Commands as processes of their own: pipes that close, kills, and an endpoint of others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.cli.conftest import Run, lines
from tests.conftest import serving
from tests.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-m", "sqs_facade"]


def test_a_closed_pipe_ends_a_command_quietly_and_deletes_nothing_that_it_could_not_print(run: Run, queue: str) -> None:
    run("send", queue, "--lines", given="".join(f"{number}\n" for number in range(300)))
    command = [*PROGRAM, "receive", queue, "--max", "300", "--delete", "--body"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(2)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
    assert first == b"0\n"
    left = json.loads(run("queues", "ls", queue, "--json").stdout)[0]
    assert 0 < left["in_flight"] <= 10


def test_an_import_that_is_killed_is_resumed_without_loss_or_silent_doubles(
    run: Run, queue: str, tmp_path: Path
) -> None:
    file, state = tmp_path / "messages.jsonl", tmp_path / "messages.jsonl.import"
    file.write_text("".join(f'{{"body": "{number}"}}\n' for number in range(5000)))

    def confirmed() -> int:
        try:
            return int(json.loads(state.read_bytes())["done_line"])
        except (OSError, ValueError):
            return 0

    announced = 0
    for kill, flags in enumerate(([], ["--resume"], ["--resume"])):
        before = confirmed()
        command = [*PROGRAM, "import", queue, str(file), *flags]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            until(lambda least=before + 150 + 90 * kill: confirmed() > least, "a part is imported")  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)
            assert process.stderr is not None
            announced += doubtful(process.stderr.read())
    last = run("import", queue, file, "--resume")
    announced += doubtful(last.stderr)
    found = Counter(one["body"] for one in lines(run("peek", queue, "--all", "--json")))
    assert found.keys() == {str(number) for number in range(5000)}
    assert found.total() - 5000 <= announced <= 30


def doubtful(errors: str) -> int:
    """How many lines the command said may have been sent before."""
    words = errors.split()
    return int(words[3]) - int(words[1]) + 1 if "may have been sent before" in errors else 0


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The endpoint of the commands is moto's."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}")
    yield
    server.stop()


def test_another_endpoint_is_used_alike(run: Run, moto: None, tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    run("queues", "create", "dead")
    run("queues", "create", "q", "--visibility", "1h", "--dlq", "dead", "-t", "a=b")
    assert json.loads(run("queues", "show", "q", "--json").stdout)["tags"] == {"a": "b"}
    message = {"body": "ü", "attributes": {"b": {"type": "Binary", "base64": "AP8="}}}
    run("send", "q", "--json-lines", given=f"{json.dumps(message)}\n" * 12)
    for command in (("peek", "q"), ("tail", "q", "-f"), ("export", "q", file)):
        assert "cannot show messages without receiving them" in run(*command, code=1).stderr
        file.unlink(missing_ok=True)
    assert "exported 12 messages" in run("export", "q", file, "--move").stderr
    run("import", "dead", file)
    got = lines(run("receive", "dead", "--max", "20", "--delete", "--json"))
    assert [(one["body"], one["attributes"]) for one in got] == [("ü", message["attributes"])] * 12
    run("send", "q", "x")
    assert run("tail", "q", "--consume", "--body").stdout == "x\n"
    run("bench", "--seconds", "0.1", "--threads", "2")
    run("queues", "delete", "q", "dead", "--yes")
    assert run("queues", "ls").stdout == ""


def test_output_has_no_colours_without_a_terminal(run: Run, queue: str) -> None:
    run("send", queue, "x")
    command = [*PROGRAM, "peek", queue]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "TERM": "xterm-256color"})
    assert b"\x1b" not in done.stdout + done.stderr


def test_a_service_with_credentials_gets_signed_requests(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials.toml"
    added = run(
        *("credentials", "add", "ci", "--account", "123456789012", "--policy", "admin", "--format", "json"),
        *("--credentials-file", file),
    )
    key = json.loads(added.stdout)
    with serving(credentials_file=str(file)) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", service.url)
        refused = run("queues", "ls", code=1).stderr
        assert "the endpoint does not know the access key: configure some (aws configure" in refused
        for name, value in key.items():
            monkeypatch.setenv(name, value)
        run("queues", "create", "q")
        run("send", "q", "signed")
        for command in (("peek", "q", "--body"), ("tail", "q", "--body"), ("receive", "q", "--body")):
            assert run(*command).stdout == "signed\n"
        assert '"body":"signed"' in run("export", "q").stdout
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        assert (
            "does not match the signature you provided. Check your AWS Secret Access Key"
            in run("peek", "q", code=1).stderr
        )
