"""Stopping: quickly, with answers to whoever waits, and without anything left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.serving.trees import Client, Start, Tree, received, runs, until

POLLS = 40


def poll_in_background(port: int) -> tuple[list[threading.Thread], list[int]]:
    """Threads in long polls of 20 s on an empty queue, and the statuses they get."""
    statuses: list[int] = []

    def poll() -> None:
        client = Client(port)
        statuses.append(client.call("ReceiveMessage", QueueUrl="q", WaitTimeSeconds=20)[0])
        client.close()

    threads = [threading.Thread(target=poll) for _ in range(POLLS)]
    for thread in threads:
        thread.start()
    return threads, statuses


def stop_with_polls(tree: Tree, stop: Callable[[], object]) -> list[int]:
    client = Client(tree.port)
    assert client.call("CreateQueue", QueueName="q")[0] == 200
    client.close()
    worker = tree.worker()
    threads, statuses = poll_in_background(tree.port)
    until(lambda: worker.num_threads() > POLLS, "waiting polls")
    left = tree.children()
    started = time.monotonic()
    stop()
    tree.process.wait(20)
    assert time.monotonic() - started < 2.0
    for thread in threads:
        thread.join()
    until(lambda: not any(runs(child) for child in left), "the end of all processes")
    return statuses


def test_sigterm_answers_waiting_polls_and_is_quick(start: Start):
    tree = start("--ephemeral")
    assert stop_with_polls(tree, tree.process.terminate) == [200] * POLLS
    assert tree.process.returncode == 0


def test_ctrl_c_reaches_the_whole_group(start: Start):
    tree = start("--ephemeral")
    assert stop_with_polls(tree, lambda: os.killpg(tree.process.pid, signal.SIGINT)) == [200] * POLLS


def test_two_services_share_one_valkey_and_either_may_stop_first(start: Start, tmp_path: Path):
    folder = tmp_path / "data"
    for first_stops in (True, False):
        one = start("--data-dir", folder)
        valkey = one.valkey()
        two = start("--data-dir", folder)
        assert not any("valkey-server" in " ".join(child.cmdline()) for child in two.children())
        early, late = (one, two) if first_stops else (two, one)
        client = Client(late.port)
        client.call("CreateQueue", QueueName="q")
        early.stop()
        body = f"after {first_stops}"
        assert client.call("SendMessage", QueueUrl="q", MessageBody=body)[0] == 200
        assert body in received(late.port, "q")
        client.close()
        late.stop()
        until(lambda process=valkey: not runs(process), "the end of Valkey")


def test_a_killed_service_leaves_nothing_running(start: Start):
    tree = start("--ephemeral")
    children = tree.children()
    socket = Path(tree.valkey().cmdline()[0].split("unixsocket:")[1])
    tree.process.kill()
    until(lambda: not any(runs(child) for child in children), "the end of all processes")
    assert not socket.exists()
