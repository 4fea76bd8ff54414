"""The service under Gunicorn, which runs each request in a thread."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.patience import PATIENCE_SECONDS, until

#: More than the long polls of any test beside requests that do not wait.
_THREADS = 320


@contextmanager
def gunicorn(environment: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run one worker; yield the URL and the process of Gunicorn. ``environment`` has the settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="sf", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                Path(sys.executable).with_name("gunicorn"), "--bind", f"127.0.0.1:{port}", "--threads", str(_THREADS),
                "--worker-tmp-dir", folder, "--chdir", folder, "sqs_facade.wsgi:app",
            ],
            env={**os.environ, **environment},
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: _responds(url) or process.poll() is not None, "the service is ready")
            assert process.poll() is None, f"Gunicorn ended with {process.returncode}"
            yield url, process
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _responds(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/ready", timeout=PATIENCE_SECONDS).status_code == 200
    except requests.RequestException:
        return False
