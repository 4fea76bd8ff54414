"""The service behind nginx, which ends TLS, with the configuration of docs/security.md."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import boto3
import pytest

from tests.conftest import serving
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER
from tests.patience import PATIENCE_SECONDS, until
from tests.tls.conftest import certificates_in

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificates.certificate};
        ssl_certificate_key {certificates.key};
        {location}
    }}
}}
"""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_the_documented_nginx_serves_signed_requests(
    tmp_path: Path, store_settings: dict[str, str], queue_name: str
) -> None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("needs nginx")
    certificates = certificates_in(tmp_path)
    settings = {"trusted_proxies": "127.0.0.1/32", "credentials_file": str(written(tmp_path, USER))}
    [location] = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    port = _free_port()
    with serving(**settings, **store_settings) as service:
        text = CONFIGURATION.format(
            folder=tmp_path,
            port=port,
            certificates=certificates,
            location=location.replace("http://127.0.0.1:9324", service.url),
        )
        (tmp_path / "nginx.conf").write_text(text)
        nginx = subprocess.Popen([program, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)])
        try:
            until(lambda: _listens(port) or nginx.poll() is not None, "nginx listens")
            url = f"https://127.0.0.1:{port}"
            sqs = boto3.client(
                "sqs",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id=KEY,
                aws_secret_access_key=SECRET,
                verify=str(certificates.trusted),
            )
            queue = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
            assert queue == f"{url}/{ACCOUNT}/{queue_name}"
            only_tls = {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            }  # fmt: skip
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(only_tls)})
            sqs.send_message(QueueUrl=queue, MessageBody="x" * 500_000)
            [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
            assert len(message["Body"]) == 500_000
        finally:
            nginx.terminate()
            nginx.wait(PATIENCE_SECONDS)
