"""What all clients share: a thread, a connection, a random generator of its own, and the record of unknown outcomes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from tests.faults.history import History
from tests.faults.wire import Connection, Unknown, Unsent, any_of

Answer = TypeVar("Answer")

#: Between two attempts at a service that does not respond.
_PAUSE_SECONDS = 0.02


class Client:
    """Acts in a thread until ``ended`` is set. ``urls`` returns the addresses of the services."""

    def __init__(self, name: str, urls: Callable[[], list[str]], history: History, seed: str) -> None:
        self.name = name
        self.history = history
        self.ended = threading.Event()
        self.random = random.Random(f"{seed} {name}")
        self.connection = Connection(any_of(urls, self.random))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._problem: Exception | None = None

    def act(self) -> None:
        """Do one step of the client's work."""
        raise NotImplementedError

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Wait for the end of the last step. Raises what ended the client before."""
        self.ended.set()
        if self._thread.ident:
            self._thread.join()
        if self._problem is not None:
            raise self._problem

    def sqs(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call SQS as ``Connection.sqs`` does, once a service accepts the connection; record unknown outcomes."""
        return self._call(operation, lambda: self.connection.sqs(operation, **members))

    def zaqar(self, operation: str, method: str, path: str, document: Any = None) -> tuple[dict[str, Any], str]:
        """Call Zaqar as ``Connection.zaqar`` does, likewise. ``operation`` is the name in the record."""
        return self._call(operation, lambda: self.connection.zaqar(method, path, document))

    def _call(self, operation: str, call: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return call()
            except Unsent:
                if self.ended.wait(_PAUSE_SECONDS):
                    raise
            except Unknown:
                self.history.unknown.append(operation)
                self.ended.wait(_PAUSE_SECONDS)
                raise

    def _run(self) -> None:
        """Act until the end. A response that no client expects ends the client, and is raised by ``finish``."""
        try:
            while not self.ended.is_set():
                self.act()
        except Exception as problem:
            self._problem = problem
        finally:
            self.connection.close()
