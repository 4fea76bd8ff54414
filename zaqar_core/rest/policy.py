"""Authorization with Keystone: rules of OpenStack's policy files, evaluated by oslo.policy (extra ``keystone``).

Each row of the route table names its rule, as Zaqar does. The operator's policy file overrides single rules and is
reloaded when it changes. The service does not start with an invalid file; when a file becomes invalid later, the error
is logged and the previous rules stay in force.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.eventloop import Threads
from zaqar_core.logs.cause import EACH
from zaqar_core.rest import identity

_log = logging.getLogger("sqs_facade.keystone")

#: Rules whose default requires one of ``admin_roles``. The default of all others allows every caller with a token.
ADMIN_RULES = frozenset((
    "pools:get_all", "pools:get", "pools:create", "pools:update", "pools:delete", "flavors:create", "flavors:update",
    "flavors:delete", "health:get",
))  # fmt: skip
#: Rules that other rules may refer to, as in Zaqar.
_HELPERS = {"admin_or_owner": "is_admin:True or project_id:%(project_id)s"}
_ADMIN = "context_is_admin"

#: A caller's credentials by their names in rules -> the header in which the authenticator puts them.
_CREDENTIALS = {
    "user_id": "HTTP_X_USER_ID",
    "user_domain_id": "HTTP_X_USER_DOMAIN_ID",
    "project_id": "HTTP_X_PROJECT_ID",
    "project_domain_id": "HTTP_X_PROJECT_DOMAIN_ID",
    "domain_id": "HTTP_X_DOMAIN_ID",
    "system_scope": "HTTP_OPENSTACK_SYSTEM_SCOPE",
}
_ROLES, _SERVICE_ROLES = "HTTP_X_ROLES", "HTTP_X_SERVICE_ROLES"

#: Interval at which the files are checked for changes.
CHECK_SECONDS = 1.0
#: Reads the files, which may be on a slow disk.
_reading = Threads(1, "policy")
#: Size of the cache of decisions, which is cleared when it is full.
_MOST_DECISIONS = 10_000


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One version of the rules. ``open`` are the rules that allow every caller; ``stamp`` changes with the files."""

    enforcer: Any
    open: frozenset[str]
    stamp: object
    #: Cached decisions by rule and credentials; None where a rule has an external check, which is not cached.
    decided: dict[Hashable, bool] | None


class Policy:
    """Decides whether a caller may run an operation. One instance serves all threads."""

    def __init__(self, settings: Settings, known: frozenset[str]) -> None:
        """``known`` are the names of all rules. Raises SettingsInvalid."""
        if importlib.util.find_spec("oslo_policy") is None:
            raise SettingsInvalid(
                "the library oslo.policy is not installed: pip install 'sqs-facade[keystone]'",
                setting="auth_strategy",
            )
        from zaqar_core.rest import policy_files  # loads oslo.policy

        self._files = policy_files
        admin = " or ".join(f"role:{role}" for role in settings.admin_roles) or "!"
        self._defaults = {_ADMIN: admin, **_HELPERS, **{name: admin if name in ADMIN_RULES else "" for name in known}}
        self._known = known
        self._file = settings.policy_file
        self._lock = threading.Lock()
        self._next_check = 0.0
        self._loaded = self._load(self._files.stamp(self._file))

    @property
    def has_external_checks(self) -> bool:
        """Whether a decision may wait for another server."""
        return self._loaded.decided is None

    def allows(self, rule: str, environ: Mapping[str, Any]) -> bool:
        """Return whether the rule allows an identified request."""
        loaded = self._current()
        if rule in loaded.open:
            return True
        credentials = tuple(map(environ.get, (*_CREDENTIALS.values(), _ROLES, _SERVICE_ROLES)))
        decided = loaded.decided
        if decided is None:
            return _decide(loaded.enforcer, rule, environ)
        key = (rule, credentials)
        found = decided.get(key)
        if found is None:
            if len(decided) >= _MOST_DECISIONS:
                decided.clear()
            found = decided[key] = _decide(loaded.enforcer, rule, environ)
        return found

    def _current(self) -> _Loaded:
        now = time.monotonic()
        if self._file is None or now < self._next_check:
            return self._loaded
        if self._lock.acquire(blocking=False):  # else another request checks the files now
            try:
                self._next_check = now + CHECK_SECONDS
                _reading.run(self._check_files)
            finally:
                self._lock.release()
        return self._loaded

    def _check_files(self) -> None:
        """Load the rules again if the files have changed."""
        stamp = self._files.stamp(self._file)
        if stamp == self._loaded.stamp:
            return
        try:
            self._loaded = self._load(stamp)
            _log.info("reloaded the policy file %s", self._file, extra=EACH)
        except SettingsInvalid as problem:
            _log.error("cannot reload the policy file, the previous rules stay in force: %s", problem)
            self._loaded = replace(self._loaded, stamp=stamp)

    def _load(self, stamp: object) -> _Loaded:
        from oslo_config import cfg
        from oslo_policy import policy

        rules = self._files.read(self._file, self._defaults, self._known)
        options = cfg.ConfigOpts()
        options([], project="zaqar", default_config_files=[], default_config_dirs=[])
        enforcer = policy.Enforcer(options, rules=rules, use_conf=False)
        has_external_checks = any(self._files.has_external_checks(check) for check in rules.values())
        open_rules = frozenset(name for name, check in rules.items() if str(check) == "@")
        return _Loaded(enforcer, open_rules, stamp, None if has_external_checks else {})


def _decide(enforcer: Any, rule: str, environ: Mapping[str, Any]) -> bool:
    credentials: dict[str, Any] = {name: environ.get(header) for name, header in _CREDENTIALS.items()}
    credentials["roles"] = sorted(identity.roles(environ, _ROLES))
    credentials["service_roles"] = sorted(identity.roles(environ, _SERVICE_ROLES))
    # A request can only reach resources of the caller's own project.
    target = {"project_id": credentials["project_id"]}
    try:
        credentials["is_admin"] = bool(enforcer.enforce(_ADMIN, target, credentials))
        return bool(enforcer.enforce(rule, target, credentials))
    except Exception:
        _log.exception("cannot evaluate the policy rule %s, so the request is denied", rule)
        return False
