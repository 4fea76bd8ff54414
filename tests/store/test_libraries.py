"""Function libraries on the server."""

from __future__ import annotations

from zaqar_core.core import leases, messages
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, libraries
from zaqar_core.store.scripts import script
from zaqar_core.store.single_server import Server

OLD = "sf1_plain_000000000000"


def names(server: Server) -> set[str]:
    found = server.command("FUNCTION", "LIST", "LIBRARYNAME", "sf1_*")
    return {dict(zip(one[::2], one[1::2], strict=True))[b"library_name"].decode() for one in found}


def test_a_library_that_nobody_used_for_a_week_is_removed(session: Session, queue: QueueRef) -> None:
    code = f"#!lua name={OLD}\nredis.register_function('{OLD}_x', function() return 1 end)"
    servers = session.store.servers()
    for server in servers:
        server.command("FUNCTION", "LOAD", "REPLACE", code)
    assert libraries.tidy(session.store) == []
    assert all(OLD in names(server) for server in servers)
    session.store.command("HINCRBY", keys.LIBRARIES, OLD, -libraries.UNUSED_SECONDS - 1)
    assert libraries.tidy(session.store) == [OLD]
    assert not any(OLD in names(server) for server in servers)
    messages.send(session, queue, [NewMessage(b"1")])


def test_a_lost_library_is_loaded_again(session: Session, queue: QueueRef) -> None:
    """If the server does not know the function, nothing has run, so the call can be repeated."""
    library = script("send").plain.library.name
    for server in session.store.servers():
        if library in names(server):
            server.command("FUNCTION", "DELETE", library)
    messages.send(session, queue, [NewMessage(b"1")])
    assert len(leases.receive(session, queue, max_messages=10, wait_seconds=0)) == 1
