"""Which requests the audit log has, and what it says about them: never a body, a secret, a signature or a token.

Faces say what they know in the request's :class:`~zaqar_core.web.envelope.Note`. The rest is in the head of the request
and of the reply. Of what a client sends only the user agent and the path are repeated, shortened, and an access key id
in the form of one: a secret that stands in its place by mistake is not.
"""

from __future__ import annotations

import re

from zaqar_core.access.users import basic
from zaqar_core.configuration.settings import Settings
from zaqar_core.web import audit_log
from zaqar_core.web.audit_log import AuditLog
from zaqar_core.web.envelope import HEAD_ONLY, Note, Reply, Request

#: Statuses of requests that were refused for who the caller is, or for how much it asks.
_REFUSED = frozenset((401, 403, 429))
#: Codes of refusals with another status.
_REFUSED_CODES = frozenset(("IncompleteSignature", "RequestThrottled", "ThrottlingException"))
_SIGNED = re.compile(r"Credential=([A-Z0-9]{4,128})(?:/|%2F)")
_KEY_ID = re.compile(r"[A-Z0-9]{4,128}")
_REQUEST_IDS = ("x-amzn-RequestId", "x-openstack-request-id")
_MOST_CHARACTERS = 256


class Auditor:
    """Records requests. One instance serves all threads and tasks of a process."""

    def __init__(self, log: AuditLog, settings: Settings) -> None:
        self._log = log
        self._has_all = settings.audit_all_calls

    def record(self, request: Request, reply: Reply) -> None:
        """Record a request that was answered, if the log has such requests."""
        note = request.note or Note()
        is_refused = reply.status in _REFUSED or note.code in _REFUSED_CODES
        if not (is_refused or note.is_administrative or self._has_all):
            return
        if HEAD_ONLY in request.environ and reply.status == 204:
            return
        environ, principal = request.environ, request.principal
        self._log.put(
            {
                "time": audit_log.now(),
                "request_id": next((value for name, value in reply.headers if name in _REQUEST_IDS), ""),
                "dialect": note.dialect,
                "action": note.action,
                "resource": note.resource,
                "account": _plain(note.account or (principal.account if principal is not None else "")),
                "principal": note.principal or (principal.arn if principal is not None else ""),
                "access_key_id": note.access_key_id or _access_key_id(request),
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
