"""Ask the service of this container whether it is ready: the health check of its image.

The settings are those of the environment. Exits with an error if the service is not ready.
"""

from __future__ import annotations

import os
import socket
import ssl
import urllib.request

_SECONDS = 2.0


def main() -> None:
    """Ask the plain port, or that of TLS if there is no other one."""
    port = int(os.environ.get("SQS_FACADE_PORT") or 9324)
    is_secure = bool(os.environ.get("SQS_FACADE_TLS_CERTIFICATE")) and not os.environ.get("SQS_FACADE_TLS_PORT")
    if is_secure and os.environ.get("SQS_FACADE_TLS_CLIENT_CA"):  # only callers with a certificate get an answer
        socket.create_connection(("127.0.0.1", port), _SECONDS).close()
        return
    context = None
    if is_secure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate names other hosts
    scheme = "https" if is_secure else "http"
    url = f"{scheme}://127.0.0.1:{port}/health/ready"
    urllib.request.urlopen(url, timeout=_SECONDS, context=context).close()  # noqa: S310 - it is HTTP


if __name__ == "__main__":
    main()
