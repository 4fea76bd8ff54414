"""Clients that send slowly do not block others."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.conftest import Service
from tests.patience import PATIENCE_SECONDS

BODY = b'{"QueueUrl": "nowhere", "MessageBody": "x"}'
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    b"X-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: %d\r\n\r\n%b"
)
SENDERS = 8


def test_eight_clients_that_send_single_bytes_do_not_block_others(service: Service) -> None:
    """Other requests are served meanwhile, and the slow ones in the end. The test does not sleep."""
    parts = urlsplit(service.url)
    address = (parts.hostname or "", parts.port or 0)
    whole = REQUEST % (len(BODY), BODY)
    all_begun, others_answered = threading.Barrier(SENDERS + 1), threading.Event()

    def slow() -> bytes:
        with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(whole[: -len(BODY)])
            for byte in BODY[:-1]:
                connection.sendall(bytes([byte]))
                time.sleep(0.001)  # being slow is what is tested
            all_begun.wait(PATIENCE_SECONDS)
            others_answered.wait(PATIENCE_SECONDS)
            connection.sendall(BODY[-1:])
            return connection.recv(64)[:12]

    with ThreadPoolExecutor(SENDERS) as pool:
        answers = [pool.submit(slow) for _ in range(SENDERS)]
        all_begun.wait(PATIENCE_SECONDS)
        for _ in range(20):
            with socket.create_connection(address, timeout=PATIENCE_SECONDS / 2) as connection:
                connection.sendall(whole)
                assert connection.recv(64)[:12] == b"HTTP/1.1 400"
        others_answered.set()
        assert {answer.result(PATIENCE_SECONDS) for answer in answers} == {b"HTTP/1.1 400"}
