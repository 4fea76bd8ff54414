"""Serve over HTTP in worker processes: checks before the start, limits, environment of the workers, readiness."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

try:
    import resource
except ModuleNotFoundError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

from sqs_facade import listening, worker
from sqs_facade.declarations.source import Source
from sqs_facade.listening import Held
from sqs_facade.supervisor import Supervisor
from zaqar_core.configuration.setting_sources import PARENT_VARIABLE, PRIVATE_STORE_VARIABLE, variable
from zaqar_core.configuration.setting_values import as_variable
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.observability import folders
from zaqar_core.web.proxies import TrustedProxies

#: Descriptors that serve no client: files, libraries, connections to the store.
_RESERVED = 256
#: Between two looks whether the service is ready, in seconds: the first pause, and the longest.
_PAUSE_SECONDS = (0.005, 1.0)


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


def run(settings: Settings, url: str, held: Held, on_ready: Callable[[list[str], int], None], declared: Source) -> int:
    """Serve on the held port until a signal stops the process, and return the exit code.

    ``on_ready`` is called with the URLs of the service as soon as it responds over HTTP and has the queues that
    ``declared`` has, and with the number of connections that each worker accepts.
    """
    with contextlib.ExitStack() as stack:
        if settings.metrics and settings.metrics_dir is None:
            settings = msgspec.structs.replace(settings, metrics_dir=stack.enter_context(folders.created()))
        return _run(settings, url, held, on_ready, declared)


def _run(settings: Settings, url: str, held: Held, on_ready: Callable[[list[str], int], None], declared: Source) -> int:
    settings = msgspec.structs.replace(settings, max_connections=_connections(settings))
    os.environ.update(_workers_environment(settings, url))
    plain, secured = ports(settings, held)
    listeners = tuple(() if one is None else listening.listen(one) for one in (plain, secured))
    supervisor = Supervisor(settings.workers, worker.main, (*listeners, declared.file), declared.on_hangup)
    paths = ("/health", "/health/ready") if declared.has_queues else ("/health",)
    threading.Thread(
        target=_announce, args=(supervisor, settings, held, paths, on_ready), name="readiness", daemon=True
    ).start()
    return supervisor.run()


def ports(settings: Settings, held: Held) -> tuple[Held | None, Held | None]:
    """Return the plain port and the one for TLS."""
    if settings.tls_certificate is None:
        return held, None
    return (None, held) if held.tls is None else (held, held.tls)


def _announce(
    supervisor: Supervisor,
    settings: Settings,
    held: Held,
    paths: Sequence[str],
    on_ready: Callable[[list[str], int], None],
) -> None:
    """Wait until the service responds with 200 on each of the paths, then call ``on_ready``."""
    plain, secured = ports(settings, held)
    for path in paths:
        pauses = _pauses()
        while not (
            (plain is None or _answers(settings, plain, path))
            and (secured is None or _answers_tls(settings, secured, path))
        ):
            if supervisor.is_stopping:
                return
            time.sleep(next(pauses))
        supervisor.was_ready = True
    on_ready(urls_of(settings, held), settings.max_connections)


def _pauses() -> Iterator[float]:
    """Yield the pauses between requests in seconds: short ones first, since each request inspects the store."""
    seconds = _PAUSE_SECONDS[0]
    while True:
        yield seconds
        seconds = min(seconds * 1.1, _PAUSE_SECONDS[1])


def urls_of(settings: Settings, held: Held) -> list[str]:
    """Return the URLs of the service, with the host as it was given: the plain ones first."""
    host = listening.in_url(listening.without_brackets(settings.host))
    found = zip(("http", "https"), ports(settings, held), strict=True)
    return [
        f"{scheme}://{host}:{one.port}" for scheme, first in found if first is not None for one in (first, *first.more)
    ]


def _connect(settings: Settings, held: Held) -> socket.socket:
    """Connect to the service. Raises OSError."""
    client = socket.create_connection((held.addresses[0].reachable_host, held.port), 5)
    if settings.proxy_protocol and TrustedProxies(settings).trusts(str(client.getsockname()[0])):
        client.sendall(b"PROXY UNKNOWN\r\n")
    return client


def _answers(settings: Settings, held: Held, path: str) -> bool:
    """Return whether GET responds with 200."""
    try:
        with _connect(settings, held) as client:
            return _is_ok(client, held.port, path)
    except OSError:
        return False


def _answers_tls(settings: Settings, held: Held, path: str) -> bool:
    """Return whether GET responds with 200 over TLS; where that needs a certificate, whether TLS responds."""
    import ssl  # only needed with TLS

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # in which the server's part ends before the client's certificate
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the service calls itself
    needs_certificate = settings.tls_client_ca is not None and settings.tls_client_certificates == "required"
    try:
        with _connect(settings, held) as client, context.wrap_socket(client) as secured:
            return needs_certificate or _is_ok(secured, held.port, path)
    except OSError:
        return False


def _is_ok(client: socket.socket, port: int, path: str) -> bool:
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
    return client.recv(64).startswith(b"HTTP/1.1 200")


def _workers_environment(settings: Settings, url: str) -> dict[str, str]:
    """Return the environment variables for the workers: every setting, and the id of this process as their parent."""
    # Only this process is attached to the embedded store; for the workers it is a server like any other.
    known = {
        "redis": url,
        "test_hooks": settings.test_hooks or settings.ephemeral,
        "webhook_allowed_networks": settings.webhook_networks,
    }
    # The zaqar.conf has been read here; its values are among the settings.
    left_out = {"data_dir", "ephemeral", "zaqar_config", "store_memory", "store_disk_reserve"}
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


def _connections(settings: Settings) -> int:
    """Return the number of connections of one worker that the limit of open files allows. Raises that limit."""
    if resource is None:
        return settings.max_connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft == resource.RLIM_INFINITY:
        return settings.max_connections
    return min(settings.max_connections, max(64, soft - _RESERVED - settings.store_connections))
