"""The primary of a group that Redis or Valkey Sentinel watches."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import redis
from redis.sentinel import Sentinel

from zaqar_core.store.deployment import Address, Deployment

#: For one sentinel to answer, before the next one is asked.
_ANSWER_SECONDS = 0.5


def primary(deployment: Deployment) -> Address:
    """Where the sentinels say that the primary is. Raises redis.RedisError, also while none is known to be alive.

    They are asked in any order: one that was cut off from the others must not be asked first each time.
    """
    addresses = list(deployment.addresses)
    random.shuffle(addresses)
    arguments: Mapping[str, Any] = {
        **(deployment.sentinel_arguments or {}),
        "socket_timeout": _ANSWER_SECONDS,
        "socket_connect_timeout": _ANSWER_SECONDS,
        "retry": None,
        "protocol": 2,
    }
    with Sentinel(addresses, sentinel_kwargs=arguments) as sentinels:  # type: ignore[no-untyped-call]
        host, port = sentinels.discover_master(deployment.master)
        return str(host), int(port)


def check(connection: Any) -> None:
    """The server is a primary, or redis.ConnectionError: the sentinels know no better yet, or it does not."""
    connection.send_command("ROLE")
    if connection.read_response()[0] != b"master":
        raise redis.ConnectionError("the server that the sentinels name is not a primary")
