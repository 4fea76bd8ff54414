"""``sqs-facade export`` and ``sqs-facade import``: complete, in order, and resumable."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sqs_facade.remote import batches, receiving
from tests.cli.conftest import Run, lines
from tests.sqs.wire import Sqs

MESSAGES = [
    {
        "body": f"ü {number} \U0001f600\n",
        "attributes": {"t": {"type": "String.x", "value": "é"}, "b": {"type": "Binary", "base64": "AP8="}},
        "group_id": f"g{number % 3}",
        "deduplication_id": f"d{number}",
        "trace_header": "Root=1-5759e988-bd862e3fe1be46a994272793",
    }
    for number in range(25)
]
RESTORED = ("body", "attributes", "group_id", "deduplication_id", "trace_header")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "messages.jsonl"


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last receive of a move finds nothing at once."""
    monkeypatch.setattr("sqs_facade.remote.exporting._WAIT_SECONDS", 0)


@pytest.fixture
def other(sqs: Sqs, fifo: str) -> str:
    """Name of another new FIFO queue."""
    name = f"other-{fifo}"
    sqs.queue(name, FifoQueue="true")
    return name


@pytest.fixture
def filled(run: Run, fifo: str) -> str:
    """Name of a FIFO queue with MESSAGES."""
    run("send", fifo, "--json-lines", given="".join(f"{json.dumps(one)}\n" for one in MESSAGES))
    return fifo


def restored(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: one[name] for name in RESTORED} for one in records]


def all_of(run: Run, queue: str) -> list[dict[str, Any]]:
    return lines(run("peek", queue, "--all", "--json"))


def bodies(run: Run, queue: str) -> list[str]:
    return [one["body"] for one in all_of(run, queue)]


def numbered(file: Path, count: int, **more: Any) -> None:
    file.write_text("".join(f"{json.dumps({'body': str(number), **more})}\n" for number in range(count)))


def test_messages_are_copied_to_another_queue_as_they_were(run: Run, filled: str, other: str, file: Path) -> None:
    run("receive", filled)
    assert "exported 25 messages" in run("export", filled, file).stderr
    assert restored([json.loads(line) for line in file.read_text().splitlines()]) == MESSAGES
    assert run("import", other, file).stdout == "imported 25 messages\n"
    assert restored(all_of(run, other)) == MESSAGES
    assert len(all_of(run, filled)) == 25
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o600, "others can read the messages"


def test_a_pipe_copies_to_a_standard_queue(run: Run, filled: str, queue: str) -> None:
    exported = run("export", filled).stdout
    assert run("import", queue, "-", given=exported).stdout == "imported 25 messages\n"
    assert [one["group_id"] for one in all_of(run, queue)] == [one["group_id"] for one in MESSAGES]


