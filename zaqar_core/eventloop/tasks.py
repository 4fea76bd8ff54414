"""Tasks: function calls that run as greenlets on an event loop.

The loop runs in the root greenlet of its thread. A task runs until it blocks; then it switches to the loop, and a
callback of the loop switches back to it. So plain synchronous code waits without a thread of its own. Whatever may
block the loop goes through :func:`in_thread`.

Every function here also works in a thread without an event loop, where it simply blocks. Only this module and
``store.shared_link`` have to know which of the two their caller is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from greenlet import getcurrent, greenlet

P = ParamSpec("P")
T = TypeVar("T")

#: Threads for calls of other services.
_THREADS = 32
_log = logging.getLogger("sqs_facade.eventloop")
#: Idle tasks that a thread keeps, of about 16 KiB each.
_MOST_IDLE = 1024
#: All tasks that run a function. A suspended greenlet without a reference would be collected, which kills it.
_tasks: set[Task] = set()


class _Idle(threading.local):
    """Tasks without a function, of the event loop of this thread."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []


_idle = _Idle()


class Task(greenlet):
    """A greenlet that runs function calls on the event loop, one after the other. Only the loop may switch to it.

    A greenlet that ends and a new one for the next call would cost 12 µs: the interpreter maps and unmaps the memory of
    its stack. So a task waits for its next call.
    """

    loop: asyncio.AbstractEventLoop

    def run(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        """Call the function, then those of later switches to this task."""
        idle = _idle.tasks  # a task stays on its thread
        while True:
            try:
                function(*arguments)
            except Exception:
                _log.exception("%s ended with an unexpected error", function)
            finally:
                _tasks.discard(self)
            del function, arguments
            if len(idle) >= _MOST_IDLE:
                return
            idle.append(self)
            function, arguments = self.suspend()

    def suspend(self) -> Any:
        """Switch to the loop; return the value of the switch back, or raise its exception. Only for the task itself."""
        return self.parent.switch()  # type: ignore[union-attr] # every task has a parent


def current_task() -> Task | None:
    """Return the task that runs the caller, None in a thread and on the loop itself."""
    task = getcurrent()
    return task if isinstance(task, Task) else None


def running() -> int:
    """Return the number of tasks that run a function, waiting ones included."""
    return len(_tasks)


def spawn(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    """Start ``function(*arguments)`` as a task at once; return when it ends or blocks. Call it on the loop only."""
    assert current_task() is None, "a task would be resumed in place of the loop"
    idle = _idle.tasks
    if idle:
        task = idle.pop()
        task.gr_context = None  # context variables of its last call must not be seen
    else:
        task = Task()
    task.loop = loop
    _tasks.add(task)
    task.switch(function, arguments)


def sleep(seconds: float) -> None:
    """Sleep; other tasks run meanwhile."""
    task = current_task()
    if task is None:
        time.sleep(seconds)
        return
    task.loop.call_later(seconds, task.switch)
    task.suspend()


class Threads:
    """Threads for one kind of blocking calls. Calls beyond their number wait, first come first served."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._executor: ThreadPoolExecutor | None = None

    def run(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Call a blocking function in another thread while other tasks run; return or raise what it does.

        A caller in a thread calls it directly.
        """
        task = current_task()
        if task is None:
            return function(*arguments, **options)
        loop, switch = task.loop, task.switch

        def finished(future: Any) -> None:
            del future
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(switch)

        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)
        future = self._executor.submit(function, *arguments, **options)
        future.add_done_callback(finished)
        task.suspend()
        return future.result()


#: For calls of other services, which may take long.
in_thread = Threads(_THREADS, "blocking").run


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Signal:
    """Wakes the one task or thread that waits for it. A wake-up without a waiter ends the next wait at once."""

    __slots__ = ("_is_set", "_lock", "_loop", "_resume")

    def __init__(self) -> None:
        task = current_task()
        self._is_set = False
        self._resume: Callable[[], object] | None = None
        self._loop = task.loop if task is not None else None
        self._lock: threading.Lock | None = None
        if task is None:
            self._lock = threading.Lock()
            self._lock.acquire()

    def wait(self, seconds: float) -> None:
        """Block until woken, ``seconds`` at most. Only for the task, or a thread, that created the signal."""
        if self._lock is not None:
            self._lock.acquire(timeout=max(seconds, 0.0))
            return
        task = current_task()
        assert task is not None
        if not self._is_set:
            self._resume = task.switch
            timer = task.loop.call_later(max(seconds, 0.0), self.time_out)
            task.suspend()
            timer.cancel()
        self._is_set = False

    def wake(self) -> None:
        """End the wait, or the next one. Any thread may call it; a callback of the loop resumes the task at once."""
        if self._lock is not None:
            with contextlib.suppress(RuntimeError):  # an earlier wake-up has released the lock already
                self._lock.release()
            return
        assert self._loop is not None
        self._is_set = True
        if _running_loop() is not self._loop:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._end)
        elif current_task() is not None:
            self._loop.call_soon(self._end)
        else:
            self._end()

    def time_out(self) -> None:
        """End the wait of a task: its time is over. Only for the timer."""
        self._end()

    def _end(self) -> None:
        resume, self._resume = self._resume, None
        if resume is not None:
            resume()
