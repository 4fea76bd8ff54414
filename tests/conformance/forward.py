"""Applications and protocols that forward to the service, for tests that call their own."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import uuid
from urllib.parse import quote, urlsplit

#: Beyond it the service is to say that the project is too long.
_MOST_PROJECT_CHARACTERS = 256


#: The deployment that tests register pools in. They tell pools apart by a path; here each path is a database.
_POOL = os.environ.get("ZAQAR_TEST_MONGODB_URL", "")
_databases: dict[str, int] = {}
_numbers = itertools.count(1)


def _with_databases(body):
    if not _POOL:
        return body

    def database(found):
        return f"{_POOL}?db={_databases.setdefault(found[1], next(_numbers))}".encode()

    return re.sub(re.escape(_POOL).encode() + rb"/([\w-]+)", database, body)


class Forward:
    """Each instance has projects of its own, so that tests with the same names do not affect each other."""

    def __init__(self, url):
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port
        self._salt = uuid.uuid4()

    def __call__(self, environ, start_response):
        body = _with_databases(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        try:
            connection.putrequest(environ["REQUEST_METHOD"], self._target(environ), skip_accept_encoding=True)
            for name, value in self._headers(environ):
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        start_response(f"{answer.status} {answer.reason}", answer.getheaders())
        return [text] if text else []

    def _target(self, environ):
        path = quote(environ["PATH_INFO"].encode("latin1"), safe="/~")
        return f"{path}?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else path

    def _headers(self, environ):
        if environ.get("CONTENT_TYPE"):
            yield "Content-Type", environ["CONTENT_TYPE"]
        for name, value in environ.items():
            if name == "HTTP_X_PROJECT_ID" and 0 < len(value) <= _MOST_PROJECT_CHARACTERS:
                yield "X-Project-Id", uuid.uuid5(self._salt, value).hex
            elif name.startswith("HTTP_") and name != "HTTP_HOST":
                yield name[5:].replace("_", "-"), value


class ForwardFrames:
    """A protocol of a WebSocket server. Its projects are its own, as those of Forward are."""

    def __init__(self, url):
        self._url = url
        self._salt = uuid.uuid4()

    def onMessage(self, payload, is_binary):  # noqa: N802
        import msgpack
        from websockets.sync.client import connect

        read, write = (msgpack.unpackb, msgpack.packb) if is_binary else (json.loads, json.dumps)
        sent = payload.encode() if is_binary and isinstance(payload, str) else payload
        project = None
        try:
            request = read(sent)
            project = request["headers"]["X-Project-ID"]
            # A signature is of its project.
            if 0 < len(project) <= _MOST_PROJECT_CHARACTERS and "URL-Signature" not in request["headers"]:
                request["headers"]["X-Project-ID"] = uuid.uuid5(self._salt, project).hex
                sent = write(request)
        except (ValueError, KeyError, TypeError):
            pass  # not right, as it is meant to be
        with connect(self._url) as connection:
            connection.send(sent)
            answer = read(connection.recv(timeout=30))
        if project is not None:
            answer["request"]["headers"]["X-Project-ID"] = project
        self.sendMessage(write(answer), is_binary)

    def sendMessage(self, payload, is_binary):  # noqa: N802
        """Tests replace it by their own."""
