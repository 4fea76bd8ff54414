"""Test hooks: move a service's clock forward, reset it, inject faults (chaos), and record events (spy).

They wrap the service from outside. Without them none of these objects exists, and requests take no extra time.
"""

from collections.abc import Callable
from functools import partial

from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.web.hooks.face import PATH, AbsentFace, HooksFace
from zaqar_core.web.hooks.session import HookedSession
from zaqar_core.web.hooks.switches import Switches

__all__ = ["PATH", "AbsentFace", "HooksFace", "Switches", "sessions"]


def sessions(switches: Switches | None) -> Callable[[Core], Session]:
    """Return the function that creates a core's sessions: hooked sessions if there are ``switches``."""
    return Session if switches is None else partial(HookedSession, switches=switches)
