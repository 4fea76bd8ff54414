"""Runs in the environment of an old python-zaqarclient: queues, messages and claims through one version of the API.

python client_tour.py URL VERSION PROJECT QUEUE
"""

# ruff: noqa: T201

from __future__ import annotations

import sys

from zaqarclient.queues import client as zaqarclient


def main() -> None:
    url, given, project, name = sys.argv[1:]
    version = float(given) if "." in given else int(given)
    options = {"backend": "noauth", "options": {"os_project_id": project}}
    client = zaqarclient.Client(url, version=version, conf={"auth_opts": options})

    queue = client.queue(name)
    queue.ensure_exists(force_create=True)
    if version == 1:
        assert queue.exists()
        queue.metadata(new_meta={"mine": 1})
        assert queue.metadata(force_reload=True) == {"mine": 1}
    assert [found.name for found in client.queues()] == [name]

    queue.post([{"body": {"n": n}, "ttl": 100} for n in range(12)])
    assert [message.body["n"] for message in queue.messages(echo=True, limit=5).stream()] == list(range(12))
    assert queue.stats["messages"]["free"] == 12

    claim = queue.claim(ttl=100, grace=100, limit=3)
    held = list(claim)
    assert [message.body["n"] for message in held] == [0, 1, 2]
    claim.update(ttl=200, grace=60)
    assert claim.age >= 0
    assert queue.stats["messages"]["claimed"] == 3
    for message in held[:2]:
        message.delete()
    claim.delete()
    left = list(queue.messages(echo=True, limit=20))
    assert [message.body["n"] for message in left] == list(range(2, 12))
    assert queue.message(left[0].href.rsplit("/", 1)[1]).body == {"n": 2}
    queue.delete_messages(left[0].href.rsplit("/", 1)[1], left[1].href.rsplit("/", 1)[1])
    if version > 1:
        assert [message.body["n"] for message in queue.pop(count=2)] == [4, 5]
    print(queue.stats["messages"]["total"], "left")
    queue.delete()
    assert list(client.queues()) == []


if __name__ == "__main__":
    main()
