"""The topology of a cluster: which node serves which hash slot, as this process knows it."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import redis
from redis.cluster import parse_cluster_slots

from zaqar_core.domain.randomness import randomness
from zaqar_core.eventloop import Mutex, Threads
from zaqar_core.store import deployment
from zaqar_core.store.deployment import Address, StoreUrl

#: Hash slots of a cluster.
SLOTS = 16384
#: Time for one node to answer, before the next one is queried.
_ANSWER_SECONDS = 1.0
#: The topology is not read a second time within this time; redirects are followed without it.
_FRESH_SECONDS = 0.2
#: One for each cluster whose topology is read, since a node that hangs must not delay the other clusters.
_reading = Threads(16, "topology")


class Topology:
    """Shared by all connections of a process to one cluster. Thread-safe; holds no connection itself."""

    def __init__(self, where: StoreUrl) -> None:
        self._where = where
        self._nodes: list[Address | None] = [None] * SLOTS
        self._lock = Mutex()
        self._read_at = -_FRESH_SECONDS
        #: The attempts to read it that failed, and why the last one did.
        self._failures = 0
        self._reason = ""

    def node(self, slot: int) -> Address:
        """Return the primary of the hash slot. Raises redis.RedisError if no node answers or none serves the slot."""
        found = self._nodes[slot]
        if found is None:
            self.refresh()
            found = self._nodes[slot]
        if found is None:
            raise redis.ConnectionError(f"no node of the cluster serves hash slot {slot}")
        return found

    def primaries(self) -> list[Address]:
        """Return every node that serves hash slots. Raises redis.RedisError."""
        found = self._known()
        if not found:
            self.refresh()
            found = self._known()
        return found

    def any_node(self) -> Address:
        """Return a random node to subscribe at. Raises redis.RedisError."""
        self.refresh()
        return randomness.choice(self.primaries())

    def moved(self, slot: int, node: Address) -> None:
        """Record a redirect: ``node`` serves the hash slot now."""
        self._nodes[slot] = node

    def refresh(self) -> None:
        """Read the topology from the first node that answers, unless it was just read. Raises redis.RedisError.

        An attempt that fails is that of all callers that wait for it: while no node answers, each would take seconds.
        """
        failures = self._failures
        with self._lock:
            if failures != self._failures:
                raise redis.ConnectionError(self._reason)
            if time.monotonic() - self._read_at < _FRESH_SECONDS:
                return
            # Known nodes first: those of the URL may have left the cluster.
            known = self._known()
            randomness.shuffle(known)
            problem: Exception = redis.ConnectionError("no node of the cluster is known")
            for address in dict.fromkeys((*known, *self._where.addresses)):
                try:
                    nodes = _reading.run(self._query, address)
                except (redis.RedisError, OSError) as found:
                    problem = found
                    continue
                self._nodes, self._read_at = nodes, time.monotonic()
                return
            self._failures += 1
            self._reason = str(problem)
        raise problem

    def _known(self) -> list[Address]:
        return list({node for node in self._nodes if node is not None})

    def _query(self, address: Address) -> list[Address | None]:
        arguments: dict[str, Any] = {
            **self._where.arguments,
            "host": address[0],
            "port": address[1],
            "socket_timeout": _ANSWER_SECONDS,
            "socket_connect_timeout": _ANSWER_SECONDS,
            "retry": None,
            "protocol": 2,
        }
        connection = self._where.connection_kind(**arguments)
        try:
            connection.connect()
            connection.send_command("CLUSTER", "SLOTS")
            rows = parse_cluster_slots(connection.read_response(), current_host=address[0])
        finally:
            connection.disconnect()
        nodes: list[Address | None] = [None] * SLOTS
        for (start, end), row in rows.items():
            host, port = row["primary"]
            nodes[start : end + 1] = [(host, port)] * (end - start + 1)
        return nodes


@lru_cache(maxsize=256)
def of(url: str) -> Topology:
    """Return the topology of the URL's cluster, one object per process."""
    return Topology(deployment.parse(url))
