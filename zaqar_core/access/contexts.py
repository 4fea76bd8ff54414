"""The context of a request: the values of the condition keys and policy variables of AWS.

No header sets ``aws:SourceArn`` or ``aws:SourceAccount``: on AWS only a service sets them, for the resource on whose
behalf it calls. A client that could write them could play any producer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from zaqar_core.access.callers import is_root
from zaqar_core.access.principals import Principal

#: Longer headers count up to this character in conditions: it bounds the time of a comparison.
_MOST_CHARACTERS = 3000

Found = tuple[str, ...] | None


class RequestContext:
    """The values of one HTTP request, each found when a policy asks for it. ``environ`` is that of WSGI."""

    __slots__ = ("_account", "_caller", "_environ", "_now", "_region")

    def __init__(self, caller: Principal, environ: Mapping[str, Any], region: str, account: str) -> None:
        """``region`` and ``account`` are those of the resource."""
        self._caller = caller
        self._environ = environ
        self._region = region
        self._account = account
        self._now: float | None = None

    def get(self, key: str) -> Found:
        """Return the values of a key, given in lower case; None if the request has no such key."""
        find = _KEYS.get(key)
        if find is not None:
            return find(self)
        if key.startswith(_TAG):
            return _tag(self._caller, key.removeprefix(_TAG))
        return None

    # -- one method for each key ---------------------------------------------------------------------------------------

    def _source_ip(self) -> Found:
        return _one(self._environ.get("REMOTE_ADDR"))

    def _secure_transport(self) -> Found:
        return _flag(self._environ.get("wsgi.url_scheme") == "https")

    def _user_agent(self) -> Found:
        return _one(self._environ.get("HTTP_USER_AGENT"))

    def _referer(self) -> Found:
        return _one(self._environ.get("HTTP_REFERER"))

    def _current_time(self) -> Found:
        moment = datetime.fromtimestamp(self._seconds(), UTC)
        return (moment.strftime("%Y-%m-%dT%H:%M:%SZ"),)

    def _epoch_time(self) -> Found:
        return (str(int(self._seconds())),)

    def _seconds(self) -> float:
        """Return the time of the request: the same one for all conditions."""
        if self._now is None:
            self._now = time.time()
        return self._now

    def _requested_region(self) -> Found:
        return _one(self._region)

    def _resource_account(self) -> Found:
        return _one(self._account)

    def _principal_arn(self) -> Found:
        return _one(self._caller.role_arn or self._caller.arn)

    def _principal_account(self) -> Found:
        return _one(self._caller.account)

    def _principal_type(self) -> Found:
        caller = self._caller
        if caller.is_anonymous:
            return None if caller.service else ("Anonymous",)
        if is_root(caller):
            return ("Account",)
        return ("AssumedRole",) if caller.role_arn else ("User",)

    def _principal_is_service(self) -> Found:
        return _flag(bool(self._caller.service))

    def _service_name(self) -> Found:
        return _one(self._caller.service)

    def _user_id(self) -> Found:
        return _one(self._caller.user_id)

    def _user_name(self) -> Found:
        return _one(self._caller.user_name)

    def _via_service(self) -> Found:
        return ("false",)


_TAG = "aws:principaltag/"

#: By key in lower case: AWS compares the names of keys without regard to case.
_KEYS: Mapping[str, Callable[[RequestContext], Found]] = {
    "aws:sourceip": RequestContext._source_ip,
    "aws:securetransport": RequestContext._secure_transport,
    "aws:useragent": RequestContext._user_agent,
    "aws:referer": RequestContext._referer,
    "aws:currenttime": RequestContext._current_time,
    "aws:epochtime": RequestContext._epoch_time,
    "aws:requestedregion": RequestContext._requested_region,
    "aws:resourceaccount": RequestContext._resource_account,
    "aws:principalarn": RequestContext._principal_arn,
    "aws:principalaccount": RequestContext._principal_account,
    "aws:principaltype": RequestContext._principal_type,
    "aws:principalisawsservice": RequestContext._principal_is_service,
    "aws:principalservicename": RequestContext._service_name,
    "aws:userid": RequestContext._user_id,
    "aws:username": RequestContext._user_name,
    "aws:viaawsservice": RequestContext._via_service,
}


#: Keys whose values are the same in all requests of a caller on one queue.
_CONSTANT = frozenset((
    "aws:requestedregion", "aws:resourceaccount", "aws:principalarn", "aws:principalaccount", "aws:principaltype",
    "aws:principalisawsservice", "aws:principalservicename", "aws:userid", "aws:username", "aws:viaawsservice",
))  # fmt: skip
#: Keys with few values, of which permissions are remembered. The others are the time, and texts that clients choose.
REMEMBERED = frozenset(("aws:sourceip", "aws:securetransport"))


def remembered(environ: Mapping[str, Any]) -> tuple[object, object]:
    """Return that on which the values of REMEMBERED depend."""
    get = environ.get
    return get("REMOTE_ADDR"), get("wsgi.url_scheme")


def varying(keys: Iterable[str]) -> set[str]:
    """Return those of the keys whose values may differ between requests of one caller on one queue."""
    return {key for key in keys if key not in _CONSTANT and (key in _KEYS or key.startswith(_TAG))}


class GivenContext:
    """The values of a request over those that are ``given`` by hand, by key: for tests and simulations.

    A key that is given as None is missing.
    """

    __slots__ = ("_below", "_given")

    def __init__(self, given: Mapping[str, str | list[str] | None], below: RequestContext | None = None) -> None:
        self._given = {key.lower(): _listed(value) for key, value in given.items()}
        self._below = below

    def get(self, key: str) -> Found:
        """Return the values of a key, given in lower case; None if there are none."""
        if key in self._given:
            return self._given[key]
        return None if self._below is None else self._below.get(key)


def _listed(value: str | list[str] | None) -> Found:
    if value is None:
        return None
    return tuple(value) if isinstance(value, list) else (value,)


def _one(value: str | None) -> Found:
    return (value[:_MOST_CHARACTERS],) if value else None


def _flag(value: bool) -> Found:
    return ("true",) if value else ("false",)


def _tag(caller: Principal, name: str) -> Found:
    for key, value in caller.tags.items():
        if key.lower() == name:
            return (value,)
    return None
