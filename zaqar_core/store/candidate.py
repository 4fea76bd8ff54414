"""Check of a deployment that is to become a pool: whether it is fit, and its identity."""

from __future__ import annotations

import re

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import catalogue, readiness
from zaqar_core.store.deployment import StoreUrlInvalid
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store

_CREDENTIALS = re.compile(r"//[^/]*@")


def identity(settings: Settings, url: str) -> str:
    """Connect, check the deployment and return its identity. Raises StoreUnavailable; the reason has no credentials."""
    try:
        store = open_store(settings, url, Generation(), name="the candidate")
    except StoreUrlInvalid as problem:
        # The reason may quote a part of the password.
        reason = "" if "@" in url else f": {problem.reason}"
        raise StoreUnavailable(f"not a valid Redis URL{reason}") from None
    except (ValueError, TypeError):
        raise StoreUnavailable("not a valid Redis URL") from None
    try:
        readiness.check(store, settings.durability)
        return catalogue.identity(store)
    except (TypeError, ValueError):  # options that redis-py's connection does not accept
        raise StoreUnavailable("the Redis URL has an unknown option") from None
    except StoreUnavailable as problem:
        raise StoreUnavailable(_CREDENTIALS.sub("//", problem.reason)) from None
    finally:
        store.close()
