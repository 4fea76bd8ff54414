"""Learning at once that this process shall stop, so that waiting requests can be released.

The HTTP server waits for blocked threads when it stops and tells the application only afterwards. The interpreter
writes each signal's number to a descriptor as soon as the signal arrives; a thread of ours reads it there. The server's
own signal handlers stay as they are.
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
        # Kept: the interpreter writes to them for as long as the process lives.
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def start(self) -> None:
        self._watch_signals()
        parent = os.environ.get(PARENT_VARIABLE, "")
        if parent.isdecimal() and int(parent) != os.getpid():
            on_parent_end(int(parent), self._end_orphan)

    def add(self, callback: Callable[[], object]) -> None:
        with self._mutex:
            self._callbacks.append(callback)
            too_late = self._stopping
        if too_late:
            callback()

    def run(self) -> None:
        """Run every callback once. One that fails does not keep the others from running."""
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
            if previous >= 0:  # somebody else listened there before us: an event loop still needs its wake-ups
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
    """Have ``callback`` run, in a thread of its own, within milliseconds of SIGTERM, SIGINT or the parent's death.

    Outside the main thread signals cannot be watched: then nothing happens. A callback added while the process is
    stopping runs at once.
    """
    global _watch
    with _creating:
        if _watch is None or _watch.owner != os.getpid():
            _watch = _Watch()
            _watch.start()
        watch = _watch
    watch.add(callback)


def on_parent_end(parent: int, then: Callable[[], object]) -> None:
    """Run ``then`` in a background thread when the process with the id ``parent`` is not our parent any more."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_SECONDS)
        then()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
