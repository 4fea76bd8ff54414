"""A look at a deployment that is not in use yet: whether it can be a pool, and which one it is."""

from __future__ import annotations

import re

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import catalogue, readiness
from zaqar_core.store.deployment import StoreUrlInvalid
from zaqar_core.store.single_server import Generation
from zaqar_core.store.slots import open_store

_CREDENTIALS = re.compile(r"//[^/]*@")


def identity(settings: Settings, url: str) -> str:
    """What tells the deployment from others. Raises StoreUnavailable with what is wrong, without credentials."""
    try:
        store = open_store(settings, url, Generation())
    except StoreUrlInvalid as problem:
        # What is wrong with a URL may be a part of its password.
        reason = "" if "@" in url else f": {problem.reason}"
        raise StoreUnavailable(f"it is not a Redis URL that this service can read{reason}") from None
    except (ValueError, TypeError):
        raise StoreUnavailable("it is not a Redis URL that this service can read") from None
    try:
        readiness.check(store, settings.durability)
        return catalogue.identity(store)
    except (TypeError, ValueError):  # options that its connection does not know
        raise StoreUnavailable("the URL has options that are not known") from None
    except StoreUnavailable as problem:
        raise StoreUnavailable(_CREDENTIALS.sub("//", problem.reason)) from None
    finally:
        store.close()
