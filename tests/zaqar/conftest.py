"""A client that speaks to the face without HTTP."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.envelope import Request


@dataclass
class Answer:
    """One reply: header names in lower case, ``json`` None where there is no body."""

    status: int
    headers: dict[str, str]
    json: Any


@dataclass
class Zaqar:
    """Calls one project with one Client-ID. ``headers`` of None leave a header out."""

    session: Session
    face: ZaqarFace
    project: str = field(default_factory=lambda: uuid.uuid4().hex)
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def call(
        self,
        method: str,
        target: str,
        document: Any = None,
        *,
        raw: bytes = b"",
        headers: dict[str, str | None] = {},  # noqa: B006
    ) -> Answer:
        path, _, query = target.partition("?")
        shown = {"HTTP_CLIENT_ID": self.client_id, "HTTP_X_PROJECT_ID": self.project, **headers}
        environ = {name: value for name, value in shown.items() if value is not None}
        body = raw if document is None else orjson.dumps(document)
        environ |= {"PATH_INFO": path, "REQUEST_METHOD": method}
        reply = self.face.answer(Request(method, path, query, body, environ), self.session)
        assert any(name == "x-openstack-request-id" for name, _ in reply.headers)
        return Answer(
            reply.status,
            {name.lower(): value for name, value in reply.headers},
            orjson.loads(reply.body) if reply.body else None,
        )

    def post(self, queue: str, *bodies: Any, **more: int) -> list[str]:
        """Hrefs of messages with these bodies."""
        answer = self.call(
            "POST", f"/v2/queues/{queue}/messages", {"messages": [{"body": body, **more} for body in bodies]}
        )
        assert answer.status == 201, answer
        hrefs: list[str] = answer.json["resources"]
        return hrefs

    def other_client(self) -> Zaqar:
        """The same project under another Client-ID."""
        return Zaqar(self.session, self.face, self.project)


@pytest.fixture
def zaqar(session: Session) -> Zaqar:
    """A project of its own."""
    return Zaqar(session, ZaqarFace(Settings()))
