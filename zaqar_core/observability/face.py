"""``/metrics``: the page that Prometheus reads.

It shows names of queues of all accounts. So where callers need credentials it needs those of an administrator of the
service, or the token of the setting ``metrics_token``.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Generator, Iterator, Mapping
from itertools import chain
from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from zaqar_core.access import administration
from zaqar_core.access.users import CHALLENGE, KnownUser
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.identity import Authenticator, NotAuthenticated
from zaqar_core.eventloop import Pauses
from zaqar_core.observability import page
from zaqar_core.observability.scraping import Scraper
from zaqar_core.web import allowed_hosts
from zaqar_core.web.envelope import Refusal, Reply, Request

PATH = "/metrics"

_log = logging.getLogger("sqs_facade.metrics")
#: Length of a piece of the page, and all pauses while it is written.
_PIECE_CHARACTERS, _PAUSES_SECONDS = 32 * 1024, 0.15
_BEARER = "bearer "
_OPEN_METRICS = "application/openmetrics-text"
_PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
_REFUSED = {Refusal.CROSS_SITE: 403, Refusal.HOST_NOT_ALLOWED: 403, Refusal.OVERLOADED: 503}


class _LongPage:
    """A page in pieces, so that its megabytes are never copied in one turn of the loop. Implements ``Parts``."""

    def __init__(self, first: bytes, second: bytes, rest: Generator[bytes]) -> None:
        self._begin = (first, second)
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._begin, self._rest)

    def close(self) -> None:
        """Write no more pieces."""
        self._rest.close()


class MetricsFace:
    """Implements :class:`zaqar_core.web.envelope.Face`. One instance serves all threads."""

    admit = None

    def __init__(self, settings: Settings, scraper: Scraper, authenticator: Authenticator | None) -> None:
        """``authenticator`` knows the users of the credentials file; without one, callers need no credentials."""
        self._region = settings.region
        self._token = settings.metrics_token
        self._scraper = scraper
        self._authenticator = authenticator
        self.verifies_callers = authenticator is not None or self._token is not None

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit: requests have no body."""
        del environ
        return 0

    def answer(self, request: Request, session: Session) -> Reply:
        """Return the page. Never raises."""
        request.note.dialect, request.note.operation = "metrics", "scrape"
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            is_open = _wants_open_metrics(request)
            found = self._scraper.collect(session)
            pieces = _pieces(self._scraper.write(found, is_open=is_open))
            first, second = next(pieces, b""), next(pieces, b"")
        except Exception:
            _log.exception("cannot show the metrics")
            request.note.code = "InternalError"
            return Reply(500, list(_PLAIN), b"The metrics cannot be shown. See the service's log for the reason.\n")
        media_type = page.OPEN_METRICS if is_open else page.TEXT
        headers = [("Content-Type", media_type), ("Cache-Control", "no-store"), ("Vary", "Accept")]
        return Reply(200, headers, b"", _LongPage(first, second, pieces)) if second else Reply(200, headers, first)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error for a request that was not run."""
        request.note.dialect, request.note.operation, request.note.code = "metrics", "scrape", why.name
        text = allowed_hosts.refusal(request.host) if why is Refusal.HOST_NOT_ALLOWED else f"{why.value}."
        return Reply(_REFUSED.get(why, 400), list(_PLAIN), f"{text}\n".encode())

    def _refusal(self, request: Request) -> Reply | None:
        """Return the error for a caller who may not read the metrics."""
        if not self.verifies_callers:
            return None
        environ = dict(request.environ)
        header = str(environ.get("HTTP_AUTHORIZATION", ""))
        if header[: len(_BEARER)].lower() == _BEARER:
            token = header[len(_BEARER) :].strip()
            if self._token is not None and hmac.compare_digest(token.encode(), self._token.encode()):
                return None
            environ["HTTP_X_AUTH_TOKEN"] = token
            del environ["HTTP_AUTHORIZATION"]
        challenge = 'Bearer realm="sqs-facade"'
        if self._authenticator is not None:
            challenge = f"{challenge}, {CHALLENGE}"
            try:
                found = self._authenticator.identify(environ)
            except NotAuthenticated:
                pass
            else:
                caller = found.principal if isinstance(found, KnownUser) else None
                request.principal = caller
                if caller is not None and administration.is_allowed(caller, environ, self._region):
                    return None
                request.note.code = "AccessDenied"
                return Reply(403, list(_PLAIN), f"The metrics need the right {administration.ACTION}.\n".encode())
        request.note.code = "NotAuthenticated"
        headers = [*_PLAIN, ("WWW-Authenticate", challenge)]
        return Reply(401, headers, b"The metrics need a token or the credentials of an administrator.\n")


def _pieces(written: Iterator[str]) -> Generator[bytes]:
    """Iterate over pieces of a page to send. Other tasks run between its parts."""
    found: list[str] = []
    length, pauses = 0, Pauses(_PAUSES_SECONDS)
    for part in written:
        found.append(part)
        length += len(part)
        if length >= _PIECE_CHARACTERS:
            yield "".join(found).encode()
            found.clear()
            length = 0
        pauses.step()
    if found:
        yield "".join(found).encode()


def _wants_open_metrics(request: Request) -> bool:
    """Return whether the client names OpenMetrics and prefers it, as Prometheus does."""
    accept = parse_accept_header(request.header("ACCEPT"), MIMEAccept)
    named = [quality for media_type, quality in accept if media_type.partition(";")[0] == _OPEN_METRICS]
    return bool(named) and max(named) > 0 and max(named) >= accept.quality("text/plain")
