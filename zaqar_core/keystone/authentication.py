"""Verify tokens of OpenStack Keystone by its own middleware (extra ``keystone``).

The middleware is a WSGI application that passes an accepted request to another application. Here that application
responds 204, and the identity is read from the environ. So one object serves both lanes, WebSocket and notifications.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from zaqar_core.configuration import keystone_options
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.keystone_options import SECTION
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.identity import Authenticator, Identity, IdentityUnavailable, NotAuthenticated

_log = logging.getLogger("sqs_facade.keystone")

_MOST_TOKENS = 10_000
#: Key of the environ under which the middleware finds its cache.
_CACHE = "sqs_facade.tokens"
#: Headers of a request that the middleware reads.
_HEADERS = ("HTTP_X_AUTH_TOKEN", "HTTP_X_STORAGE_TOKEN", "HTTP_X_SERVICE_TOKEN")


def configured(settings: Settings) -> Authenticator | None:
    """Return the configured authenticator; None where callers need no token. Raises SettingsInvalid."""
    return Keystone(settings) if settings.auth_strategy else None


class Keystone:
    """Implements :class:`zaqar_core.domain.identity.Authenticator`."""

    def __init__(self, settings: Settings) -> None:
        """Load the middleware without a request to Keystone. Raises SettingsInvalid."""
        file = settings.keystone_config
        if file is None:
            raise SettingsInvalid(
                "keystone needs the setting keystone_config, which names a file with [keystone_authtoken]",
                setting="auth_strategy",
            )
        if importlib.util.find_spec("keystonemiddleware") is None:
            raise SettingsInvalid(
                "keystonemiddleware is not installed: pip install 'sqs-facade[keystone]'", setting="auth_strategy"
            )
        from keystoneauth1.exceptions import ClientException

        self._failures = ClientException
        self._tokens = _Tokens()
        self._check = _middleware(file)

    def identify(self, environ: Mapping[str, Any]) -> Identity:
        """See :class:`zaqar_core.domain.identity.Authenticator`."""
        request: dict[str, Any] = {
            "REQUEST_METHOD": environ.get("REQUEST_METHOD", "GET"),
            "PATH_INFO": environ.get("PATH_INFO", "/"),
            "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            _CACHE: self._tokens,
        }
        request |= {name: environ[name] for name in _HEADERS if name in environ}
        status, headers = "", dict[str, str]()

        def start_response(line: str, fields: list[tuple[str, str]], *_: Any) -> None:
            nonlocal status, headers
            status, headers = line, {name.lower(): value for name, value in fields}

        try:
            for _ in self._check(request, start_response):
                pass
        except self._failures as problem:
            _log.error("cannot verify a token: the request to Keystone failed: %s", " ".join(str(problem).split()))
            raise IdentityUnavailable from None
        if status.startswith("204"):
            return _identity(request)
        if status.startswith("401"):
            raise NotAuthenticated(headers.get("www-authenticate", "Keystone"))
        raise IdentityUnavailable

    def authenticate(self, token: str) -> Identity:
        """Verify a token outside of a request. Raises NotAuthenticated, IdentityUnavailable."""
        return self.identify({"HTTP_X_AUTH_TOKEN": token})


WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _middleware(file: Path) -> WsgiApp:
    """Wrap an application that answers 204 in the middleware, configured by ``file``. Raises SettingsInvalid."""
    from keystoneauth1.exceptions import ClientException
    from keystonemiddleware.auth_token import AuthProtocol
    from keystonemiddleware.exceptions import ConfigurationError
    from oslo_config import cfg

    def accepted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        del environ
        start_response("204 No Content", [])
        return []

    try:
        options = keystone_options.read(file)
        given = options[SECTION]
        if not (given.auth_type or given.auth_section):
            raise SettingsInvalid(f"{file}: [{SECTION}] needs auth_type (such as password) and its options")
        fixed: dict[str, Any] = {"oslo_config_config": options, "delay_auth_decision": "false"}
        if not given.memcached_servers:
            fixed["cache"] = _CACHE
        if given.http_connect_timeout is None:
            fixed["http_connect_timeout"] = str(keystone_options.TIMEOUT_SECONDS)
        protocol: WsgiApp = AuthProtocol(accepted, fixed)
    except cfg.ConfigFilesNotFoundError:
        raise SettingsInvalid(f"cannot read {file}", setting="keystone_config") from None
    except cfg.ConfigFileParseError as problem:
        raise keystone_options.unreadable(file, problem) from None
    except (cfg.Error, ClientException, ConfigurationError, ValueError) as problem:
        raise SettingsInvalid(f"{file}: {' '.join(str(problem).split())}") from None
    return protocol


def _identity(found: Mapping[str, Any]) -> Identity:
    """Read the identity that the middleware wrote into the environ."""
    headers = {name: value for name, value in found.items() if name.startswith("HTTP_") and name not in _HEADERS}
    token = found["keystone.token_info"]["token"]
    return Identity(
        project=headers.get("HTTP_X_PROJECT_ID", ""),
        user=headers.get("HTTP_X_USER_ID", ""),
        roles=frozenset(headers.get("HTTP_X_ROLES", "").split(",")) - {""},
        expires=datetime.fromisoformat(token["expires_at"]).timestamp(),
        environ=headers,
    )


class _Tokens:
    """The middleware's cache of verified tokens, used where no memcached is configured."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    def get(self, key: str) -> Any:
        with self._lock:
            until, value = self._kept.get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def set(self, key: str, value: Any, time: int = 0) -> None:
        self._keep(key, value, time)

    def _keep(self, key: str, value: Any, seconds: int) -> None:
        with self._lock:
            self._kept[key] = (time.monotonic() + seconds, value)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_TOKENS:
                self._kept.popitem(last=False)
