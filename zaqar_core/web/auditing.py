"""Which requests the audit log has, and what it says about them: never a body, a secret, a signature or a token.

Faces say what they know in the request's :class:`~zaqar_core.web.envelope.Note`. The rest is in the head of the request
and of the reply. Of what a client sends only the user agent and the path are repeated, shortened, and an access key id
in the form of one: a secret that stands in its place by mistake is not.
"""

from __future__ import annotations

import re

from zaqar_core.access import arns
from zaqar_core.access.users import basic
from zaqar_core.configuration.settings import Settings
from zaqar_core.web import audit_log
from zaqar_core.web.audit_log import AuditLog
from zaqar_core.web.envelope import Reply, Request

#: Statuses of requests that were refused for who the caller is, or for how much it asks.
_REFUSED = frozenset((401, 403, 429))
#: Codes of refusals with another status.
_REFUSED_CODES = frozenset(("IncompleteSignature", "RequestThrottled", "ThrottlingException"))
_SIGNED = re.compile(r"Credential=([A-Z0-9]{4,128})(?:/|%2F)")
_KEY_ID = re.compile(r"[A-Z0-9]{4,128}")
#: The names of dialects in the log, where they differ from those of notes.
_DIALECTS = {"sqs-json": "sqs", "sqs-query": "sqs"}
_MOST_CHARACTERS = 256


class Auditor:
    """Records requests: an observer. One instance serves all threads and tasks of a process."""

    def __init__(self, log: AuditLog, settings: Settings) -> None:
        self._log = log
        self._has_all = settings.audit_all_calls

    def observe(self, request: Request, reply: Reply) -> None:
        """Record a finished request, if the log has such requests."""
        note = request.note
        is_refused = reply.status in _REFUSED or note.code in _REFUSED_CODES
        if not (is_refused or note.is_administrative or self._has_all):
            return
        environ, principal = request.environ, request.principal
        self._log.put(
            {
                "time": audit_log.now(),
                "request_id": reply.request_id,
                "dialect": _DIALECTS.get(note.dialect, note.dialect),
                "action": note.operation,
                "resource": note.resource or (arns.of_queue(note.queue) if note.queue is not None else ""),
                "account": _plain(note.account or (principal.account if principal is not None else "")),
                "principal": note.principal or (principal.arn if principal is not None else ""),
                "access_key_id": _access_key_id(request),
                "source": environ.get("REMOTE_ADDR", ""),
                "user_agent": _plain(environ.get("HTTP_USER_AGENT", "")),
                "method": request.method[:16],
                "path": _plain(request.path),
                "outcome": "refused" if is_refused else ("done" if reply.status < 400 else "failed"),
                "status": reply.status,
                "code": note.code,
                "rule": note.rule or (note.decide() if note.decide is not None else ""),
            }
        )

    def reloaded(self, is_valid: bool) -> None:
        """Record that this process has read the credentials file again."""
        outcome = "done" if is_valid else "failed"
        self._log.put({"time": audit_log.now(), "action": "credentials.reload", "outcome": outcome})


def _plain(text: str) -> str:
    """Return the beginning of a text of a client, without bytes that JSON cannot have."""
    return text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode()


def _access_key_id(request: Request) -> str:
    """Return the access key id that a request names, "" if it names none in the form of one."""
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    signed = _SIGNED.search(header or request.query)
    if signed is not None:
        return signed[1]
    named = basic(header)[0] if header else ""
    return named if _KEY_ID.fullmatch(named) else ""
