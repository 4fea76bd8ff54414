"""Clients that are slow to send hold nothing that others need."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.conftest import Service

BODY = b'{"QueueUrl": "nowhere", "MessageBody": "x"}'
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    b"X-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: %d\r\n\r\n%b"
)
SENDERS = 8


def test_eight_clients_that_send_a_byte_at_a_time_stop_nobody(service: Service) -> None:
    """Others are answered while they dawdle, and so are they in the end."""
    parts = urlsplit(service.url)
    address = (parts.hostname or "", parts.port or 0)
    whole = REQUEST % (len(BODY), BODY)
    all_begun = threading.Barrier(SENDERS + 1)

    def slow() -> bytes:
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(whole[: -len(BODY)])
            all_begun.wait(10)
            for byte in BODY:
                connection.sendall(bytes([byte]))
                time.sleep(0.01)  # being slow is what is tested
            return connection.recv(64)[:12]

    with ThreadPoolExecutor(SENDERS) as pool:
        answers = [pool.submit(slow) for _ in range(SENDERS)]
        all_begun.wait(10)
        for _ in range(20):
            began = time.monotonic()
            with socket.create_connection(address, timeout=20) as connection:
                connection.sendall(whole)
                assert connection.recv(64)[:12] == b"HTTP/1.1 400"
            assert time.monotonic() - began < 1
        assert {answer.result(20) for answer in answers} == {b"HTTP/1.1 400"}
