"""The access of one process: its credentials, and what verifies requests by them.

Modules that only a service with credentials needs are imported here when it has some: others start without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from zaqar_core.access.reloading import Credentials
    from zaqar_core.access.session_tokens import SessionTokens
    from zaqar_core.access.verification import Verifier
    from zaqar_core.configuration.settings import Settings
    from zaqar_core.domain.identity import Authenticator


@dataclass(frozen=True, slots=True)
class Gate:
    """What the faces of a service with credentials need to find their callers."""

    credentials: Credentials
    sessions: SessionTokens
    verifier: Verifier


def credentials(settings: Settings) -> Credentials | None:
    """Read the credentials file; return None where callers need no credentials. Raises SettingsInvalid."""
    if settings.credentials_file is None:
        return None
    from zaqar_core.access import reloading

    return reloading.of_settings(settings)


def authenticator(known: Credentials | None, keystone: Authenticator | None) -> Authenticator | None:
    """Return what authenticates Zaqar's callers: the credentials file, then Keystone; None without either."""
    if known is None:
        return keystone
    from zaqar_core.access.users import Users

    return Users(known, keystone)


def opened(settings: Settings, known: Credentials | None, secret: Callable[[], bytes]) -> Gate | None:
    """Watch the credentials file, and return the gate. ``secret`` returns that of the store."""
    if known is None:
        return None
    from zaqar_core.access.session_tokens import SessionTokens
    from zaqar_core.access.verification import Verifier

    known.watch()
    sessions = SessionTokens(secret)
    return Gate(known, sessions, Verifier(settings, known, sessions))
