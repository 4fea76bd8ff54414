"""Runs in Keystone's own environment: its API on a free port, which is printed. Ends with its standard input.

python run_keystone.py CONFIG_DIRECTORY [SECONDS_THAT_A_TOKEN_LASTS]
"""

# ruff: noqa: T201

from __future__ import annotations

import os
import socketserver
import sys
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def main() -> None:
    directory, seconds = sys.argv[1], sys.argv[2:]
    sys.argv = ["keystone"]  # it reads the arguments of the process as its own
    os.environ["OS_KEYSTONE_CONFIG_DIR"] = directory
    from keystone.wsgi import api

    if seconds:
        import keystone.conf

        keystone.conf.CONF.set_override("expiration", int(seconds[0]), "token")
    server = make_server("127.0.0.1", 0, api.application, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
