"""The event loop of a worker. Requests run on it as tasks (greenlets); a blocking call suspends only its task."""

from zaqar_core.eventloop.hashing import hash_text, hexdigest
from zaqar_core.eventloop.mutex import Mutex, Semaphore
from zaqar_core.eventloop.pauses import Pauses
from zaqar_core.eventloop.tasks import Signal, Task, Threads, current_task, in_thread, running, sleep, spawn

__all__ = [
    "Mutex", "Pauses", "Semaphore", "Signal", "Task", "Threads", "current_task", "hash_text", "hexdigest", "in_thread",
    "running", "sleep", "spawn",
]  # fmt: skip
