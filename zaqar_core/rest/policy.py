"""Who may do what with Keystone: the rules of OpenStack's policy files, read and decided by oslo.policy (extra
``keystone``).

Each row of the route table has the name of its rule, as Zaqar names them. A file of the operator overrides rules one by
one. It is read again when it changes. A file that is wrong ends the start; one that became wrong later is logged, and
the rules from before stay.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zaqar_core.configuration.settings import Settings, SettingsInvalid
from zaqar_core.rest import identity

_log = logging.getLogger("sqs_facade.keystone")

#: Rules that need one of ``admin_roles`` where the file does not say otherwise. Everybody with a token may do the rest.
ADMIN_RULES = frozenset((
    "pools:get_all", "pools:get", "pools:create", "pools:update", "pools:delete", "flavors:create", "flavors:update",
    "flavors:delete", "health:get",
))  # fmt: skip
#: What other rules may refer to, as in Zaqar.
_HELPERS = {"admin_or_owner": "is_admin:True or project_id:%(project_id)s"}
_ADMIN = "context_is_admin"

#: Of a caller, as rules name it -> the header in which the authenticator said it.
_CREDENTIALS = {
    "user_id": "HTTP_X_USER_ID",
    "user_domain_id": "HTTP_X_USER_DOMAIN_ID",
    "project_id": "HTTP_X_PROJECT_ID",
    "project_domain_id": "HTTP_X_PROJECT_DOMAIN_ID",
    "domain_id": "HTTP_X_DOMAIN_ID",
    "system_scope": "HTTP_OPENSTACK_SYSTEM_SCOPE",
}
_ROLES, _SERVICE_ROLES = "HTTP_X_ROLES", "HTTP_X_SERVICE_ROLES"

#: How often the files are looked at.
LOOK_SECONDS = 1.0
#: Decisions that are kept; the cache is cleared when it is full.
_MOST_DECISIONS = 10_000


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The rules as of one moment. ``open`` are those that let everybody; ``stamp`` tells when files have changed."""

    enforcer: Any
    open: frozenset[str]
    stamp: object
    #: What was decided for a rule and credentials; None where a rule asks another server.
    decided: dict[Hashable, bool] | None


class Policy:
    """One serves all threads."""

    def __init__(self, settings: Settings, known: frozenset[str]) -> None:
        """``known`` are the names of all rules. Raises SettingsInvalid."""
        if importlib.util.find_spec("oslo_policy") is None:
            raise SettingsInvalid("keystone needs: pip install 'sqs-facade[keystone]'", setting="auth_strategy")
        from zaqar_core.rest import policy_files  # loads oslo.policy

        self._files = policy_files
        admin = " or ".join(f"role:{role}" for role in settings.admin_roles) or "!"
        self._defaults = {_ADMIN: admin, **_HELPERS, **{name: admin if name in ADMIN_RULES else "" for name in known}}
        self._known = known
        self._file = settings.policy_file
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._loaded = self._load(self._files.stamp(self._file))

    @property
    def asks_others(self) -> bool:
        """Whether a decision may take as long as another server does."""
        return self._loaded.decided is None

    def allows(self, rule: str, environ: Mapping[str, Any]) -> bool:
        """Whether an identified request may do what the rule is about."""
        loaded = self._current()
        if rule in loaded.open:
            return True
        who = tuple(map(environ.get, (*_CREDENTIALS.values(), _ROLES, _SERVICE_ROLES)))
        decided = loaded.decided
        if decided is None:
            return _decide(loaded.enforcer, rule, environ)
        key = (rule, who)
        found = decided.get(key)
        if found is None:
            if len(decided) >= _MOST_DECISIONS:
                decided.clear()
            found = decided[key] = _decide(loaded.enforcer, rule, environ)
        return found

    def _current(self) -> _Loaded:
        now = time.monotonic()
        if self._file is None or now < self._next_look:
            return self._loaded
        with self._lock:
            self._next_look = now + LOOK_SECONDS
            stamp = self._files.stamp(self._file)
            if stamp != self._loaded.stamp:
                try:
                    self._loaded = self._load(stamp)
                    _log.warning("the policy was read again: %s", self._file)
                except SettingsInvalid as problem:
                    _log.error("the policy stays as it was: %s", problem)
                    self._loaded = replace(self._loaded, stamp=stamp)
            return self._loaded

    def _load(self, stamp: object) -> _Loaded:
        from oslo_config import cfg
        from oslo_policy import policy

        rules = self._files.read(self._file, self._defaults, self._known)
        options = cfg.ConfigOpts()
        options([], project="zaqar", default_config_files=[], default_config_dirs=[])
        enforcer = policy.Enforcer(options, rules=rules, use_conf=False)
        asks_others = any(self._files.asks_others(check) for check in rules.values())
        everybody = frozenset(name for name, check in rules.items() if str(check) == "@")
        return _Loaded(enforcer, everybody, stamp, None if asks_others else {})


def _decide(enforcer: Any, rule: str, environ: Mapping[str, Any]) -> bool:
    credentials: dict[str, Any] = {name: environ.get(header) for name, header in _CREDENTIALS.items()}
    credentials["roles"] = sorted(identity.roles(environ, _ROLES))
    credentials["service_roles"] = sorted(identity.roles(environ, _SERVICE_ROLES))
    # All that a request can name is in its caller's own project.
    target = {"project_id": credentials["project_id"]}
    try:
        credentials["is_admin"] = bool(enforcer.enforce(_ADMIN, target, credentials))
        return bool(enforcer.enforce(rule, target, credentials))
    except Exception:
        _log.exception("the policy rule %s cannot be decided, so it denies", rule)
        return False
