"""Paths of other emulators that test containers, wait scripts and test suites call, so that they find them here too.

``/_localstack``, ``/_ministack``: health, information, and the state of init scripts, of which this service has none.
``/moto-api/reset`` and its kin delete everything, where the test hooks are on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from msgspec.structs import replace

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.web.envelope import Face, Refusal, Reply, Request

PATHS = ("/_localstack", "/_ministack", "/moto-api")

_BODY_BYTES = 64 << 10
_EDITION = "sqs-facade"
#: Stages of LocalStack's init scripts, and whether a service that responds has passed them.
_STAGES = {"boot": True, "start": True, "ready": True, "shutdown": False}
#: POST to these deletes all queues of all accounts, and how each emulator says that it did.
_RESETS: Mapping[str, dict[str, str]] = {
    "/_localstack/state/reset": {},
    "/_localstack/state/sqs/reset": {},
    "/_ministack/reset": {"reset": "ok"},
    "/moto-api/reset": {"status": "ok"},
}
_RESET_HOOK = "/_test/reset"


class EmulatorFace:
    """Serve the paths of other emulators. ``hooks`` is the face of the test hooks, which resets.

    Anybody may read the health, as at ``/health/ready``. Where callers need credentials, it does not name the version.
    One instance serves all threads.
    """

    admit = None

    def __init__(self, settings: Settings, hooks: Face, is_ready: Callable[[], bool]) -> None:
        """``is_ready`` returns whether ``/health/ready`` is 200 now."""
        self._settings = settings
        self._is_ready = is_ready
        self.verifies_callers = settings.verifies_all_callers
        self._hooks = hooks
        self._started = time.monotonic()
        self._pages: Mapping[str, Callable[[Session], Reply]] = {
            "/_localstack/health": self._health,
            "/_localstack/info": self._info,
            "/_localstack/init": _init,
            **{f"/_localstack/init/{stage}": _init_stage(stage) for stage in _STAGES},
            "/_ministack/health": self._health,
            "/_ministack/ready": self._ready,
        }

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit in bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Return the page that the path names, or reset. Never raises."""
        path = request.path.rstrip("/")
        request.note.dialect = "emulator"
        request.note.operation = path if path in self._pages or path in _RESETS else ""
        if path in _RESETS:
            return self._reset(path, request, session)
        if (page := self._pages.get(path)) is None:
            known = ", ".join([*self._pages, *_RESETS])
            return _reply(404, {"error": f"This service has no {request.path}. It has {known}."})
        if request.method not in ("GET", "HEAD"):
            return _reply(405, {"error": f"{path} can be read only."}, ("Allow", "GET, HEAD"))
        return page(session)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error of the test hooks: resets are theirs."""
        return self._hooks.refuse(request, why)

    def _reset(self, path: str, request: Request, session: Session) -> Reply:
        if request.method != "POST":
            return _reply(405, {"error": f"{path} needs POST."}, ("Allow", "POST"))
        reply = self._hooks.answer(replace(request, path=_RESET_HOOK, body=b'{"all": true}'), session)
        return reply if reply.status != 200 else _reply(200, _RESETS[path])

    def _health(self, session: Session) -> Reply:
        del session
        state = "running" if self._is_ready() else "error"
        services = {"sqs": state} | ({"sts": state} if self._settings.verifies_all_callers else {})
        return _reply(200 if state == "running" else 503, {"services": services, **self._identity()})

    def _ready(self, session: Session) -> Reply:
        del session
        is_ready = self._is_ready()
        return _reply(200 if is_ready else 503, {"status": "completed" if is_ready else "running"})

    def _info(self, session: Session) -> Reply:
        del session
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
        uptime = int(time.monotonic() - self._started)
        times = {} if self._settings.verifies_all_callers else {"server_time_utc": now, "uptime": uptime}
        return _reply(200, {**self._identity(), "is_license_activated": False, **times})

    def _identity(self) -> dict[str, str]:
        shown = {} if self._settings.verifies_all_callers else {"version": version("sqs-facade")}
        return {"edition": _EDITION, **shown}


def _init(session: Session) -> Reply:
    del session
    return _reply(200, {"completed": {name.upper(): passed for name, passed in _STAGES.items()}, "scripts": []})


def _init_stage(stage: str) -> Callable[[Session], Reply]:
    def page(session: Session) -> Reply:
        del session
        return _reply(200, {"completed": _STAGES[stage], "scripts": []})

    return page


def _reply(status: int, document: Mapping[str, Any], *headers: tuple[str, str]) -> Reply:
    """Return JSON with blanks after colons: scripts search the text for ``"sqs": "running"``."""
    return Reply(status, [("Content-Type", "application/json"), *headers], json.dumps(document).encode())
