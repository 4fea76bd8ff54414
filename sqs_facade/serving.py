"""Run the HTTP server for ``sqs_facade.wsgi:create_app``: limits, environment of the workers, readiness."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

try:
    import resource
except ModuleNotFoundError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

from zaqar_core.configuration.setting_sources import PARENT_VARIABLE, PRIVATE_STORE_VARIABLE, variable
from zaqar_core.configuration.settings import Settings, as_variable
from zaqar_core.domain.errors import StoreUnavailable

#: Threads in addition to those of long polls: for running requests and for bodies that arrive.
THREADS_BESIDE_WAITS = 256
#: Descriptors and threads that serve no request: libraries, locks, connections to the store.
_RESERVED = 256
_HEADER_BYTES = 64 * 1024
_THREAD_IDLE_SECONDS = 10
_RESPAWN_SECONDS = 0.1
_CRASH_PAUSE_SECONDS = 1.0
#: A worker that has not ended after this time is killed. Acknowledged messages are already in the store.
_STOP_SECONDS = 1.3


def check_store(settings: Settings, url: str) -> None:
    """Check once, before any worker starts, that the service can use the store.

    Raises StoreUnavailable with one line for the operator.
    """
    from zaqar_core.store import readiness
    from zaqar_core.store.links import Generation
    from zaqar_core.store.opening import open_store

    timeout = min(settings.store_timeout_seconds, 2.0)
    store = open_store(msgspec.structs.replace(settings, store_timeout_seconds=timeout), url, Generation())
    try:
        try:
            store.ping()
        except StoreUnavailable as problem:
            raise StoreUnavailable(f"the Redis server does not respond: {problem.reason}") from None
        readiness.admit(store, settings)
    finally:
        store.close()


def run(settings: Settings, url: str, port: int, on_ready: Callable[[str], None]) -> int:
    """Serve until a signal stops the process, and return the exit code.

    ``on_ready`` is called with the URL of the service as soon as it responds over HTTP.
    """
    connections, threads = _limits(settings)
    waits = min(settings.max_waits, max(16, threads - THREADS_BESIDE_WAITS))
    settings = msgspec.structs.replace(settings, max_connections=connections, max_waits=waits)
    os.environ.update(_workers_environment(settings, url))
    server = _Server(
        "sqs_facade.wsgi:create_app",  # only shown in process lists; the workers call _application
        address=settings.host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=settings.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=_HEADER_BYTES),
        loop=Loops.asyncio,
        backlog=4096,
        backpressure=connections,
        blocking_threads=threads,
        blocking_threads_idle_timeout=_THREAD_IDLE_SECONDS,
        respawn_failed_workers=True,
        respawn_interval=_RESPAWN_SECONDS,
        workers_kill_timeout=_STOP_SECONDS,  # type: ignore[arg-type] # goes to join(), which takes fractions
        websockets=False,
        log_level=LogLevels.critical,
    )
    threading.Thread(target=_announce, args=(server, settings, port, on_ready), name="readiness", daemon=True).start()
    try:
        server.serve(target_loader=_application, wrap_loader=False)
    except SystemExit as ending:
        return int(ending.code or 0)
    return server.exit_code


def _application() -> Callable[..., Any]:
    """Build the application in a worker. Granian's own loader would search the working directory first."""
    from sqs_facade.wsgi import create_app

    return create_app()


class _Server(MPServer):
    """Granian's server. Once the service was ready it restarts workers without limit; before that it stops."""

    was_ready = False
    exit_code = 0

    def _respawn_workers(self, workers: list[int], *args: Any, **kwargs: Any) -> None:
        if not self.was_ready:
            self.exit_code = 1
            self.signal_handler_interrupt()  # type: ignore[no-untyped-call]
            return
        last = max((worker.birth for worker in self.wrks), default=0.0)
        if time.monotonic() - last < _CRASH_PAUSE_SECONDS and len(workers) == len(self.wrks):
            time.sleep(_RESPAWN_SECONDS)
        super()._respawn_workers(workers, *args, **kwargs)
        # Granian would stop the service when two workers crash within 5.5 s. Forget the crashes, so that it goes on.
        self.respawned_wrks.clear()


def _announce(server: _Server, settings: Settings, port: int, on_ready: Callable[[str], None]) -> None:
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    while not server.interrupt_signal:
        if _answers(target, port):
            server.was_ready = True
            on_ready(f"http://{shown}:{port}")
            return
        time.sleep(0.005)


def _answers(host: str, port: int) -> bool:
    """Return whether GET /health responds with 200."""
    try:
        with socket.create_connection((host, port), 5) as client:
            client.sendall(f"GET /health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            return client.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _workers_environment(settings: Settings, url: str) -> dict[str, str]:
    """Return the environment variables for the workers: every setting, and the id of this process as their parent."""
    # Only this process is attached to the embedded store; for the workers it is a server like any other.
    known = {
        "redis": url,
        "test_hooks": settings.test_hooks or settings.ephemeral,
        "webhook_allowed_networks": settings.webhook_networks,
    }
    # The zaqar.conf has been read here; its values are among the settings.
    left_out = {"data_dir", "ephemeral", "zaqar_config"}
    # PYTHONSAFEPATH: on systems that cannot fork, new interpreters must not search the working directory either.
    found = {PARENT_VARIABLE: str(os.getpid()), "PYTHONSAFEPATH": "1"}
    os.environ.pop(PRIVATE_STORE_VARIABLE, None)
    if settings.ephemeral:
        found[PRIVATE_STORE_VARIABLE] = "1"
    for field in msgspec.structs.fields(Settings):
        name = variable(field.name)
        os.environ.pop(name, None)
        value = known.get(field.name, getattr(settings, field.name))
        if value is None or field.name in left_out:
            continue
        found[name] = as_variable(value)
    return found


def _limits(settings: Settings) -> tuple[int, int]:
    """Return the numbers of connections and threads of one worker that the limits of the process allow."""
    if resource is None:
        return settings.max_connections, settings.max_waits + THREADS_BESIDE_WAITS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    connections = settings.max_connections
    if soft != resource.RLIM_INFINITY:
        connections = min(connections, max(64, soft - _RESERVED - settings.execution_slots))
    threads = settings.max_waits + THREADS_BESIDE_WAITS
    for limit in _thread_limits():
        threads = min(threads, max(32, (limit - _RESERVED) // settings.workers))
    return connections, threads


def _thread_limits() -> Iterator[int]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if soft != resource.RLIM_INFINITY:
        yield soft
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "pids"):
                continue
            root = Path("/sys/fs/cgroup") / controllers
            for folder in (root / path.lstrip("/"), root):
                with contextlib.suppress(OSError, ValueError):
                    yield int((folder / "pids.max").read_text())  # ValueError: "max" means no limit
