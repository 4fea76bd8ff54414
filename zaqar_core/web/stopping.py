"""Runs callbacks as soon as the process is asked to stop, so that waiting requests are released.

On a stop the HTTP server first waits for blocked threads and calls the application only afterwards. The interpreter
writes the number of each signal to a file descriptor as soon as the signal arrives, and a thread of this module reads
it there. The server's own signal handlers stay in place.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable

from zaqar_core.configuration.setting_sources import PARENT_VARIABLE

_STOP_SIGNALS = frozenset((signal.SIGTERM, signal.SIGINT))
_PARENT_POLL_SECONDS = 0.2
_ORPHAN_GRACE_SECONDS = 2.0


class _Watch:
    """The callbacks of this process and the threads that run them."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._mutex = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._stopping = False
        # Kept open: the interpreter writes to the descriptor until the process ends.
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def start(self) -> None:
        """Watch the signals, and the parent process where one is named in the environment."""
        self._watch_signals()
        parent = os.environ.get(PARENT_VARIABLE, "")
        if parent.isdecimal() and int(parent) != os.getpid():
            on_parent_end(int(parent), self._end_orphan)

    def add(self, callback: Callable[[], object]) -> None:
        """Add a callback; run it now when the process is already stopping."""
        with self._mutex:
            self._callbacks.append(callback)
            too_late = self._stopping
        if too_late:
            callback()

    def run(self) -> None:
        """Run every callback once, also after one of them failed."""
        with self._mutex:
            if self._stopping:
                return
            self._stopping = True
            callbacks = list(self._callbacks)
        for callback in callbacks:
            with contextlib.suppress(Exception):
                callback()

    def _watch_signals(self) -> None:
        receiver, sender = socket.socketpair()
        sender.setblocking(False)
        try:
            previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        except ValueError:  # not the main thread
            receiver.close()
            sender.close()
            return
        self._ends = (receiver, sender)
        threading.Thread(target=self._read_signals, args=(receiver, previous), name="stop-watch", daemon=True).start()

    def _read_signals(self, receiver: socket.socket, previous: int) -> None:
        while numbers := receiver.recv(64):
            if previous >= 0:  # an event loop that used the descriptor before still needs its wake-ups
                with contextlib.suppress(OSError):
                    os.write(previous, numbers)
            if not _STOP_SIGNALS.isdisjoint(numbers):
                self.run()

    def _end_orphan(self) -> None:
        self.run()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_ORPHAN_GRACE_SECONDS)
        os._exit(1)


_watch: _Watch | None = None
_creating = threading.Lock()


def on_stop(callback: Callable[[], object]) -> None:
    """Run ``callback``, in another thread, within milliseconds of SIGTERM or SIGINT, or soon after the parent process
    ends.

    Signals cannot be watched when the first call is made outside the main thread. A callback that is added while the
    process is stopping runs at once.
    """
    global _watch
    with _creating:
        if _watch is None or _watch.owner != os.getpid():
            _watch = _Watch()
            _watch.start()
        watch = _watch
    watch.add(callback)


def run_callbacks() -> None:
    """Run the callbacks now, in this thread: for a server that handles stop signals itself."""
    with _creating:
        watch = _watch
    if watch is not None and watch.owner == os.getpid():
        watch.run()


def on_parent_end(parent: int, then: Callable[[], object]) -> None:
    """Run ``then`` in a background thread when the process with the id ``parent`` is not our parent any more."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_SECONDS)
        then()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
