"""Clients that send requests one after the other without waiting, beside others that do the same."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

from tests.conftest import Service
from tests.sqs.wire import Sqs

CLIENTS, SENDS = 6, 15


def test_messages_of_each_client_keep_their_order(service: Service, queue_name: str) -> None:
    """Sends of several clients in one turn of the event loop reach the store as one call."""
    sqs = Sqs(service.url, "json", "fast")
    queue = sqs.queue(queue_name)
    parts = urlsplit(service.url)

    def request(body: str, last: bool) -> bytes:
        content = json.dumps({"QueueUrl": queue, "MessageBody": body})
        head = (
            f"POST / HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"X-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: {len(content)}\r\n"
        )
        return f"{head}{'Connection: close' if last else 'A: b'}\r\n\r\n{content}".encode()

    clients = [socket.create_connection((parts.hostname, parts.port or 80)) for _ in range(CLIENTS)]
    for number, client in enumerate(clients):
        client.sendall(b"".join(request(f"{number} {at}", at == SENDS - 1) for at in range(SENDS)))
    for client in clients:
        with client, client.makefile("rb") as answers:
            assert answers.read().count(b"HTTP/1.1 200 ") == SENDS
    found: list[tuple[str, int]] = []
    while len(found) < CLIENTS * SENDS:
        bodies = [one["Body"].split() for one in sqs.receive(queue, MaxNumberOfMessages=10)]
        assert bodies
        found += [(number, int(at)) for number, at in bodies]
    for number in range(CLIENTS):
        assert [at for one, at in found if one == str(number)] == list(range(SENDS))
