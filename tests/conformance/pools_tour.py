"""Runs in the environment of an old python-zaqarclient: pools, flavors, and a queue in them.

    python pools_tour.py URL VERSION PROJECT URI

URI is a deployment that may become a pool. Prints what it saw.
"""

# ruff: noqa: T201

from __future__ import annotations

import sys

from zaqarclient.queues import client as zaqarclient


def main() -> None:
    url, version, project, uri = sys.argv[1:]
    conf = {"auth_opts": {"backend": "noauth", "options": {"os_project_id": project}}}
    client = zaqarclient.Client(url, version=float(version), conf=conf)
    pool = client.pool("tour", uri=uri, weight=10, flavor="touring")
    pool.update({"weight": 20})
    print(pool.get()["weight"])
    flavor = client.flavor("touring", pool_list=["tour"])
    print(flavor.get()["pool_list"], [one.name for one in client.flavors()], [one.name for one in client.pools()])
    queue = client.queue("toured")
    queue.post({"body": "x", "ttl": 60})
    print([message.body for message in queue.messages(echo=True)])
    queue.delete()
    flavor.delete()
    pool.delete()
    print(list(client.pools()))


if __name__ == "__main__":
    main()
