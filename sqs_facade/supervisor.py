"""The main process of ``sqs-facade serve``: starts workers, restarts those that end, stops all of them."""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any

from zaqar_core import logs
from zaqar_core.tracing import provider

_log = logging.getLogger("sqs_facade.supervisor")
#: A worker that ends so soon after its start is started again only after a pause.
_SHORT_LIFE_SECONDS = 1.0
_PAUSE_SECONDS = 0.5
#: A worker that has not ended so long after the stop signal is killed. Acknowledged messages are already in the store.
_STOP_SECONDS = 1.3
_STOP_SIGNALS = frozenset((signal.SIGTERM, signal.SIGINT))
#: Windows has no such signal.
_HANGUP = frozenset((signal.SIGHUP,)) if sys.platform != "win32" else frozenset[signal.Signals]()
if sys.platform == "linux":
    _context = multiprocessing.get_context("fork")
else:  # a forked process may not use libraries of the system (macOS), or there is no fork (Windows)
    _context = multiprocessing.get_context("spawn")


class Supervisor:
    """Runs ``count`` processes of one function. Before the service was ready once, the end of one ends all."""

    def __init__(
        self,
        count: int,
        function: Callable[..., None],
        arguments: tuple[Any, ...],
        on_hangup: Callable[[], bool] | None = None,
    ) -> None:
        """``on_hangup`` handles SIGHUP and returns whether the service goes on."""
        self._count = count
        self._function = function
        self._arguments = arguments
        self._on_hangup = on_hangup
        self._workers: dict[BaseProcess, float] = {}
        self._receiver, self._sender = socket.socketpair()
        self._exit_code = 0
        self.was_ready = False
        self.is_stopping = False

    def run(self) -> int:
        """Start the workers and watch them until a signal; return the exit code. Only for the main thread."""
        self._watch_signals()
        gc.collect()
        gc.freeze()  # the pages of these objects stay shared with the workers
        for _ in range(self._count):
            self._start()
        while not self.is_stopping:
            ready = connection.wait([self._receiver, *(one.sentinel for one in self._workers)])
            if self._receiver in ready and self._has_stop_signal():
                break
            self._restart_ended()
        self.is_stopping = True
        self._stop()
        return self._exit_code

    def _watch_signals(self) -> None:
        self._sender.setblocking(False)
        self._receiver.setblocking(False)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in (*_STOP_SIGNALS, *(_HANGUP if self._on_hangup is not None else ())):
            signal.signal(number, lambda *_: None)  # the number arrives at the receiver

    def _has_stop_signal(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            numbers = self._receiver.recv(64)
            if self._on_hangup is not None and not _HANGUP.isdisjoint(numbers) and not self._on_hangup():
                return True
            return not _STOP_SIGNALS.isdisjoint(numbers)
        return False

    def _start(self) -> None:
        process = _context.Process(target=_work, args=(self._function, self._arguments))
        with _blocked_signals():
            process.start()
        self._workers[process] = time.monotonic()

    def _restart_ended(self) -> None:
        for process, started in list(self._workers.items()):
            if process.is_alive():
                continue
            del self._workers[process]
            code = process.exitcode or 0
            process.close()
            if not self.was_ready:
                self._exit_code = 1
                self.is_stopping = True
                return
            _log.warning(
                "a worker ended with %s; another one starts", f"signal {-code}" if code < 0 else f"code {code}"
            )
            if time.monotonic() - started < _SHORT_LIFE_SECONDS:
                self._pause()
            if not self.is_stopping:
                self._start()

    def _pause(self) -> None:
        """Wait before the next start, or until a stop signal."""
        if connection.wait([self._receiver], _PAUSE_SECONDS):
            self.is_stopping = self._has_stop_signal()

    def _stop(self) -> None:
        for process in self._workers:
            with contextlib.suppress(OSError):
                process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self._workers:
            process.join(max(0.0, deadline - time.monotonic()))
        for process in self._workers:
            if process.is_alive():
                process.kill()
                process.join()


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Delay the stop signals of this process, and of one that is started now until ``_work`` runs there.

    A forked process has the handlers of this one: a signal to it would stop all workers.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Run the function in a worker, which a stop signal ends until the function handles it."""
    signal.set_wakeup_fd(-1)
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    try:
        function(*arguments)
    except Exception:  # the library would print it on several lines
        _log.critical("a worker ends with an unhandled exception", exc_info=True)
        sys.exit(1)
    finally:
        provider.close()
        logs.close()
