"""The start of a service with TLS: its ports, its ready line, and its refusals."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from websockets.asyncio.client import connect

from tests.conftest import serving
from tests.patience import PATIENCE_SECONDS, until
from tests.serving.conftest import Serve
from tests.tls.conftest import Certificates


def _files(certificates: Certificates) -> dict[str, str]:
    return {
        "SQS_FACADE_TLS_CERTIFICATE": str(certificates.certificate),
        "SQS_FACADE_TLS_KEY": str(certificates.key),
    }


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Serve]:
    def start(environment: dict[str, str], *flags: str) -> Serve:
        return Serve(tmp_path, "--ephemeral", *flags, environment=environment)

    return start


def test_plain_and_tls_ports_stand_in_the_ready_line(serve: Callable[..., Serve], certificates: Certificates) -> None:
    service = serve(_files(certificates), "--tls-port", "0")
    try:
        url = service.wait_ready().url
        line = service.output.read_text().splitlines()[0]
        first, _, second = line.removeprefix("sqs-facade is ready: ").partition(" and ")
        assert (first, urlsplit(url).scheme, urlsplit(second).scheme) == (url, "http", "https")
        for one in (first, second):
            answer = requests.get(f"{one}/health", verify=str(certificates.trusted), timeout=PATIENCE_SECONDS)
            assert answer.status_code == 200
    finally:
        service.process.terminate()
        service.process.wait(PATIENCE_SECONDS)


@pytest.mark.slow
def test_more_ports_speak_what_the_port_speaks(serve: Callable[..., Serve], certificates: Certificates) -> None:
    service = serve(_files(certificates), "--host", "localhost", "--also-port", "0")
    try:
        service.wait_ready()
        urls = service.output.read_text().splitlines()[0].removeprefix("sqs-facade is ready: ").split(" and ")
        assert len({urlsplit(url).port for url in urls}) == 2
        for url in urls:
            assert url.startswith("https://localhost:")
            answer = requests.get(f"{url}/health", verify=str(certificates.trusted), timeout=PATIENCE_SECONDS)
            assert answer.status_code == 200
    finally:
        service.process.terminate()
        service.process.wait(PATIENCE_SECONDS)


def test_a_service_that_requires_client_certificates_becomes_ready(
    serve: Callable[..., Serve], certificates: Certificates, tmp_path: Path
) -> None:
    service = serve({**_files(certificates), "SQS_FACADE_TLS_CLIENT_CA": str(certificates.trusted)})
    issued = certificates.authority.issue_cert("client@example.org")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    try:
        url = service.wait_ready().url
        trusted = str(certificates.trusted)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/health", verify=trusted, timeout=PATIENCE_SECONDS)
        shown = str(tmp_path / "client.pem")
        answer = requests.get(f"{url}/health", verify=trusted, cert=shown, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200
    finally:
        service.process.terminate()
        service.process.wait(PATIENCE_SECONDS)


def test_wrong_files_stop_the_start_with_one_line(serve: Callable[..., Serve], certificates: Certificates) -> None:
    certificates.key.write_text("nothing")
    service = serve(_files(certificates))
    assert service.process.wait(PATIENCE_SECONDS) == 2
    [line] = service.errors.read_text().splitlines()
    assert f"{certificates.key} has no private key in PEM" in line
    assert "SQS_FACADE_TLS_KEY" in line


def test_websockets_speak_tls(certificates: Certificates, store_url: str) -> None:
    files = {"tls_certificate": str(certificates.certificate), "tls_key": str(certificates.key)}
    with serving("websocket", redis=store_url, durability="memory", **files) as service:
        assert service.url.startswith("wss://")
        context = ssl.create_default_context(cafile=str(certificates.trusted))
        headers = {"Client-ID": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "X-Project-ID": "p"}
        action = json.dumps({"action": "queue_list", "headers": headers, "body": {}})

        async def ask() -> tuple[int, Any]:
            """Return the status of an action, and the certificate of the service."""
            # Not the library's client for threads: it reads and writes at the same time, which OpenSSL does not allow.
            async with connect(service.url, ssl=context) as connection:
                await connection.send(action)
                reply = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE_SECONDS))
                return reply["headers"]["status"], connection.transport.get_extra_info("peercert")

        status, shown = asyncio.run(ask())
        assert status == 200
        certificates.issue()
        until(lambda: asyncio.run(ask())[1] != shown, "the new certificate is shown", 30)
