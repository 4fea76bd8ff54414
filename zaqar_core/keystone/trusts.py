"""Keystone trusts: a user lets the service act on the user's behalf, in one project, with the roles held at that time.

A trust is created with the user's own token and used with the service's credentials, those of [keystone_authtoken].
Both calls block: use ``eventloop.in_thread``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zaqar_core.configuration import keystone_options
from zaqar_core.configuration.keystone_options import SECTION
from zaqar_core.configuration.settings import Settings

_log = logging.getLogger("sqs_facade.keystone")

#: A trust outlives its subscription by this: clocks differ, and deliveries may be in progress.
_SPARE_SECONDS = 600
#: The latest date with a four-digit year, in seconds since 1970.
_END_OF_TIME = 253_402_300_799
#: A token is replaced this long before it expires, or after nine tenths of its lifetime if that is later.
_EARLY_SECONDS = 60.0
_MOST_TOKENS = 10_000
#: Options that scope the service's own token. A token of a trust is scoped to the trust instead.
_SCOPES = (
    "system_scope", "domain_id", "domain_name", "project_id", "project_name", "project_domain_id",
    "project_domain_name", "tenant_id", "tenant_name",
)  # fmt: skip
#: Final statuses of Keystone: the trust does not exist any more, or the user who created it has lost the permission.
_FINAL = frozenset((403, 404))


@dataclass(eq=False)
class TrustRefused(Exception):
    """Keystone refused to create a trust, or to issue a token for one. ``reason`` holds no secrets.

    ``is_final``: a retry would not help.
    """

    reason: str
    is_final: bool = True


class KeystoneUnavailable(Exception):
    """Keystone does not answer, or its answer is not usable."""


@dataclass(slots=True)
class Trustor:
    """The user who creates a trust, as identified by ``token``, which has been verified."""

    token: str
    user: str
    project: str
    roles: frozenset[str]


def configured(settings: Settings) -> Trusts | None:
    """Return the trusts of the configured Keystone, without a request to it; None where there is no Keystone."""
    if settings.auth_strategy != "keystone" or settings.keystone_config is None:
        return None
    return Trusts(settings.keystone_config, settings.notification_timeout_seconds)


class Trusts:
    """Creates and deletes trusts, and keeps their tokens. One instance serves all threads."""

    def __init__(self, file: Path, delivery_seconds: float) -> None:
        self._file = file
        self._delivery_seconds = delivery_seconds
        self._lock = threading.Lock()
        self._service: _Service | None = None
        self._tokens: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def create(self, trustor: Trustor, ttl_seconds: int) -> str:
        """Create a trust that lasts as long as a subscription created now; return its id.

        Raises TrustRefused, KeystoneUnavailable.
        """
        ends = datetime.fromtimestamp(min(time.time() + ttl_seconds + _SPARE_SECONDS, _END_OF_TIME), UTC)
        with _failures("the trust cannot be created"):
            service = self._loaded()
            trust = {
                "trustor_user_id": trustor.user,
                "trustee_user_id": service.user(),
                "project_id": trustor.project,
                "impersonation": True,
                "roles": [{"name": name} for name in sorted(trustor.roles)],
                "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
            answer = service.call("POST", "", trustor.token, {"trust": trust})
            return str(answer.json()["trust"]["id"])

    def delete(self, trust_id: str) -> None:
        """Delete the trust. If Keystone refuses or is unavailable, the trust stays until it expires. Never raises."""
        try:
            token, _ = self.token(trust_id)
            with _failures("the trust cannot be deleted"):
                self._loaded().call("DELETE", f"/{trust_id}", token)
        except (TrustRefused, KeystoneUnavailable) as problem:
            _log.warning(
                "cannot delete a trust, which stays until it expires: %s",
                getattr(problem, "reason", "Keystone is unavailable"),
            )
        self.forget(trust_id)

    def token(self, trust_id: str) -> tuple[str, bool]:
        """Return a token for the trust, and whether Keystone issued it just now.

        Takes at most half of a delivery's time-out. Raises TrustRefused, KeystoneUnavailable.
        """
        found = self._known(trust_id)
        if found is not None:
            return found, False
        with _failures("no token can be issued for the trust"):
            token, expires = self._loaded().token(trust_id)
        life = expires - time.time()
        until = time.monotonic() + life - min(_EARLY_SECONDS, life / 10)
        with self._lock:
            self._tokens[trust_id] = (until, token)
            self._tokens.move_to_end(trust_id)
            while len(self._tokens) > _MOST_TOKENS:
                self._tokens.popitem(last=False)
        return token, True

    def has_token(self, trust_id: str) -> bool:
        """Whether a valid token is kept, so that no request to Keystone is needed."""
        return self._known(trust_id) is not None

    def forget(self, trust_id: str) -> None:
        """Drop the kept token, so that the next one is new."""
        with self._lock:
            self._tokens.pop(trust_id, None)

    def _known(self, trust_id: str) -> str | None:
        with self._lock:
            until, token = self._tokens.get(trust_id, (0.0, ""))
        return token if time.monotonic() < until else None

    def _loaded(self) -> _Service:
        with self._lock:
            if self._service is None:
                self._service = _Service(self._file, self._delivery_seconds)
            return self._service


class _Service:
    """Requests to Keystone with the service's own credentials."""

    def __init__(self, file: Path, delivery_seconds: float) -> None:
        from keystoneauth1 import loading

        self._options = keystone_options.read(file)
        self._loading = loading
        self._lock = threading.Lock()
        given = self._options[SECTION]
        seconds = given.http_connect_timeout or keystone_options.TIMEOUT_SECONDS
        # A token takes two requests, each of which may wait to connect and then for the answer.
        self._session = self._new_session(min(seconds, delivery_seconds / 4))
        self._own: Any = loading.load_auth_from_conf_options(self._options, SECTION)
        name = self._options[given.auth_section or SECTION].auth_type
        self._known = {option.dest for option in loading.get_plugin_loader(name).get_options()}

    def _new_session(self, seconds: float) -> Any:
        given = self._options[SECTION]
        return self._loading.session.Session().load_from_options(
            cert=given.certfile, key=given.keyfile, cacert=given.cafile, insecure=given.insecure, timeout=seconds
        )

    def user(self) -> str:
        return str(self._own.get_user_id(self._session))

    def token(self, trust_id: str) -> tuple[str, float]:
        """Issue a token for the trust; return the token and its expiry in seconds since 1970."""
        from keystoneauth1.exceptions import Unauthorized

        if "trust_id" not in self._known:
            raise TrustRefused("the service's own credentials cannot use trusts")
        scope = {name: None for name in _SCOPES if name in self._known}
        with self._lock:
            auth: Any = self._loading.load_auth_from_conf_options(self._options, SECTION, trust_id=trust_id, **scope)
        try:
            access = auth.get_access(self._session)
        except Unauthorized:  # Keystone returns it for a deleted trust too
            answer = self.call("GET", f"/{trust_id}", str(self._own.get_token(self._session)), raise_exc=False)
            if answer.status_code == 404:
                raise TrustRefused("the trust does not exist any more") from None
            raise
        return str(access.auth_token), access.expires.timestamp()

    def call(self, method: str, path: str, token: str, document: Any = None, *, raise_exc: bool = True) -> Any:
        """Send a request about trusts with the given token. The token is sent to Keystone only and is never logged."""
        from keystoneauth1.plugin import AUTH_INTERFACE

        root = self._own.get_endpoint(self._session, interface=AUTH_INTERFACE, version=(3, 0))
        return self._session.request(
            f"{str(root).rstrip('/')}/OS-TRUST/trusts{path}",
            method,
            json=document,
            headers={"X-Auth-Token": token},
            authenticated=False,
            log=False,
            redirect=False,
            raise_exc=raise_exc,
        )


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """Translate the library's errors. Their own texts may contain what was sent."""
    from keystoneauth1 import exceptions

    try:
        yield
    except exceptions.HttpError as problem:
        status = problem.http_status
        if not 400 <= status < 500 or status in (408, 429):
            raise KeystoneUnavailable from None
        raise TrustRefused(f"{what}: Keystone answered with status {status}", status in _FINAL) from None
    except exceptions.ClientException as problem:
        _log.error("a request to Keystone failed: %s", type(problem).__name__)
        raise KeystoneUnavailable from None
