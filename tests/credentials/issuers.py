"""An OIDC issuer: its keys, its tokens, and a server of its documents."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

AUDIENCE, SUBJECT = "sqs", "system:serviceaccount:shop:orders"


@dataclass
class Issuer:
    """An issuer with one key. ``url`` is its name in tokens."""

    url: str = "https://issuer.example.org"
    key_id: str = "one"

    @cached_property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @property
    def key_set(self) -> dict[str, Any]:
        public = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "ES256"}, {"kty": "oct", "k": "AAAA"}]}

    def token(self, **changes: Any) -> str:
        """A token; a claim of None is left out."""
        claims = {"iss": self.url, "sub": SUBJECT, "aud": [AUDIENCE], "exp": int(time.time()) + 600, **changes}
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(given, self.key, "ES256", {"kid": self.key_id})


@dataclass
class Served:
    """The server of an issuer's documents. ``requests`` are the paths that were asked for."""

    issuer: Issuer
    is_away: bool = False
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving_keys() -> Iterator[Served]:
    """Serve the discovery document and the keys of an issuer on loopback."""
    served = Served(Issuer())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            documents = {
                "/.well-known/openid-configuration": {"jwks_uri": f"{served.issuer.url}/keys"},
                "/keys": served.issuer.key_set,
            }
            found = documents.get(self.path)
            self.send_response(503 if served.is_away else 200 if found is not None else 404)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
