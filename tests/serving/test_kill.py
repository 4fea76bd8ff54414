"""kill -9 in the middle of sending: every acknowledged message is there afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.serving.trees import Client, Senders, Start, Tree, received, runs, until

KILLS = 5


def kill_worker(tree: Tree) -> None:
    tree.worker().kill()


def kill_valkey(tree: Tree) -> None:
    tree.valkey().kill()


def kill_main(tree: Tree) -> None:
    tree.process.kill()


def kill_tree(tree: Tree) -> None:
    everything = tree.children()
    tree.process.kill()
    for process in everything:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


@pytest.mark.parametrize("kill", [kill_worker, kill_valkey, kill_main, kill_tree])
def test_acknowledged_messages_survive(start: Start, tmp_path: Path, kill: Callable[[Tree], None]):
    folder = tmp_path / "data"
    tree = start("--data-dir", folder)
    port = tree.port
    client = Client(port)
    assert client.call("CreateQueue", QueueName="q")[0] == 200
    client.close()
    senders = Senders(port, "q")
    try:
        for _ in range(KILLS):
            senders.wait_for_more()
            workers = [tree.worker()]
            kill(tree)
            if kill in (kill_main, kill_tree):
                tree.process.wait(10)
                until(lambda left=workers: not any(runs(process) for process in left), "the workers' end")
                tree = start("--data-dir", folder, "--port", port)
            senders.wait_for_more()
    finally:
        senders.stop()
    assert tree.process.poll() is None
    assert not senders.acknowledged - received(port, "q")
