"""Serve a WSGI application that does nothing: the lower bound of the cost of a request, for ``hot_path``.

    python -m benchmarks.bare PORT

The application reads the body of the request and returns two bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from granian.constants import Interfaces
from granian.server import Server


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"{}"]


if __name__ == "__main__":
    Server(
        "benchmarks.bare:app",
        interface=Interfaces.WSGI,
        port=int(sys.argv[1]),
        blocking_threads=64,
        backpressure=4096,
        log_enabled=False,
    ).serve()