def test_an_export_is_resumed_without_doubles(run: Run, filled: str, file: Path) -> None:
    run("export", filled, file)
    whole = file.read_bytes()
    assert "--resume continues it" in run("export", filled, file, code=1).stderr
    file.write_bytes(whole[: len(whole) * 2 // 3])
    run("export", filled, file, "--resume")
    assert file.read_bytes() == whole
    file.write_text("{}\n")
    assert "line 1 of the file is not of an export" in run("export", filled, file, "--resume", code=1).stderr


def test_a_move_that_is_interrupted_loses_and_doubles_nothing(
    run: Run, filled: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages are in the file and not deleted yet when the command ends."""
    real = receiving.delete

    def interrupted(service: Any, queue_url: str, messages: Any) -> list[str]:
        for one in messages:  # visible again at once, as after the visibility timeout
            service.call(
                "ChangeMessageVisibility", QueueUrl=queue_url, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0
            )
        raise KeyboardInterrupt

    monkeypatch.setattr(receiving, "delete", interrupted)
    assert "10 messages written; --resume continues" in run("export", filled, file, "--move", code=130).stderr
    monkeypatch.setattr(receiving, "delete", real)
    assert "exported 15 messages" in run("export", filled, file, "--move", "--resume").stderr
    assert sorted(json.loads(line)["body"] for line in file.read_text().splitlines()) == sorted(
        str(one["body"]) for one in MESSAGES
    )
    assert all_of(run, filled) == []


@contextlib.contextmanager
def no_room(at: int) -> Iterator[None]:
    """No file grows beyond so many bytes, as on a full disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("mode", [(), ("--move",)], ids=["copy", "move"])
def test_an_export_to_a_full_disk_names_the_file_and_loses_nothing(
    run: Run, filled: str, file: Path, mode: tuple[str, ...]
) -> None:
    with no_room(at=1_000):
        problem = run("export", filled, file, *mode, code=1).stderr
    assert f"cannot write {file}: File too large" in problem
    assert len(all_of(run, filled)) == 25
    run("export", filled, file, "--resume")
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(one["body"] for one in found) == sorted(str(one["body"]) for one in MESSAGES)


def test_an_import_beside_a_full_disk_leaves_no_state(run: Run, queue: str, file: Path) -> None:
    numbered(file, 3)
    with no_room(at=0):
        problem = run("import", queue, file, code=1).stderr
    assert f"cannot write {file}.import: File too large" in problem
    assert run("import", queue, file).stdout == "imported 3 messages\n"


def test_lines_that_are_refused_are_reported_and_left_out(run: Run, queue: str, file: Path) -> None:
    file.write_text('{"body": "1"}\n\nx\n{"body": ""}\n{"body": "2"}\n')
    result = run("import", queue, file, code=3)
    assert result.stdout == "imported 2 messages, 2 lines refused\n"
    assert "line 3: the line is not JSON" in result.stderr
    assert "line 4: EmptyValue" in result.stderr
    assert bodies(run, queue) == ["1", "2"]


Send = Callable[..., list[batches.Outcome]]


def ended(*, at: int, before: bool = False) -> Send:
    """``batches.send``, but the command ends at the batch of this number, before or after it is sent."""
    real, calls = batches.send, iter(range(1, 1000))

    def send(*arguments: Any) -> list[batches.Outcome]:
        is_last = next(calls) == at
        if is_last and before:
            raise KeyboardInterrupt
        outcomes = real(*arguments)
        if is_last:
            raise KeyboardInterrupt
        return outcomes

    return send


def test_an_import_is_resumed_behind_the_last_confirmed_batch(
    run: Run, queue: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered(file, 25)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "send", ended(at=2, before=True))
        assert "imported 10 messages before that; --resume" in run("import", queue, file, code=130).stderr
    assert "--resume continues it, --restart begins again" in run("import", queue, file, code=1).stderr
    result = run("import", queue, file, "--resume")
    assert "lines 11 to 20 may have been sent before and are sent again: check these" in result.stderr
    assert bodies(run, queue) == [str(number) for number in range(25)]
    assert "there is no interrupted import" in run("import", queue, file, "--resume", code=1).stderr


@pytest.mark.parametrize(("choice", "doubled"), [("send", 10), ("skip", 0)])
def test_a_batch_in_doubt_is_named_and_treated_as_chosen(
    run: Run, queue: str, file: Path, monkeypatch: pytest.MonkeyPatch, choice: str, doubled: int
) -> None:
    numbered(file, 25)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "send", ended(at=2))
        run("import", queue, file, code=130)
    assert "lines 11 to 20 may have been sent" in run("import", queue, file, "--resume", "--in-doubt", choice).stderr
    found = bodies(run, queue)
    assert len(found) == 25 + doubled
    assert set(found) == {str(number) for number in range(25)}


def test_a_fifo_queue_doubles_nothing(
    run: Run, filled: str, other: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("export", filled, file)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "send", ended(at=2))
        run("import", other, file, code=130)
    result = run("import", other, file, "--resume")
    assert "are sent again: the queue recognizes them" in result.stderr
    assert result.stdout == "imported 25 messages\n"
    assert restored(all_of(run, other)) == MESSAGES


def test_a_message_that_a_fifo_queue_ignores_is_reported(run: Run, filled: str, file: Path) -> None:
    """It was moved out of the same queue within five minutes, or two lines have one deduplication id."""
    run("export", filled, file, "--move")
    result = run("import", filled, file, code=1)
    assert "line 1: not stored: the queue had its deduplication id a short time ago" in result.stderr
    assert result.stdout == "imported 0 messages, 25 lines refused\n"
    run("import", filled, file, "--new-deduplication-ids")
    assert sorted(bodies(run, filled)) == sorted(str(one["body"]) for one in MESSAGES)
    numbered(file, 2, group_id="g", deduplication_id="same")
    assert "line 2: not stored" in run("import", filled, file, code=3).stderr


def test_an_unreachable_endpoint_leaves_nothing_in_doubt(run: Run, queue: str, sqs: Sqs, file: Path) -> None:
    numbered(file, 25)
    url = sqs.queue(queue)
    assert "cannot connect" in run("import", url, file, "--endpoint-url", "http://127.0.0.1:1", code=1).stderr
    assert "may have been sent" not in run("import", url, file, "--resume").stderr
    assert bodies(run, queue) == [str(number) for number in range(25)]


def test_an_import_of_another_file_is_not_resumed(
    run: Run, queue: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered(file, 25)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "send", ended(at=2))
        run("import", queue, file, code=130)
    numbered(file, 25, attributes={"a": "b"})
    assert "is of another queue or file" in run("import", queue, file, "--resume", code=1).stderr
    run("import", queue, file, "--restart")


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "q", "--move"),
        ("export", "q", "f", "--move", "--visible"),
        ("import", "q", "-", "--resume"),
        ("import", "q", "f", "--resume", "--restart"),
    ],
)
def test_wrong_use_has_a_code_of_its_own(run: Run, arguments: tuple[str, ...]) -> None:
    run(*arguments, code=2)
