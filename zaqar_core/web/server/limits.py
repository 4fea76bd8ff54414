"""What bounds the work of one worker. Each bound has a counter in :mod:`counters` or a response of its own."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.configuration.settings import Settings

#: Bytes of a request line with its headers; more are refused with 431, or 414 if the request line alone is longer.
HEAD_BYTES = 64 * 1024
#: Headers of one request; more are refused with 431.
HEADERS = 100
#: Bytes of the line that begins a chunk, with its extensions.
CHUNK_LINE_BYTES = 256
#: Bytes of all chunk extensions of one body.
CHUNK_EXTENSION_BYTES = 16 * 1024
#: Bytes of the trailers after a chunked body, which are discarded.
TRAILER_BYTES = 8 * 1024
#: Bytes of a too large body that are discarded before the refusal is sent: many clients read it only after they have
#: sent the whole body.
DRAIN_BYTES = 16 << 20
#: Bytes that are discarded after a response that closes the connection, so that it is not lost by a reset.
LINGER_BYTES = 16 << 20
#: Bytes that a client may send ahead of the response it waits for. Then reading from it stops until the response.
PIPELINE_BYTES = 64 * 1024
#: Requests with longer bodies are started one at a time, with all short ones that have arrived between them.
LARGE_BODY_BYTES = 64 * 1024
#: While bodies wait for room in memory, a body that does not arrive for so long is refused.
STALLED_BODY_SECONDS = 2.0
#: When a worker has no room for new connections, those that have waited for a request for so long are closed.
SHED_IDLE_SECONDS = 5.0
#: Unsent bytes of one connection above which nothing more is read from it.
WRITE_HIGH_WATER_BYTES = 64 * 1024
#: Bytes that the kernel takes for one connection while its client does not read. Without this bound it takes megabytes,
#: so that requests of a client that reads nothing would run until their responses fill them.
UNSENT_BYTES_IN_KERNEL = 128 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one worker that depend on its settings, its machine or a test."""

    #: Open connections. Beyond it, idle ones are closed for new ones, and accepting pauses if there are none.
    connections: int = 50_000
    #: Connections accepted in one turn of the loop. One, if several workers share the listening socket: the first to
    #: wake would take a whole burst, and the connections of that burst would keep only one worker busy.
    accepts_per_turn: int = 16
    #: Requests that run at the same time, receives that wait for messages aside. Others wait for their turn. Enough to
    #: use a store that takes 50 ms for a write, and few enough that a turn comes soon.
    requests_in_flight: int = 512
    #: Requests that wait for their turn. Beyond it, requests of the accounts and queues with the most are refused.
    requests_waiting: int = 10_000
    #: Bodies that have arrived in part. Beyond it the slowest are refused.
    bodies_being_read: int = 4_096
    #: Bytes of all bodies in memory. Beyond it, unfinished bodies are read one at a time.
    buffered_bytes: int = 128 << 20
    #: Bytes of unfinished heads, and of requests that clients send ahead, on all connections. Beyond it the connections
    #: with the most are closed. Counted twice a second.
    held_bytes: int = 64 << 20
    #: Unsent bytes of all connections whose clients do not read. Beyond it the slowest are disconnected.
    unsent_bytes: int = 64 << 20
    #: From the first byte of a request to the end of its headers; also from the connection to its first request.
    head_seconds: float = 15.0
    #: Between two requests of one connection. Longer than clients keep idle connections: SDKs and load balancers use
    #: one again after 60 s.
    idle_seconds: float = 90.0
    #: Between two parts of a body.
    body_idle_seconds: float = 20.0
    #: From the headers of a request to the end of its body.
    body_seconds: float = 180.0
    #: Between two parts of a response that the client reads.
    write_idle_seconds: float = 20.0
    #: From the moment when a client reads too slowly until it has read the response.
    write_seconds: float = 180.0
    #: For discarding what a client still sends after a response that closes its connection.
    linger_seconds: float = 2.0
    #: After a stop signal, for requests that run. The main process kills a worker a little later.
    stop_seconds: float = 1.0

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits of one worker with these settings."""
        return cls(
            connections=settings.max_connections,
            accepts_per_turn=1 if settings.workers > 1 else 16,
        )
