"""``sqs-facade redrive`` and ``sqs-facade bench``."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run, lines
from tests.sqs.wire import Sqs


@pytest.fixture
def dead_letters(run: Run, sqs: Sqs, queue: str) -> str:
    """Name of a dead-letter queue with three messages of ``queue``."""
    name = f"{queue}-dead"
    sqs.queue(name)
    run("queues", "set", queue, "--dlq", name, "--max-receives", "1", "--visibility", "0")
    run("send", queue, "--lines", given="1\n2\n3\n")
    run("receive", queue, "--max", "10")
    run("receive", queue, "--max", "10", code=3)
    return name


def test_messages_go_back_to_where_they_came_from(run: Run, queue: str, dead_letters: str) -> None:
    assert run("redrive", dead_letters).stdout == "completed: 3 messages moved\n"
    assert [one["body"] for one in lines(run("peek", queue, "--json"))] == ["1", "2", "3"]
    [task] = json.loads(run("redrive", dead_letters, "--status", "--json").stdout)
    assert (task["status"], task["moved"], task["to_move"]) == ("COMPLETED", 3, 3)
    assert run("redrive", dead_letters, "--status").stdout.splitlines()[1].split()[2:] == [
        "COMPLETED", "their", "sources", "3", "3",
    ]  # fmt: skip


def test_messages_go_to_another_queue(run: Run, sqs: Sqs, queue: str, dead_letters: str) -> None:
    sqs.queue(f"{queue}-other")
    task = json.loads(run("redrive", dead_letters, "--to", f"{queue}-other", "--rate", "500", "--json").stdout)
    assert task["status"] == "COMPLETED"
    assert task["destination"].endswith(f":{queue}-other")
    assert len(lines(run("peek", f"{queue}-other", "--json"))) == 3


def test_a_task_is_started_and_cancelled(run: Run, dead_letters: str) -> None:
    run("send", dead_letters, "--lines", given="x\n" * 20)
    run("redrive", dead_letters, "--rate", "1", "--detach", "--to", dead_letters.removesuffix("-dead"))
    assert "already a task running" in run("redrive", dead_letters, code=1).stderr
    assert "cancelled: " in run("redrive", dead_letters, "--cancel").stdout
    assert "no move task of" in run("redrive", dead_letters, "--cancel", code=1).stderr


def test_the_end_of_the_display_leaves_the_task_alone(
    run: Run, dead_letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sqs_facade.commands.redrive.sleep", interrupt)
    to = dead_letters.removesuffix("-dead")
    assert "the move task goes on" in run("redrive", dead_letters, "--rate", "1", "--to", to, code=130).stderr


def test_wrong_use_has_a_code_of_its_own(run: Run) -> None:
    run("redrive", "q", "--status", "--cancel", code=2)
    run("redrive", "q", "--status", "--rate", "5", code=2)


def test_a_queue_that_is_not_a_dead_letter_queue_is_refused(run: Run, queue: str) -> None:
    assert "Source queue must be configured as a Dead Letter Queue" in run("redrive", queue, code=1).stderr


def test_a_measurement_has_a_row_for_each_part_and_leaves_no_queue(run: Run) -> None:
    shape = ("--seconds", "0.05", "--threads", "2", "--batch", "2")
    found = json.loads(run("bench", "--json", *shape).stdout)
    assert [one["name"] for one in found["results"]] == ["send", "receive and delete", "cycle"]
    for one in found["results"]:
        assert one["messages"] > 0
        assert 0 < one["p50_ms"] <= one["p99_ms"]
        assert one["errors"] == 0
    result = run("bench", *shape)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["WHAT", "send", "receive", "cycle"]
    assert "2 threads, 2 of 100 bytes a call" in result.stderr
    assert run("queues", "ls", "sqs-facade-bench", "--names").stdout == ""
