"""Sentinel: find the primary of a group, and notice fail-overs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from zaqar_core.domain.randomness import randomness
from zaqar_core.store.deployment import Address, StoreUrl

#: Time for one sentinel to answer, before the next one is queried.
_ANSWER_SECONDS = 0.5
#: Channel of the sentinels. A message has the master's name, old host and port, new host and port.
_SWITCHES = "+switch-master"
#: Interval of health checks of the sentinel that this process is subscribed to.
_CHECK_SECONDS = 2
#: Pause before the subscription to another sentinel.
_PAUSE_SECONDS = 0.2
_log = logging.getLogger("sqs_facade.store")


def primary(deployment: StoreUrl) -> Address:
    """Return the address of the primary. Raises redis.RedisError, also while no primary is alive.

    Query all sentinels and use the newest configuration: after a fail-over some sentinels still have an old one.
    """
    newest, found, problems = -1, None, []
    group: Any = Sentinel(  # type: ignore[no-untyped-call] # redis-py leaves it untyped
        deployment.addresses, sentinel_kwargs=_arguments(deployment)
    )
    for sentinel in group.sentinels:
        with sentinel:  # the group itself cannot be closed in older releases of redis-py
            try:
                state: Any = sentinel.sentinel_masters().get(deployment.master)
            except redis.RedisError as problem:
                problems.append(str(problem))
                continue
        if state and group.check_master_state(state, deployment.master) and int(state["config-epoch"]) > newest:
            newest, found = int(state["config-epoch"]), (str(state["ip"]), int(state["port"]))
    if found is None:
        reasons = f": {'; '.join(problems)}" if problems else ""
        raise MasterNotFoundError(f"the sentinels know no living master named {deployment.master!r}{reasons}")
    return found


def check(connection: Any) -> None:
    """Raise redis.ConnectionError unless the server is a primary. Sentinels may name a replica during a fail-over."""
    connection.send_command("ROLE")
    if connection.read_response()[0] != b"master":
        raise redis.ConnectionError("the sentinels name a server that is not a primary")


class Watch:
    """A daemon thread that is subscribed to the fail-overs of a sentinel.

    It calls ``on_switch`` when another server becomes the primary, and when it may have missed that. Without it,
    writes to the former primary, which accepts them for some seconds more, would be lost.
    """

    def __init__(self, deployment: StoreUrl, on_switch: Callable[[], None], is_over: Callable[[], bool]) -> None:
        self._deployment = deployment
        self._on_switch = on_switch
        self._is_over = is_over

    def start(self) -> None:
        """Start the daemon thread."""
        threading.Thread(target=self._run, name="switches", daemon=True).start()

    def _run(self) -> None:
        was_lost = False
        while not self._is_over():
            try:
                host, port = randomness.choice(self._deployment.addresses)
                client = redis.Redis(host, port, health_check_interval=_CHECK_SECONDS, **_arguments(self._deployment))
                with client, client.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(_SWITCHES)
                    subscription.get_message(timeout=_ANSWER_SECONDS)
                    if was_lost:
                        self._on_switch()
                    was_lost = True
                    self._listen(subscription)
            except (redis.RedisError, OSError):
                time.sleep(_PAUSE_SECONDS)
            except Exception:  # without the subscription, fail-overs would be missed
                _log.exception("the subscription to fail-overs failed, will retry")
                time.sleep(_PAUSE_SECONDS)

    def _listen(self, subscription: Any) -> None:
        while not self._is_over():
            message = subscription.get_message(timeout=_CHECK_SECONDS)
            if message and message["data"].partition(b" ")[0].decode() == self._deployment.master:
                self._on_switch()


def _arguments(deployment: StoreUrl) -> dict[str, Any]:
    return {
        **(deployment.sentinel_arguments or {}),
        "socket_timeout": _ANSWER_SECONDS,
        "socket_connect_timeout": _ANSWER_SECONDS,
        "retry": None,
        "protocol": 2,
    }
