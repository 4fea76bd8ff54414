"""The primary of a group that Redis or Valkey Sentinel watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from zaqar_core.domain.randomness import randomness
from zaqar_core.store.deployment import Address, StoreUrl

#: For one sentinel to answer, before the next one is asked.
_ANSWER_SECONDS = 0.5
#: Sentinels publish here: master's name, old host and port, new host and port.
_SWITCHES = "+switch-master"
#: The sentinel that is listened to must show so often that it is there.
_CHECK_SECONDS = 2
#: Before another sentinel is listened to.
_PAUSE_SECONDS = 0.2


def primary(deployment: StoreUrl) -> Address:
    """Where the sentinels say that the primary is. Raises redis.RedisError, also while none is known to be alive.

    All are asked, and the latest configuration counts: after a fail-over some learn of it later than others.
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
        told = f": {'; '.join(problems)}" if problems else ""
        raise MasterNotFoundError(f"the sentinels know no living master named {deployment.master!r}{told}")
    return found


def check(connection: Any) -> None:
    """The server is a primary, or redis.ConnectionError: the sentinels know no better yet, or it does not."""
    connection.send_command("ROLE")
    if connection.read_response()[0] != b"master":
        raise redis.ConnectionError("the server that the sentinels name is not a primary")


class Watch:
    """A daemon thread that listens to a sentinel. It calls ``on_switch`` when another server becomes the primary, and
    when that may have been missed: the former one takes writes for some seconds more, which would be lost."""

    def __init__(self, deployment: StoreUrl, on_switch: Callable[[], None], is_over: Callable[[], bool]) -> None:
        self._deployment = deployment
        self._on_switch = on_switch
        self._is_over = is_over

    def start(self) -> None:
        threading.Thread(target=self._run, name="switches", daemon=True).start()

    def _run(self) -> None:
        was_lost = False
        while not self._is_over():
            host, port = randomness.choice(self._deployment.addresses)
            client = redis.Redis(host, port, health_check_interval=_CHECK_SECONDS, **_arguments(self._deployment))
            try:
                with client, client.pubsub(ignore_subscribe_messages=True) as heard:  # type: ignore[no-untyped-call]
                    heard.subscribe(_SWITCHES)
                    heard.get_message(timeout=_ANSWER_SECONDS)
                    if was_lost:
                        self._on_switch()
                    was_lost = True
                    self._listen(heard)
            except (redis.RedisError, OSError):
                time.sleep(_PAUSE_SECONDS)

    def _listen(self, heard: Any) -> None:
        while not self._is_over():
            message = heard.get_message(timeout=_CHECK_SECONDS)
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
